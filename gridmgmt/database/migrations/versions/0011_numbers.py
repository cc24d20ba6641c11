"""A publication is sealed: a publisher or moment that is changed afterwards is noticed when it is recomputed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None

_SEAL = """
UPDATE assessment SET published_seal = encode(sha256(convert_to(concat_ws(E'\\n', name, sha256, published_by,
    to_char(published_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')), 'UTF8')), 'hex')
WHERE published_at IS NOT NULL
"""
_STAYS = """
CREATE TRIGGER published_stays BEFORE UPDATE ON assessment FOR EACH ROW WHEN (OLD.published_seal IS NOT NULL)
EXECUTE FUNCTION refuse_change_but('confirmed_at');
CREATE TRIGGER published_is_sealed BEFORE UPDATE ON assessment FOR EACH ROW
WHEN (OLD.published_at IS NOT NULL AND OLD.published_seal IS NULL)
EXECUTE FUNCTION refuse_change_but('confirmed_at', 'published_seal');
"""


def upgrade() -> None:
    op.execute("DROP TRIGGER published_stays ON assessment")
    op.add_column("assessment", sa.Column("published_seal", sa.Text))
    op.execute(sa.text(_SEAL))
    op.execute(_STAYS)
