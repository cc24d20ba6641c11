"""Reference layers (参考图层) and their features: roads, key areas, sites, owners' areas, addresses, components."""

from geoalchemy2 import Geometry
from sqlalchemy import Column, Float, Index, Integer, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, ExcludeConstraint

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database.tables.base import code, known_at, metadata, plain_ref, ref, row_id, texts

layer = Table(
    "layer",
    metadata,
    row_id(),
    Column("kind", Text, nullable=False),
    Column("name", Text(collation="C"), nullable=False),
    Column("valid", DATERANGE, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("n_features", Integer, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
    known_at(),
    ExcludeConstraint(("kind", "="), ("name", "="), ("valid", "&&"), using="gist", name="ex_layer_valid"),
)
"""One complete set of features of a kind, valid half-open; only the end of ``valid`` is ever changed, by its successor.

``sha256`` is that of the features as they were loaded; the file stands with the batch. An empty ``valid``: a
layer that was replaced by one that begins no later.
"""

feature = Table(
    "feature",
    metadata,
    row_id(),
    plain_ref("layer_id", nullable=False),
    code("code", nullable=False),
    *texts("name_zh", "name_en", "class"),
    code("unit_code"),
    *texts("land_owner", "category"),
    Column("buffer_m", Float),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'")),
    Column("geom", Geometry("GEOMETRY", srid=STORAGE_EPSG, spatial_index=False), nullable=False),
    UniqueConstraint("layer_id", "code", name="uq_feature_code"),
    Index("ix_feature_geom", "geom", postgresql_using="gist"),
)
"""A feature of a layer; ``attributes`` holds the file's other columns, as text."""
