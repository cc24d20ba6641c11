"""Reference layers (参考图层) and their features: roads, key areas, sites, owners' areas, addresses, components."""

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, ExcludeConstraint

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database.tables.base import code, numbered, record, ref, texts

layer = record(
    "layer",
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text(collation="C"), nullable=False),
    sa.Column("valid", DATERANGE, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("n_features", sa.Integer, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
    ExcludeConstraint(("kind", "="), ("name", "="), ("valid", "&&"), using="gist", name="ex_layer_valid"),
)
"""One complete set of features of a kind, valid half-open; only the end of ``valid`` is ever changed, by its successor.

``sha256`` is that of the features as they were loaded; the file stands with the batch. An empty ``valid``: a
layer that was replaced by one that begins no later.
"""

feature = numbered(
    "feature",
    ref("layer_id", nullable=False),
    code("code", nullable=False),
    *texts("name_zh", "name_en", "class"),
    code("unit_code"),
    *texts("land_owner", "category"),
    sa.Column("buffer_m", sa.Float),
    sa.Column("attributes", JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("geom", Geometry("GEOMETRY", srid=STORAGE_EPSG, spatial_index=False), nullable=False),
    sa.UniqueConstraint("layer_id", "code", name="uq_feature_code"),
    sa.Index("ix_feature_geom", "geom", postgresql_using="gist"),
)
"""A feature of a layer; ``attributes`` holds the file's other columns, as text."""
