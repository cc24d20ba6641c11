"""Cases and inspection samples: current rows, versions, assignments, and the rows in quarantine."""

from typing import Any

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import JSONB

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database.tables.base import GRID_COLUMNS, code, instant, known_at, metadata, numbered, record, ref, texts


def case_facts() -> list[sa.Column[Any]]:
    """What a version of a case states; the same columns in ``cases`` and ``case_version``."""
    return [
        *texts("category_scheme", "category_kind"),
        code("category_code"),
        *texts("source", "status"),
        instant("reported_at", nullable=False),
        *map(instant, ("accepted_at", "registered_at", "dispatched_at", "due_at", "due_extended_at")),
        *map(instant, ("handled_at", "closed_at", "voided_at")),
        sa.Column("n_rework", sa.Integer),
        instant("reworked_at"),
        sa.Column("is_repeat", sa.Boolean),
        code("unit_code"),
        *texts("address", "description"),
        sa.Column("lon", sa.Float),
        sa.Column("lat", sa.Float),
        code("repeat_of"),
    ]


def sample_facts() -> list[sa.Column[Any]]:
    """What a version of an inspection sample (抽查样本) states."""
    return [
        *texts("sample_type", "object_name"),
        instant("sampled_at", nullable=False),
        sa.Column("score", sa.Numeric),
        *texts("result", "findings"),
        code("unit_code"),
        sa.Column("address", sa.Text),
        sa.Column("lon", sa.Float),
        sa.Column("lat", sa.Float),
    ]


def _located() -> list[sa.Column[Any]]:
    """Where a fact row belongs: the edition it was located by, grids of all levels, the unit that answers, and how.

    The edition of its day may be a later one that has the same grids: then nothing of the row changed with it.
    """
    return [
        ref("edition_id"),
        *(ref(name) for name in GRID_COLUMNS),
        ref("unit_id"),
        sa.Column("located", sa.Text, nullable=False),
    ]


def _versioned() -> list[sa.Column[Any]]:
    return [
        instant("version_at", nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        ref("batch_id", nullable=False),
        sa.Column("row_no", sa.Integer, nullable=False),
        known_at(),
    ]


def _current(name: str, number: str, when: str, facts: list[sa.Column[Any]], *more: sa.Index) -> sa.Table:
    """The facts of a kind as their newest versions state them, each with its place.

    No index names what a step or another edition changes, and pages are filled to nine tenths: then PostgreSQL writes
    the changed row beside the old one and no index again.
    """
    return numbered(
        name,
        sa.Column(number, sa.Text(collation="C"), nullable=False, unique=True),
        *facts,
        *_versioned(),
        *_located(),
        sa.Column("geom", Geometry("POINT", srid=STORAGE_EPSG, spatial_index=False)),
        sa.Index(f"ix_{name}_geom", "geom", postgresql_using="gist"),
        sa.Index(f"ix_{name}_unplaced", when, postgresql_where=sa.text("located <> 'leaf'")),
        *more,
    )


def _versions(fact: str, facts: list[sa.Column[Any]]) -> sa.Table:
    """Every version of the facts of a kind that was ever handed in."""
    number = ref(f"{fact}_id", nullable=False)
    once = sa.UniqueConstraint(f"{fact}_id", "version_at", name=f"uq_{fact}_version")
    return numbered(f"{fact}_version", number, *facts, *_versioned(), once)


cases = _current(
    "cases",
    "case_no",
    "reported_at",
    case_facts(),
    sa.Index("ix_cases_reported_at", "reported_at"),
    sa.Index("ix_cases_registered_at", "registered_at"),
    sa.Index("ix_cases_due", sa.text("coalesce(due_extended_at, due_at)")),
    sa.Index("ix_cases_repeat_of", "repeat_of", postgresql_where=sa.text("repeat_of IS NOT NULL")),
)

case_version = _versions("case", case_facts())

reporter = sa.Table(
    "reporter",
    metadata,
    sa.Column("case_id", sa.BigInteger, sa.ForeignKey("cases.id"), primary_key=True, autoincrement=False),
    *texts("name", "phone"),
)

samples = _current(
    "samples", "sample_no", "sampled_at", sample_facts(), sa.Index("ix_samples_sampled_at", "sampled_at")
)

sample_version = _versions("sample", sample_facts())

assignment = record(
    "assignment",
    ref("case_id", index=True),
    ref("sample_id", index=True),
    *_located(),
    ref("batch_id", nullable=False),
    sa.CheckConstraint("num_nonnulls(case_id, sample_id) = 1", name="one_fact"),
)

quarantine = record(
    "quarantine",
    ref("batch_id", "batch.id", nullable=False),
    *texts("kind", "profile", "file", "file_sha256", nullable=False),
    sa.Column("row_no", sa.Integer, nullable=False),
    sa.Column("crs", sa.Text),
    sa.Column("raw", JSONB, nullable=False),
    sa.Column("given", JSONB(none_as_null=True)),
    sa.Column("problems", JSONB, nullable=False),
    instant("source_as_of"),
    ref("resolved_by", "batch.id"),
    sa.UniqueConstraint("kind", "file_sha256", "row_no", name="uq_quarantine_row"),
)
