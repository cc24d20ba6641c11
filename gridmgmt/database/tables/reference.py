"""The city, its editions and grids, and its reference tables: units, categories, responsibility rules."""

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, JSONB, ExcludeConstraint

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database.tables.base import code, instant, known_at, metadata, numbered, record, ref, texts, written_by

city = sa.Table(
    "city",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("document", JSONB, nullable=False),
    known_at(),
    written_by(),
    sa.CheckConstraint("id = 1", name="one_row"),
)

batch = record(
    "batch",
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("file", sa.Text),
    sa.Column("file_sha256", sa.Text, index=True),
    sa.Column("profile", sa.Text),
    instant("source_as_of"),
    sa.Column("counts", JSONB, nullable=False, server_default=sa.text("'{}'")),
)

edition = record(
    "edition",
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("valid", DATERANGE),
    sa.Column("source", sa.Text),
    sa.Column("report", JSONB, nullable=False),
    instant("activated_at"),
    ref("activator_id", "actor.id"),
    ExcludeConstraint(("valid", "&&"), using="gist", name="ex_edition_valid"),
)

grid = numbered(
    "grid",
    sa.Column("content_hash", sa.Text, nullable=False, unique=True),
    sa.Column("level", sa.SmallInteger, nullable=False),
    code("code", nullable=False),
    code("parent_code"),
    *texts("name_zh", "name_en"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("responsible", sa.Text),
    sa.Column("area_m2", sa.Float, nullable=False),
    sa.Column("geom", Geometry("MULTIPOLYGON", srid=STORAGE_EPSG, spatial_index=False), nullable=False),
    sa.Index("ix_grid_geom", "geom", postgresql_using="gist"),
    sa.Index("ix_grid_code", "code"),
)
"""Grids (网格): a grid that is the same in several editions, shape and names and all, is one row (``content_hash``)."""

edition_grid = sa.Table(
    "edition_grid",
    metadata,
    sa.Column("edition_id", sa.BigInteger, sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("level", sa.SmallInteger, primary_key=True),
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    ref("grid_id", "grid.id", nullable=False, index=True),
)
"""Which grids an edition consists of; in one edition a level has each code once."""

linework = sa.Table(
    "linework",
    metadata,
    sa.Column("edition_id", sa.BigInteger, sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("zoom", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("form", sa.SmallInteger, nullable=False),
    sa.Column("step_lon", sa.Float, nullable=False),
    sa.Column("step_lat", sa.Float, nullable=False),
    sa.Column("codes", ARRAY(sa.Text(collation="C")), nullable=False),
    sa.Column("parents", ARRAY(sa.Integer), nullable=False),
    sa.Column("marks", sa.Text, nullable=False),
    sa.Column("arcs", sa.Text),
)
"""How an edition is drawn (线划), made when it is activated: :class:`gridmgmt.places.linework.DrawnLevel`."""

lineage = numbered(
    "lineage",
    ref("edition_a", "edition.id", nullable=False),
    ref("edition_b", "edition.id", nullable=False),
    sa.Column("level", sa.SmallInteger, nullable=False),
    code("code_a"),
    code("code_b"),
    sa.Column("share_a", sa.Float),
    sa.Column("share_b", sa.Float),
    sa.Column("area_m2", sa.Float, nullable=False),
    sa.Index("ix_lineage_pair", "edition_a", "edition_b", "level"),
)

subject = record(
    "subject",
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("level", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
    code("code", nullable=False),
    *texts("name_zh", "name_en"),
    sa.Column("valid", DATERANGE),
    sa.UniqueConstraint("kind", "level", "code", name="uq_subject_kind_level_code"),
    sa.CheckConstraint("kind IN ('grid', 'unit', 'person')", name="kind"),
)

unit = record(
    "unit",
    sa.Column("code", sa.Text(collation="C"), nullable=False, unique=True),
    *texts("name_zh", "name_en", "kind"),
    code("parent_code"),
    sa.Column("level", sa.SmallInteger),
    code("grid_code"),
    sa.Column("valid", DATERANGE),
)
"""Units (责任单位), a tree by ``parent_code``; ``level`` and ``grid_code``: at which level they work, and where."""

unit_version = record(
    "unit_version",
    code("code", nullable=False),
    *texts("name_zh", "name_en", "kind"),
    code("parent_code"),
    sa.Column("level", sa.SmallInteger),
    code("grid_code"),
    sa.Index("ix_unit_version_code", "code"),
)
"""What was ever said of a unit, append-only: each row holds from when it was known until the next of its code."""

category = sa.Table(
    "category",
    metadata,
    sa.Column("scheme", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    *texts("major_code", "major_zh", "major_en", "name_zh", "name_en"),
)

category_version = record(
    "category_version",
    *texts("scheme", "kind", nullable=False),
    code("code", nullable=False),
    code("major_code"),
    *texts("major_zh", "major_en", "name_zh", "name_en"),
    sa.Index("ix_category_version_code", "scheme", "kind", "code"),
)
"""What was ever said of a category, append-only, as of units."""

responsibility = record(
    "responsibility",
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("level", sa.SmallInteger),
    code("grid_code"),
    sa.Column("land_owner", sa.Text),
    sa.Column("override", sa.Boolean, nullable=False, server_default=sa.text("false")),
    ref("unit_id", "unit.id", nullable=False),
    sa.Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id"),
)
