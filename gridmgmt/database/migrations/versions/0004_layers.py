"""Reference layers: roads with class, key areas, sites, owners' areas; addresses and components."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "layer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("n_features", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("kind"), "="),
            (sa.column("name"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_layer_valid",
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_layer_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_layer")),
    )
    op.create_table(
        "feature",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("layer_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("class", sa.Text(), nullable=True),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("land_owner", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("buffer_m", sa.Float(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("geom", Geometry("GEOMETRY", srid=4490, spatial_index=False), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature")),
        sa.UniqueConstraint("layer_id", "code", name="uq_feature_code"),
    )
    op.create_index("ix_feature_geom", "feature", ["geom"], unique=False, postgresql_using="gist")


def downgrade() -> None:
    op.drop_index("ix_feature_geom", table_name="feature", postgresql_using="gist")
    op.drop_table("feature")
    op.drop_table("layer")
