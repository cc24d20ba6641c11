"""Which case a duplicate repeats: its number stands in the case's row and in its versions."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('ALTER TABLE cases ADD COLUMN repeat_of text COLLATE "C"')
    op.execute('ALTER TABLE case_version ADD COLUMN repeat_of text COLLATE "C"')
    op.execute("CREATE INDEX ix_cases_repeat_of ON cases (repeat_of) WHERE repeat_of IS NOT NULL")
