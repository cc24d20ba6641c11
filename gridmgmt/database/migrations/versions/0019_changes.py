"""Each statement that writes into a table tells what kind of thing changed, to servers that keep answers."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
