"""Sampling draws, findings, rectification notices."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _known_at() -> sa.Column[Any]:
    return sa.Column(
        "known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
    )


def _code(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(collation="C"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "draw",
        _id(),
        _code("name"),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("supersedes", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        _known_at(),
        sa.CheckConstraint("num_nulls(supersedes, reason) <> 1", name=op.f("ck_draw_reason")),
        sa.ForeignKeyConstraint(["supersedes"], ["draw.id"], name=op.f("fk_draw_supersedes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw")),
        sa.UniqueConstraint("name", name=op.f("uq_draw_name")),
        sa.UniqueConstraint("supersedes", name="uq_draw_supersedes"),
    )
    op.create_index("ix_draw_plan_id", "draw", ["plan_id", "period"], unique=False)
    op.create_table(
        "draw_item",
        _id(),
        sa.Column("draw_id", sa.BigInteger(), nullable=False),
        _code("sample_no"),
        _code("unit_code"),
        sa.Column("sample_type", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        _code("feature"),
        sa.Column("name_zh", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("grid_codes", postgresql.JSONB(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name=op.f("fk_draw_item_draw_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw_item")),
        sa.UniqueConstraint("sample_no", name=op.f("uq_draw_item_sample_no")),
    )
    op.create_index(op.f("ix_draw_item_draw_id"), "draw_item", ["draw_id"], unique=False)
    op.create_table(
        "sample_share",
        _code("sample_no"),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        _code("grid_code"),
        sa.Column("length_mm", sa.BigInteger(), nullable=False),
        sa.Column("total_mm", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sample_no", "level", "grid_code", name="pk_sample_share"),
    )
    op.create_table(
        "inspection",
        _id(),
        sa.Column("draw_item_id", sa.BigInteger(), nullable=False),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("inspector", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("score", sa.Numeric(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        _known_at(),
        sa.CheckConstraint("result IN ('inspected', 'not_inspected')", name=op.f("ck_inspection_result")),
        sa.ForeignKeyConstraint(["draw_item_id"], ["draw_item.id"], name=op.f("fk_inspection_draw_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection")),
    )
    op.create_index(op.f("ix_inspection_draw_item_id"), "inspection", ["draw_item_id"], unique=False)
    op.create_table(
        "finding",
        _id(),
        sa.Column("inspection_id", sa.BigInteger(), nullable=False),
        _code("item_code"),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("points", sa.Numeric(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("photographs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspection.id"], name=op.f("fk_finding_inspection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_inspection_id"), "finding", ["inspection_id"], unique=False)
    op.create_table(
        "notice",
        _id(),
        _code("notice_no"),
        sa.Column("draw_id", sa.BigInteger(), nullable=False),
        _code("unit_code"),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.Text(), nullable=False),
        _known_at(),
        sa.CheckConstraint("due_at > issued_at", name=op.f("ck_notice_due")),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name=op.f("fk_notice_draw_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("notice_no", name=op.f("uq_notice_notice_no")),
    )
    op.create_index(op.f("ix_notice_draw_id"), "notice", ["draw_id"], unique=False)
    op.create_table(
        "notice_finding",
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("finding_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_finding_notice_id")),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name=op.f("fk_notice_finding_finding_id")),
        sa.PrimaryKeyConstraint("notice_id", "finding_id", name="pk_notice_finding"),
    )
    op.create_table(
        "notice_check",
        _id(),
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        _known_at(),
        sa.CheckConstraint("result IN ('done', 'not_done')", name=op.f("ck_notice_check_result")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_check_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_check")),
    )
    op.create_index(op.f("ix_notice_check_notice_id"), "notice_check", ["notice_id"], unique=False)


def downgrade() -> None:
    for table in ("notice_check", "notice_finding", "notice", "finding", "inspection"):
        op.drop_table(table)
    for table in ("sample_share", "draw_item", "draw"):
        op.drop_table(table)
