"""The parts of a road sample that counted in several grids, frozen with an assessment."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assessment_sample", sa.Column("shares", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("assessment_sample", "shares")
