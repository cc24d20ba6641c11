"""Rulebook versions, subjects, entries, the daily staff table, appeals; assessments that can be computed again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rulebook_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rulebook_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rulebook_version")),
        sa.UniqueConstraint("rulebook_id", "version", name="uq_rulebook_version"),
    )
    op.create_table(
        "assessed",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rulebook_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("superiors", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("attributes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_assessed_batch_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name=op.f("fk_assessed_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessed")),
    )
    op.create_index("ix_assessed_rulebook", "assessed", ["rulebook_id"], unique=False)
    op.create_table(
        "entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rulebook_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("subject_code", sa.Text(collation="C"), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("value", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_entry_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry")),
    )
    op.create_index("ix_entry_key", "entry", ["rulebook_id", "period", "input", "subject_code", "ref"], unique=False)
    op.create_table(
        "staff_day",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("subject_code", sa.Text(collation="C"), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("worked_h", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("online_h", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_absent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_all_off", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_staff_day_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_day")),
    )
    op.create_index("ix_staff_day_key", "staff_day", ["day", "subject_code", "person"], unique=False)
    op.create_table(
        "appeal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("assessment_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_code", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fact_no", sa.Text(collation="C"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("kind IN ('case', 'sample', 'entry')", name=op.f("ck_appeal_kind")),
        sa.CheckConstraint("state IN ('open', 'granted', 'rejected')", name=op.f("ck_appeal_state")),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessment.id"], name=op.f("fk_appeal_assessment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal")),
        sa.UniqueConstraint("kind", "fact_no", "assessment_id", name="uq_appeal_fact"),
    )
    op.create_index(op.f("ix_appeal_assessment_id"), "appeal", ["assessment_id"], unique=False)
    op.add_column("assessment", sa.Column("dossier", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("assessment", sa.Column("complete", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("assessment", sa.Column("published_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("assessment", sa.Column("published_by", sa.Text(), nullable=True))
    op.add_column("assessment", sa.Column("corrects", sa.BigInteger(), nullable=True))
    op.add_column(
        "assessment",
        sa.Column(
            "confirmed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
    )
    op.create_foreign_key(op.f("fk_assessment_corrects"), "assessment", "assessment", ["corrects"], ["id"])
    op.add_column("assessment_subject", sa.Column("chance", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("assessment_subject", "chance")
    op.drop_constraint(op.f("fk_assessment_corrects"), "assessment", type_="foreignkey")
    op.drop_column("assessment", "confirmed_at")
    op.drop_column("assessment", "corrects")
    op.drop_column("assessment", "published_by")
    op.drop_column("assessment", "published_at")
    op.drop_column("assessment", "complete")
    op.drop_column("assessment", "dossier")
    op.drop_index(op.f("ix_appeal_assessment_id"), table_name="appeal")
    op.drop_table("appeal")
    op.drop_index("ix_staff_day_key", table_name="staff_day")
    op.drop_table("staff_day")
    op.drop_index("ix_entry_key", table_name="entry")
    op.drop_table("entry")
    op.drop_index("ix_assessed_rulebook", table_name="assessed")
    op.drop_table("assessed")
    op.drop_table("rulebook_version")
