"""The work calendars by which deadlines are counted are kept, so that each is explained by its own."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE work_calendar (
    identity text NOT NULL COLLATE "C", document jsonb NOT NULL,
    known_at timestamptz DEFAULT clock_timestamp() NOT NULL, actor_id bigint DEFAULT current_actor(),
    CONSTRAINT pk_work_calendar PRIMARY KEY (identity),
    CONSTRAINT fk_work_calendar_actor_id FOREIGN KEY (actor_id) REFERENCES actor (id)
);
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON work_calendar
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.execute(_TABLE)
