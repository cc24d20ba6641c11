"""The city, its editions and grids, and its reference tables: units, categories, responsibility rules."""

from geoalchemy2 import Geometry
from sqlalchemy import Boolean, CheckConstraint, Column, Float, Index, SmallInteger, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, ExcludeConstraint

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database.tables.base import code, instant, known_at, metadata, ref, row_id, texts

city = Table(
    "city",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("document", JSONB, nullable=False),
    known_at(),
    CheckConstraint("id = 1", name="one_row"),
)

batch = Table(
    "batch",
    metadata,
    row_id(),
    Column("kind", Text, nullable=False),
    Column("file", Text),
    Column("file_sha256", Text, index=True),
    Column("profile", Text),
    instant("source_as_of"),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    known_at(),
)

edition = Table(
    "edition",
    metadata,
    row_id(),
    Column("name", Text, nullable=False, unique=True),
    Column("valid", DATERANGE),
    Column("source", Text),
    Column("report", JSONB, nullable=False),
    instant("activated_at"),
    known_at(),
    ExcludeConstraint(("valid", "&&"), using="gist", name="ex_edition_valid"),
)

grid = Table(
    "grid",
    metadata,
    row_id(),
    ref("edition_id", "edition.id", nullable=False),
    Column("level", SmallInteger, nullable=False),
    code("code", nullable=False),
    code("parent_code"),
    *texts("name_zh", "name_en"),
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
    row_id(),
    ref("edition_a", "edition.id", nullable=False),
    ref("edition_b", "edition.id", nullable=False),
    Column("level", SmallInteger, nullable=False),
    code("code_a"),
    code("code_b"),
    Column("share_a", Float),
    Column("share_b", Float),
    Column("area_m2", Float, nullable=False),
    Index("ix_lineage_pair", "edition_a", "edition_b", "level"),
)

subject = Table(
    "subject",
    metadata,
    row_id(),
    Column("kind", Text, nullable=False),
    Column("level", SmallInteger, nullable=False, server_default=text("0")),
    code("code", nullable=False),
    *texts("name_zh", "name_en"),
    Column("valid", DATERANGE),
    known_at(),
    UniqueConstraint("kind", "level", "code", name="uq_subject_kind_level_code"),
    CheckConstraint("kind IN ('grid', 'unit', 'person')", name="kind"),
)

unit = Table(
    "unit",
    metadata,
    row_id(),
    Column("code", Text(collation="C"), nullable=False, unique=True),
    *texts("name_zh", "name_en", "kind"),
    code("parent_code"),
    Column("level", SmallInteger),
    code("grid_code"),
    Column("valid", DATERANGE),
    known_at(),
)
"""Units (责任单位), a tree by ``parent_code``; ``level`` and ``grid_code``: at which level they work, and where."""

category = Table(
    "category",
    metadata,
    Column("scheme", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("code", Text(collation="C"), primary_key=True),
    *texts("major_code", "major_zh", "major_en", "name_zh", "name_en"),
)

responsibility = Table(
    "responsibility",
    metadata,
    row_id(),
    Column("category", Text, nullable=False),
    Column("level", SmallInteger),
    code("grid_code"),
    Column("land_owner", Text),
    Column("override", Boolean, nullable=False, server_default=text("false")),
    ref("unit_id", "unit.id", nullable=False),
    Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id"),
    known_at(),
)
