"""Cases and inspection samples: current rows, versions, assignments, and the rows in quarantine."""

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database.tables.base import GRID_COLUMNS, code, instant, known_at, metadata, plain_ref, ref, row_id, texts


def _category() -> list[Column[Any]]:
    return [Column("category_scheme", Text), Column("category_kind", Text), code("category_code")]


def case_facts() -> list[Column[Any]]:
    """What a version of a case states; the same columns in ``cases`` and ``case_version``."""
    return [
        *_category(),
        *texts("source", "status"),
        instant("reported_at", nullable=False),
        *map(instant, ("accepted_at", "registered_at", "dispatched_at", "due_at", "due_extended_at")),
        *map(instant, ("handled_at", "closed_at", "voided_at")),
        Column("n_rework", Integer),
        instant("reworked_at"),
        Column("is_repeat", Boolean),
        code("unit_code"),
        *texts("address", "description"),
        Column("lon", Float),
        Column("lat", Float),
    ]


def sample_facts() -> list[Column[Any]]:
    """What a version of an inspection sample (抽查样本) states."""
    return [
        *texts("sample_type", "object_name"),
        instant("sampled_at", nullable=False),
        Column("score", Numeric),
        *texts("result", "findings"),
        code("unit_code"),
        Column("address", Text),
        Column("lon", Float),
        Column("lat", Float),
    ]


def _located() -> list[Column[Any]]:
    """Where a fact row belongs now: edition, grids of all levels, the unit that answers, and why."""
    return [
        plain_ref("edition_id"),
        *(plain_ref(name) for name in GRID_COLUMNS),
        plain_ref("unit_id"),
        Column("located", Text, nullable=False),
    ]


def _versioned() -> list[Column[Any]]:
    return [
        instant("version_at", nullable=False),
        Column("content_hash", Text, nullable=False),
        plain_ref("batch_id", nullable=False),
        Column("row_no", Integer, nullable=False),
        known_at(),
    ]


cases = Table(
    "cases",
    metadata,
    row_id(),
    Column("case_no", Text(collation="C"), nullable=False, unique=True),
    *case_facts(),
    *_versioned(),
    *_located(),
    Column("geom", Geometry("POINT", srid=STORAGE_EPSG, spatial_index=False)),
    Index("ix_cases_geom", "geom", postgresql_using="gist"),
    Index("ix_cases_reported_at", "reported_at"),
    Index("ix_cases_registered_at", "registered_at"),
    Index("ix_cases_due", text("coalesce(due_extended_at, due_at)")),
    Index("ix_cases_leaf", "grid_l4", "reported_at"),
)

case_version = Table(
    "case_version",
    metadata,
    row_id(),
    plain_ref("case_id", nullable=False),
    *case_facts(),
    *_versioned(),
    UniqueConstraint("case_id", "version_at", name="uq_case_version"),
)

reporter = Table(
    "reporter",
    metadata,
    Column("case_id", BigInteger, ForeignKey("cases.id"), primary_key=True, autoincrement=False),
    *texts("name", "phone"),
)

samples = Table(
    "samples",
    metadata,
    row_id(),
    Column("sample_no", Text(collation="C"), nullable=False, unique=True),
    *sample_facts(),
    *_versioned(),
    *_located(),
    Column("geom", Geometry("POINT", srid=STORAGE_EPSG, spatial_index=False)),
    Index("ix_samples_geom", "geom", postgresql_using="gist"),
    Index("ix_samples_sampled_at", "sampled_at"),
)

sample_version = Table(
    "sample_version",
    metadata,
    row_id(),
    plain_ref("sample_id", nullable=False),
    *sample_facts(),
    *_versioned(),
    UniqueConstraint("sample_id", "version_at", name="uq_sample_version"),
)

assignment = Table(
    "assignment",
    metadata,
    row_id(),
    plain_ref("case_id", index=True),
    plain_ref("sample_id", index=True),
    *_located(),
    plain_ref("batch_id", nullable=False),
    known_at(),
    CheckConstraint("num_nonnulls(case_id, sample_id) = 1", name="one_fact"),
)

quarantine = Table(
    "quarantine",
    metadata,
    row_id(),
    ref("batch_id", "batch.id", nullable=False),
    Column("kind", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("row_no", Integer, nullable=False),
    Column("crs", Text),
    Column("raw", JSONB, nullable=False),
    Column("problems", JSONB, nullable=False),
    instant("source_as_of"),
    ref("resolved_by", "batch.id"),
    known_at(),
    UniqueConstraint("kind", "file_sha256", "row_no", name="uq_quarantine_row"),
)
