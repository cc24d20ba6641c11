"""Inspections (抽查): draws with their items, what was found, rectification notices. Rows are only added."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gridmgmt.database.tables.base import code, instant, known_at, metadata, plain_ref, ref, row_id, texts

draw = Table(
    "draw",
    metadata,
    row_id(),
    Column("name", Text(collation="C"), nullable=False, unique=True),
    Column("plan_id", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    ref("supersedes", "draw.id"),
    Column("reason", Text),
    known_at(),
    UniqueConstraint("supersedes", name="uq_draw_supersedes"),
    CheckConstraint("num_nulls(supersedes, reason) <> 1", name="reason"),
    Index("ix_draw_plan_id", "plan_id", "period"),
)
"""Draws (抽取): the canonical document by value; another draw of the same plan and period says why it is made."""

draw_item = Table(
    "draw_item",
    metadata,
    row_id(),
    ref("draw_id", "draw.id", nullable=False, index=True),
    Column("sample_no", Text(collation="C"), nullable=False, unique=True),
    code("unit_code", nullable=False),
    Column("sample_type", Text, nullable=False),
    Column("object", Text, nullable=False),
    code("feature", nullable=False),
    *texts("name_zh", "name_en"),
    Column("grid_codes", JSONB, nullable=False),
    Column("lon", Float, nullable=False),
    Column("lat", Float, nullable=False),
)
"""What was drawn: ``feature`` is kind and code in the layers, ``grid_codes`` the codes by level, the city first."""

sample_share = Table(
    "sample_share",
    metadata,
    Column("sample_no", Text(collation="C"), nullable=False),
    Column("level", SmallInteger, nullable=False),
    code("grid_code", nullable=False),
    Column("length_mm", BigInteger, nullable=False),
    Column("total_mm", BigInteger, nullable=False),
    PrimaryKeyConstraint("sample_no", "level", "grid_code", name="pk_sample_share"),
)
"""A road's length in each grid, of the length that was drawn for its unit; what a level lacks lies in no grid."""

inspection = Table(
    "inspection",
    metadata,
    row_id(),
    ref("draw_item_id", "draw_item.id", nullable=False, index=True),
    instant("inspected_at", nullable=False),
    Column("inspector", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("note", Text),
    Column("score", Numeric),
    Column("content_hash", Text, nullable=False),
    plain_ref("batch_id", nullable=False),
    known_at(),
    CheckConstraint("result IN ('inspected', 'not_inspected')", name="result"),
)
"""Samples as they were inspected (检查记录); of one sample the newest row counts."""

finding = Table(
    "finding",
    metadata,
    row_id(),
    ref("inspection_id", "inspection.id", nullable=False, index=True),
    code("item_code", nullable=False),
    Column("n", Integer, nullable=False),
    Column("points", Numeric, nullable=False),
    Column("text", Text),
    Column("photographs", ARRAY(Text), nullable=False),
    Column("lon", Float),
    Column("lat", Float),
    instant("found_at"),
)
"""Findings (检查发现) of an inspection; photographs by the SHA-256 of their files."""

notice = Table(
    "notice",
    metadata,
    row_id(),
    Column("notice_no", Text(collation="C"), nullable=False, unique=True),
    ref("draw_id", "draw.id", nullable=False, index=True),
    code("unit_code", nullable=False),
    instant("issued_at", nullable=False),
    instant("due_at", nullable=False),
    Column("issued_by", Text, nullable=False),
    known_at(),
    CheckConstraint("due_at > issued_at", name="due"),
)
"""Rectification notices (整改通知): one unit, some findings, a deadline."""

notice_finding = Table(
    "notice_finding",
    metadata,
    ref("notice_id", "notice.id", nullable=False),
    ref("finding_id", "finding.id", nullable=False),
    PrimaryKeyConstraint("notice_id", "finding_id", name="pk_notice_finding"),
)

notice_check = Table(
    "notice_check",
    metadata,
    row_id(),
    ref("notice_id", "notice.id", nullable=False, index=True),
    Column("result", Text, nullable=False),
    instant("checked_at", nullable=False),
    Column("checked_by", Text, nullable=False),
    Column("note", Text),
    known_at(),
    CheckConstraint("result IN ('done', 'not_done')", name="result"),
)
"""Checks of rectification (整改复查); whether it came late follows from the times and is stored nowhere."""
