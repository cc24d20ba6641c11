"""The tables of the first schema that landed: every older database is of a product that was never released."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
