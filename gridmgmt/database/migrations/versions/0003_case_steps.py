"""The steps of cases, time limits, photographs and files."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("origin IN ('own', 'imported', 'derived')", name=op.f("ck_step_origin")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
        sa.UniqueConstraint("case_id", "seq", name="uq_step"),
    )
    op.create_index("ix_step_at", "step", ["at"], unique=False)
    op.create_index(
        "uq_step_ref", "step", ["ref"], unique=True, postgresql_where=sa.text("ref IS NOT NULL")
    )  # fmt: skip
    op.create_table(
        "time_limit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("part_zh", sa.Text(), nullable=True),
        sa.Column("part_en", sa.Text(), nullable=True),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("condition_zh", sa.Text(), nullable=True),
        sa.Column("condition_en", sa.Text(), nullable=True),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_time_limit_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_time_limit")),
    )
    op.create_index(
        "uq_time_limit",
        "time_limit",
        [
            "category", sa.literal_column("coalesce(unit_code, ''::text)"), "stage",
            sa.literal_column("lower(valid)"), "part",
        ],
        unique=True,
    )  # fmt: skip
    op.create_table(
        "counter",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_counter")),
    )
    op.create_table(
        "stored_file",
        sa.Column("sha256", sa.Text(collation="C"), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_at_zone_known", sa.Boolean(), nullable=True),
        sa.Column("exif_lon", sa.Float(), nullable=True),
        sa.Column("exif_lat", sa.Float(), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_stored_file")),
    )
    op.create_table(
        "attachment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sha256", sa.Text(collation="C"), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("step_seq", sa.Integer(), nullable=True),
        sa.Column("sample_no", sa.Text(collation="C"), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("kind IN ('before', 'after', 'evidence')", name=op.f("ck_attachment_kind")),
        sa.CheckConstraint("num_nonnulls(case_id, sample_no) = 1", name=op.f("ck_attachment_one_fact")),
        sa.CheckConstraint("step_seq IS NULL OR case_id IS NOT NULL", name=op.f("ck_attachment_step_of_case")),
        sa.ForeignKeyConstraint(["sha256"], ["stored_file.sha256"], name=op.f("fk_attachment_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index("ix_attachment_case", "attachment", ["case_id", "step_seq"], unique=False)
    op.create_index("ix_attachment_sample", "attachment", ["sample_no"], unique=False)
    op.create_index(
        "uq_attachment",
        "attachment",
        [
            "sha256", "kind", sa.literal_column("coalesce(case_id, 0)"), sa.literal_column("coalesce(step_seq, 0)"),
            sa.literal_column("coalesce(sample_no, ''::text)"),
        ],
        unique=True,
    )  # fmt: skip
    op.create_table(
        "assessment_step",
        sa.Column("assessment_id", sa.BigInteger(), nullable=False),
        sa.Column("fact_no", sa.Text(collation="C"), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("grid_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("mask", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessment.id"], name=op.f("fk_assessment_step_assessment_id")),
        sa.UniqueConstraint("assessment_id", "fact_no", name="uq_assessment_step_step_no"),
    )
    op.drop_constraint(op.f("ck_appeal_kind"), "appeal", type_="check")
    op.create_check_constraint(op.f("ck_appeal_kind"), "appeal", "kind IN ('case', 'sample', 'step', 'entry')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_appeal_kind"), "appeal", type_="check")
    op.create_check_constraint(op.f("ck_appeal_kind"), "appeal", "kind IN ('case', 'sample', 'entry')")
    op.drop_table("assessment_step")
    op.drop_table("attachment")
    op.drop_table("stored_file")
    op.drop_table("counter")
    op.drop_table("time_limit")
    op.drop_table("step")
