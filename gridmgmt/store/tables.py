"""The tables. Append-only are versions, assignments, batches and assessments; current state stands beside them.

``cases`` and ``samples`` hold the current version of each fact row with its
current grids and unit as plain columns; every version ever handed in stands in
``case_version`` / ``sample_version``, every assignment ever made in
``assignment``, each with ``known_at``, the moment the platform learnt of it.

Those large tables declare no foreign keys: PostgreSQL checks them row by row,
which took more than half of an import's time. Their ids are written by the one
transaction that read them, the rows they name are never deleted, and a test
looks for orphans.
"""

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, JSONB, ExcludeConstraint

from gridmgmt.city import STORAGE_EPSG

MAX_LEVELS = 6
"""Grid levels a city may have: four by default, a fifth is the unit grid."""

GRID_COLUMNS = tuple(f"grid_l{n}" for n in range(1, MAX_LEVELS + 1))

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=False), primary_key=True)


def _known_at() -> Column[Any]:
    return Column("known_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


def _time(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _texts(*names: str) -> list[Column[Any]]:
    return [Column(name, Text) for name in names]


def _code(name: str, *, nullable: bool = True) -> Column[str]:
    """A code compares byte by byte everywhere, so that 'the smallest code' is the same in SQL and Python."""
    return Column(name, Text(collation="C"), nullable=nullable)


def _plain_ref(name: str, *, nullable: bool = True, index: bool = False) -> Column[int]:
    """The id of a row of another table, not checked by the database (see the module's words on large tables)."""
    return Column(name, BigInteger, nullable=nullable, index=index)


def _ref(name: str, target: str, *, nullable: bool = True, index: bool = False) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(target), nullable=nullable, index=index)


city = Table(
    "city",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("document", JSONB, nullable=False),
    _known_at(),
    CheckConstraint("id = 1", name="one_row"),
)

batch = Table(
    "batch",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("file", Text),
    Column("file_sha256", Text, index=True),
    Column("profile", Text),
    _time("source_as_of"),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    _known_at(),
)

edition = Table(
    "edition",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("valid", DATERANGE),
    Column("source", Text),
    Column("report", JSONB, nullable=False),
    _time("activated_at"),
    _known_at(),
    ExcludeConstraint(("valid", "&&"), using="gist", name="ex_edition_valid"),
)

grid = Table(
    "grid",
    metadata,
    _id(),
    _ref("edition_id", "edition.id", nullable=False),
    Column("level", SmallInteger, nullable=False),
    _code("code", nullable=False),
    _code("parent_code"),
    *_texts("name_zh", "name_en"),
    Column("kind", Text, nullable=False),
    Column("responsible", Text),
    Column("area_m2", Float, nullable=False),
    Column("geom", Geometry("MULTIPOLYGON", srid=STORAGE_EPSG, spatial_index=False), nullable=False),
    UniqueConstraint("edition_id", "level", "code", name="uq_grid_edition_level_code"),
    Index("ix_grid_geom", "geom", postgresql_using="gist"),
    Index("ix_grid_parent", "edition_id", "level", "parent_code"),
)

lineage = Table(
    "lineage",
    metadata,
    _id(),
    _ref("edition_a", "edition.id", nullable=False),
    _ref("edition_b", "edition.id", nullable=False),
    Column("level", SmallInteger, nullable=False),
    _code("code_a"),
    _code("code_b"),
    Column("share_a", Float),
    Column("share_b", Float),
    Column("area_m2", Float, nullable=False),
    Index("ix_lineage_pair", "edition_a", "edition_b", "level"),
)

subject = Table(
    "subject",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("level", SmallInteger, nullable=False, server_default=text("0")),
    _code("code", nullable=False),
    *_texts("name_zh", "name_en"),
    Column("valid", DATERANGE),
    _known_at(),
    UniqueConstraint("kind", "level", "code", name="uq_subject_kind_level_code"),
    CheckConstraint("kind IN ('grid', 'unit', 'person')", name="kind"),
)

unit = Table(
    "unit",
    metadata,
    _id(),
    Column("code", Text(collation="C"), nullable=False, unique=True),
    *_texts("name_zh", "name_en", "kind"),
    _code("parent_code"),
    Column("valid", DATERANGE),
    _known_at(),
)

category = Table(
    "category",
    metadata,
    Column("scheme", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("code", Text(collation="C"), primary_key=True),
    *_texts("major_code", "major_zh", "major_en", "name_zh", "name_en"),
)

responsibility = Table(
    "responsibility",
    metadata,
    _id(),
    Column("category", Text, nullable=False),
    Column("level", SmallInteger),
    _code("grid_code"),
    _ref("unit_id", "unit.id", nullable=False),
    Column("valid", DATERANGE, nullable=False),
    _ref("batch_id", "batch.id"),
    _known_at(),
)


def _category() -> list[Column[Any]]:
    return [Column("category_scheme", Text), Column("category_kind", Text), _code("category_code")]


def case_facts() -> list[Column[Any]]:
    """What a version of a case states; the same columns in ``cases`` and ``case_version``."""
    return [
        *_category(),
        *_texts("source", "status"),
        _time("reported_at", nullable=False),
        *map(_time, ("accepted_at", "registered_at", "dispatched_at", "due_at", "due_extended_at")),
        *map(_time, ("handled_at", "closed_at", "voided_at")),
        Column("n_rework", Integer),
        _time("reworked_at"),
        Column("is_repeat", Boolean),
        _code("unit_code"),
        *_texts("address", "description"),
        Column("lon", Float),
        Column("lat", Float),
    ]


def sample_facts() -> list[Column[Any]]:
    """What a version of an inspection sample (抽查样本) states."""
    return [
        *_texts("sample_type", "object_name"),
        _time("sampled_at", nullable=False),
        Column("score", Numeric),
        *_texts("result", "findings"),
        _code("unit_code"),
        Column("address", Text),
        Column("lon", Float),
        Column("lat", Float),
    ]


def _located() -> list[Column[Any]]:
    """Where a fact row belongs now: edition, grids of all levels, the unit that answers, and why."""
    return [
        _plain_ref("edition_id"),
        *(_plain_ref(name) for name in GRID_COLUMNS),
        _plain_ref("unit_id"),
        Column("located", Text, nullable=False),
    ]


def _versioned() -> list[Column[Any]]:
    return [
        _time("version_at", nullable=False),
        Column("content_hash", Text, nullable=False),
        _plain_ref("batch_id", nullable=False),
        Column("row_no", Integer, nullable=False),
        _known_at(),
    ]


cases = Table(
    "cases",
    metadata,
    _id(),
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
    _id(),
    _plain_ref("case_id", nullable=False),
    *case_facts(),
    *_versioned(),
    UniqueConstraint("case_id", "version_at", name="uq_case_version"),
)

reporter = Table(
    "reporter",
    metadata,
    Column("case_id", BigInteger, ForeignKey("cases.id"), primary_key=True, autoincrement=False),
    *_texts("name", "phone"),
)

samples = Table(
    "samples",
    metadata,
    _id(),
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
    _id(),
    _plain_ref("sample_id", nullable=False),
    *sample_facts(),
    *_versioned(),
    UniqueConstraint("sample_id", "version_at", name="uq_sample_version"),
)

assignment = Table(
    "assignment",
    metadata,
    _id(),
    _plain_ref("case_id", index=True),
    _plain_ref("sample_id", index=True),
    *_located(),
    _plain_ref("batch_id", nullable=False),
    _known_at(),
    CheckConstraint("num_nonnulls(case_id, sample_id) = 1", name="one_fact"),
)

quarantine = Table(
    "quarantine",
    metadata,
    _id(),
    _ref("batch_id", "batch.id", nullable=False),
    Column("kind", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("row_no", Integer, nullable=False),
    Column("crs", Text),
    Column("raw", JSONB, nullable=False),
    Column("problems", JSONB, nullable=False),
    _time("source_as_of"),
    _ref("resolved_by", "batch.id"),
    _known_at(),
    UniqueConstraint("kind", "file_sha256", "row_no", name="uq_quarantine_row"),
)

rulebook_version = Table(
    "rulebook_version",
    metadata,
    _id(),
    Column("rulebook_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    _known_at(),
    UniqueConstraint("rulebook_id", "version", name="uq_rulebook_version"),
)
"""Every version of a rulebook that was ever used, by its text: it is not edited any more."""

assessed = Table(
    "assessed",
    metadata,
    _id(),
    Column("rulebook_id", Text, nullable=False),
    _ref("subject_id", "subject.id", nullable=False),
    Column("group_name", Text),
    Column("role", Text),
    Column("superiors", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("attributes", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("valid", DATERANGE, nullable=False),
    _ref("batch_id", "batch.id", nullable=False),
    _known_at(),
    Index("ix_assessed_rulebook", "rulebook_id"),
)
"""Who is assessed by a rulebook (考核对象名单), where it is not simply every grid or unit; valid half-open."""

entry = Table(
    "entry",
    metadata,
    _id(),
    Column("rulebook_id", Text, nullable=False),
    Column("period", Text, nullable=False),
    _code("subject_code", nullable=False),
    Column("input", Text, nullable=False),
    Column("ref", Text, nullable=False, server_default=text("''")),
    Column("value", JSONB(none_as_null=True)),
    Column("evidence", Text),
    Column("entered_by", Text, nullable=False),
    _ref("batch_id", "batch.id", nullable=False),
    Column("row_no", Integer, nullable=False),
    _known_at(),
    Index("ix_entry_key", "rulebook_id", "period", "input", "subject_code", "ref"),
)
"""Hand-entered results (录入数据), append-only: of one key (rulebook, period, subject, input, ref) the newest counts.

``ref`` tells findings and events of one input apart; it is '' for single values.
``value`` NULL withdraws. ``subject_code`` is ``*`` for what holds for all.
"""

staff_day = Table(
    "staff_day",
    metadata,
    _id(),
    Column("day", Date, nullable=False),
    _code("subject_code", nullable=False),
    Column("person", Text, nullable=False),
    Column("worked_h", Numeric, nullable=False, server_default=text("0")),
    Column("online_h", Numeric, nullable=False, server_default=text("0")),
    Column("n_absent", Integer, nullable=False, server_default=text("0")),
    Column("n_all_off", Integer, nullable=False, server_default=text("0")),
    _ref("batch_id", "batch.id", nullable=False),
    Column("row_no", Integer, nullable=False),
    _known_at(),
    Index("ix_staff_day_key", "day", "subject_code", "person"),
)
"""Phone positions and online hours by day and person (人员每日在线表), append-only: the newest row of a key counts."""

assessment = Table(
    "assessment",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("rulebook_id", Text, nullable=False),
    Column("rulebook_sha256", Text, nullable=False),
    Column("rulebook_text", Text, nullable=False),
    Column("period", Text, nullable=False),
    _time("as_of", nullable=False),
    _time("known_through"),
    _ref("edition_id", "edition.id", nullable=False),
    Column("header", JSONB, nullable=False),
    Column("dossier", JSONB),
    Column("sha256", Text, nullable=False),
    Column("complete", Boolean, nullable=False, server_default=text("true")),
    _time("published_at"),
    Column("published_by", Text),
    _ref("corrects", "assessment.id"),
    Column("confirmed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    _known_at(),
    UniqueConstraint("rulebook_id", "period", "sha256", name="uq_assessment_content"),
)
"""``dossier``: the inputs by value, to be computed again from; the newest published assessment of a period holds.

``confirmed_at``: when scoring last gave this content.
"""

assessment_subject = Table(
    "assessment_subject",
    metadata,
    _id(),
    _ref("assessment_id", "assessment.id", nullable=False),
    _ref("subject_id", "subject.id", nullable=False),
    Column("total_numerator", Numeric),
    Column("total_denominator", Numeric),
    Column("total_shown", Numeric),
    Column("rank", Integer),
    Column("document", JSONB, nullable=False),
    Column("chance", JSONB),
    UniqueConstraint("assessment_id", "subject_id", name="uq_assessment_subject"),
)
"""``chance`` (偶然性): intervals by resampling, beside the document and not part of its hash."""

appeal = Table(
    "appeal",
    metadata,
    _id(),
    _ref("assessment_id", "assessment.id", nullable=False, index=True),
    _code("subject_code", nullable=False),
    Column("kind", Text, nullable=False),
    Column("fact_no", Text(collation="C"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("decision", Text),
    Column("decided_by", Text),
    _time("decided_at"),
    _known_at(),
    UniqueConstraint("kind", "fact_no", "assessment_id", name="uq_appeal_fact"),
    CheckConstraint("kind IN ('case', 'sample', 'entry')", name="kind"),
    CheckConstraint("state IN ('open', 'granted', 'rejected')", name="state"),
)
"""Appeals (申诉): one for a case, sample or entry of an assessment; a granted one exempts it, the fact stays."""


def _evidence(name: str, fact: str) -> Table:
    """One row for each fact that counts in an assessment, frozen with its grids; ``mask`` says in which counts.

    ``content_hash`` names the version that counted: it does not change when a
    later export repeats the same content.
    """
    return Table(
        name,
        metadata,
        _ref("assessment_id", "assessment.id", nullable=False),
        Column("fact_no", Text(collation="C"), nullable=False),
        Column("content_hash", Text, nullable=False),
        Column("grid_codes", ARRAY(Text), nullable=False),
        _code("unit_code"),
        Column("mask", BigInteger, nullable=False),
        UniqueConstraint("assessment_id", "fact_no", name=f"uq_{name}_{fact}"),
    )


assessment_case = _evidence("assessment_case", "case_no")
assessment_sample = _evidence("assessment_sample", "sample_no")
