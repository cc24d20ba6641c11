"""Inspections (抽查): draws with their items, what was found, rectification notices. Rows are only added."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gridmgmt.database.tables.base import code, instant, metadata, numbered, record, ref, texts

draw = record(
    "draw",
    sa.Column("name", sa.Text(collation="C"), nullable=False, unique=True),
    *texts("plan_id", "period", "sha256", nullable=False),
    sa.Column("document", JSONB, nullable=False),
    ref("supersedes", "draw.id"),
    sa.Column("reason", sa.Text),
    sa.UniqueConstraint("supersedes", name="uq_draw_supersedes"),
    sa.CheckConstraint("num_nulls(supersedes, reason) <> 1", name="reason"),
    sa.Index("ix_draw_plan_id", "plan_id", "period"),
)
"""Draws (抽取): the canonical document by value; another draw of the same plan and period says why it is made."""

draw_item = numbered(
    "draw_item",
    ref("draw_id", "draw.id", nullable=False, index=True),
    sa.Column("sample_no", sa.Text(collation="C"), nullable=False, unique=True),
    code("unit_code", nullable=False),
    *texts("sample_type", "object", nullable=False),
    code("feature", nullable=False),
    *texts("name_zh", "name_en"),
    sa.Column("grid_codes", JSONB, nullable=False),
    sa.Column("lon", sa.Float, nullable=False),
    sa.Column("lat", sa.Float, nullable=False),
)
"""What was drawn: ``feature`` is kind and code in the layers, ``grid_codes`` the codes by level, the city first."""

sample_share = sa.Table(
    "sample_share",
    metadata,
    sa.Column("sample_no", sa.Text(collation="C"), nullable=False),
    sa.Column("level", sa.SmallInteger, nullable=False),
    code("grid_code", nullable=False),
    sa.Column("length_mm", sa.BigInteger, nullable=False),
    sa.Column("total_mm", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("sample_no", "level", "grid_code", name="pk_sample_share"),
)
"""A road's length in each grid, of the length that was drawn for its unit; what a level lacks lies in no grid."""

inspection = record(
    "inspection",
    ref("draw_item_id", "draw_item.id", nullable=False, index=True),
    instant("inspected_at", nullable=False),
    *texts("inspector", "result", nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("score", sa.Numeric),
    sa.Column("content_hash", sa.Text, nullable=False),
    ref("batch_id", nullable=False),
    sa.CheckConstraint("result IN ('inspected', 'not_inspected')", name="result"),
)
"""Samples as they were inspected (检查记录); of one sample the newest row counts."""

finding = numbered(
    "finding",
    ref("inspection_id", "inspection.id", nullable=False, index=True),
    code("item_code", nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("points", sa.Numeric, nullable=False),
    sa.Column("text", sa.Text),
    sa.Column("photographs", ARRAY(sa.Text), nullable=False),
    sa.Column("lon", sa.Float),
    sa.Column("lat", sa.Float),
    instant("found_at"),
)
"""Findings (检查发现) of an inspection; photographs by the SHA-256 of their files."""

notice = record(
    "notice",
    sa.Column("notice_no", sa.Text(collation="C"), nullable=False, unique=True),
    ref("draw_id", "draw.id", nullable=False, index=True),
    code("unit_code", nullable=False),
    instant("issued_at", nullable=False),
    instant("due_at", nullable=False),
    sa.Column("issued_by", sa.Text, nullable=False),
    sa.CheckConstraint("due_at > issued_at", name="due"),
)
"""Rectification notices (整改通知): one unit, some findings, a deadline."""

notice_finding = sa.Table(
    "notice_finding",
    metadata,
    ref("notice_id", "notice.id", nullable=False),
    ref("finding_id", "finding.id", nullable=False),
    sa.PrimaryKeyConstraint("notice_id", "finding_id", name="pk_notice_finding"),
)

notice_check = record(
    "notice_check",
    ref("notice_id", "notice.id", nullable=False, index=True),
    sa.Column("result", sa.Text, nullable=False),
    instant("checked_at", nullable=False),
    sa.Column("checked_by", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
    sa.CheckConstraint("result IN ('done', 'not_done')", name="result"),
)
"""Checks of rectification (整改复查); whether it came late follows from the times and is stored nowhere."""
