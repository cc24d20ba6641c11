"""People in posts, the levels of units, land owners in the responsibility table."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("unit", sa.Column("level", sa.SmallInteger(), nullable=True))
    op.add_column("unit", sa.Column("grid_code", sa.Text(collation="C"), nullable=True))
    op.add_column("responsibility", sa.Column("land_owner", sa.Text(), nullable=True))
    op.add_column(
        "responsibility", sa.Column("override", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_person_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("code", name=op.f("uq_person_code")),
    )
    op.create_table(
        "post",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=True),
        sa.Column("grid_code", sa.Text(collation="C"), nullable=True),
        sa.Column("full_time", sa.Boolean(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("num_nulls(level, grid_code) <> 1", name=op.f("ck_post_grid")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_post_batch_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_post_person_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_post_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
    )
    op.create_index(op.f("ix_post_person_id"), "post", ["person_id"], unique=False)
    op.create_index(op.f("ix_post_unit_id"), "post", ["unit_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_post_unit_id"), table_name="post")
    op.drop_index(op.f("ix_post_person_id"), table_name="post")
    op.drop_table("post")
    op.drop_table("person")
    op.drop_column("responsibility", "override")
    op.drop_column("responsibility", "land_owner")
    op.drop_column("unit", "grid_code")
    op.drop_column("unit", "level")
