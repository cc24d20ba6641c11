"""First tables."""

import geoalchemy2
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("sample_id", sa.BigInteger(), nullable=True),
        sa.Column("edition_id", sa.BigInteger(), nullable=True),
        sa.Column("grid_l1", sa.BigInteger(), nullable=True),
        sa.Column("grid_l2", sa.BigInteger(), nullable=True),
        sa.Column("grid_l3", sa.BigInteger(), nullable=True),
        sa.Column("grid_l4", sa.BigInteger(), nullable=True),
        sa.Column("grid_l5", sa.BigInteger(), nullable=True),
        sa.Column("grid_l6", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("located", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("num_nonnulls(case_id, sample_id) = 1", name=op.f("ck_assignment_one_fact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index(op.f("ix_assignment_case_id"), "assignment", ["case_id"], unique=False)
    op.create_index(op.f("ix_assignment_sample_id"), "assignment", ["sample_id"], unique=False)
    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("profile", sa.Text(), nullable=True),
        sa.Column("source_as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index(op.f("ix_batch_file_sha256"), "batch", ["file_sha256"], unique=False)
    op.create_table(
        "case_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("category_scheme", sa.Text(), nullable=True),
        sa.Column("category_kind", sa.Text(), nullable=True),
        sa.Column("category_code", sa.Text(collation="C"), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("n_rework", sa.Integer(), nullable=True),
        sa.Column("reworked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_repeat", sa.Boolean(), nullable=True),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_version")),
        sa.UniqueConstraint("case_id", "version_at", name="uq_case_version"),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_no", sa.Text(collation="C"), nullable=False),
        sa.Column("category_scheme", sa.Text(), nullable=True),
        sa.Column("category_kind", sa.Text(), nullable=True),
        sa.Column("category_code", sa.Text(collation="C"), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("n_rework", sa.Integer(), nullable=True),
        sa.Column("reworked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_repeat", sa.Boolean(), nullable=True),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("edition_id", sa.BigInteger(), nullable=True),
        sa.Column("grid_l1", sa.BigInteger(), nullable=True),
        sa.Column("grid_l2", sa.BigInteger(), nullable=True),
        sa.Column("grid_l3", sa.BigInteger(), nullable=True),
        sa.Column("grid_l4", sa.BigInteger(), nullable=True),
        sa.Column("grid_l5", sa.BigInteger(), nullable=True),
        sa.Column("grid_l6", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("located", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            geoalchemy2.types.Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("case_no", name=op.f("uq_cases_case_no")),
    )
    op.create_index("ix_cases_due", "cases", [sa.literal_column("coalesce(due_extended_at, due_at)")], unique=False)
    op.create_index("ix_cases_geom", "cases", ["geom"], unique=False, postgresql_using="gist")
    op.create_index("ix_cases_leaf", "cases", ["grid_l4", "reported_at"], unique=False)
    op.create_index("ix_cases_registered_at", "cases", ["registered_at"], unique=False)
    op.create_index("ix_cases_reported_at", "cases", ["reported_at"], unique=False)
    op.create_table(
        "category",
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("major_code", sa.Text(), nullable=True),
        sa.Column("major_zh", sa.Text(), nullable=True),
        sa.Column("major_en", sa.Text(), nullable=True),
        sa.Column("name_zh", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("scheme", "kind", "code", name=op.f("pk_category")),
    )
    op.create_table(
        "city",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_city_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_city")),
    )
    op.create_table(
        "edition",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        postgresql.ExcludeConstraint((sa.column("valid"), "&&"), using="gist", name="ex_edition_valid"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edition")),
        sa.UniqueConstraint("name", name=op.f("uq_edition_name")),
    )
    op.create_table(
        "sample_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sample_id", sa.BigInteger(), nullable=False),
        sa.Column("sample_type", sa.Text(), nullable=True),
        sa.Column("object_name", sa.Text(), nullable=True),
        sa.Column("sampled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.Numeric(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("findings", sa.Text(), nullable=True),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_version")),
        sa.UniqueConstraint("sample_id", "version_at", name="uq_sample_version"),
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sample_no", sa.Text(collation="C"), nullable=False),
        sa.Column("sample_type", sa.Text(), nullable=True),
        sa.Column("object_name", sa.Text(), nullable=True),
        sa.Column("sampled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.Numeric(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("findings", sa.Text(), nullable=True),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("edition_id", sa.BigInteger(), nullable=True),
        sa.Column("grid_l1", sa.BigInteger(), nullable=True),
        sa.Column("grid_l2", sa.BigInteger(), nullable=True),
        sa.Column("grid_l3", sa.BigInteger(), nullable=True),
        sa.Column("grid_l4", sa.BigInteger(), nullable=True),
        sa.Column("grid_l5", sa.BigInteger(), nullable=True),
        sa.Column("grid_l6", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("located", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            geoalchemy2.types.Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_samples")),
        sa.UniqueConstraint("sample_no", name=op.f("uq_samples_sample_no")),
    )
    op.create_index("ix_samples_geom", "samples", ["geom"], unique=False, postgresql_using="gist")
    op.create_index("ix_samples_sampled_at", "samples", ["sampled_at"], unique=False)
    op.create_table(
        "subject",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("valid", postgresql.DATERANGE(), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("kind IN ('grid', 'unit', 'person')", name=op.f("ck_subject_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject")),
        sa.UniqueConstraint("kind", "level", "code", name="uq_subject_kind_level_code"),
    )
    op.create_table(
        "unit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("parent_code", sa.Text(collation="C"), nullable=True),
        sa.Column("valid", postgresql.DATERANGE(), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
        sa.UniqueConstraint("code", name=op.f("uq_unit_code")),
    )
    op.create_table(
        "assessment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rulebook_id", sa.Text(), nullable=False),
        sa.Column("rulebook_sha256", sa.Text(), nullable=False),
        sa.Column("rulebook_text", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_through", sa.DateTime(timezone=True), nullable=True),
        sa.Column("edition_id", sa.BigInteger(), nullable=False),
        sa.Column("header", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_assessment_edition_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
        sa.UniqueConstraint("name", name=op.f("uq_assessment_name")),
        sa.UniqueConstraint("rulebook_id", "period", "sha256", name="uq_assessment_content"),
    )
    op.create_table(
        "grid",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("edition_id", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("parent_code", sa.Text(collation="C"), nullable=True),
        sa.Column("name_zh", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("responsible", sa.Text(), nullable=True),
        sa.Column("area_m2", sa.Float(), nullable=False),
        sa.Column(
            "geom",
            geoalchemy2.types.Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_grid_edition_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid")),
        sa.UniqueConstraint("edition_id", "level", "code", name="uq_grid_edition_level_code"),
    )
    op.create_index("ix_grid_geom", "grid", ["geom"], unique=False, postgresql_using="gist")
    op.create_index("ix_grid_parent", "grid", ["edition_id", "level", "parent_code"], unique=False)
    op.create_table(
        "lineage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("edition_a", sa.BigInteger(), nullable=False),
        sa.Column("edition_b", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("code_a", sa.Text(collation="C"), nullable=True),
        sa.Column("code_b", sa.Text(collation="C"), nullable=True),
        sa.Column("share_a", sa.Float(), nullable=True),
        sa.Column("share_b", sa.Float(), nullable=True),
        sa.Column("area_m2", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["edition_a"], ["edition.id"], name=op.f("fk_lineage_edition_a")),
        sa.ForeignKeyConstraint(["edition_b"], ["edition.id"], name=op.f("fk_lineage_edition_b")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lineage")),
    )
    op.create_index("ix_lineage_pair", "lineage", ["edition_a", "edition_b", "level"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("crs", sa.Text(), nullable=True),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source_as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.BigInteger(), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_quarantine_batch_id")),
        sa.ForeignKeyConstraint(["resolved_by"], ["batch.id"], name=op.f("fk_quarantine_resolved_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("kind", "file_sha256", "row_no", name="uq_quarantine_row"),
    )
    op.create_table(
        "reporter",
        sa.Column("case_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_reporter_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_reporter")),
    )
    op.create_table(
        "responsibility",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=True),
        sa.Column("grid_code", sa.Text(collation="C"), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_responsibility_batch_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_responsibility_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responsibility")),
    )
    op.create_table(
        "assessment_case",
        sa.Column("assessment_id", sa.BigInteger(), nullable=False),
        sa.Column("fact_no", sa.Text(collation="C"), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("grid_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("mask", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessment.id"], name=op.f("fk_assessment_case_assessment_id")),
        sa.UniqueConstraint("assessment_id", "fact_no", name="uq_assessment_case_case_no"),
    )
    op.create_table(
        "assessment_sample",
        sa.Column("assessment_id", sa.BigInteger(), nullable=False),
        sa.Column("fact_no", sa.Text(collation="C"), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("grid_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unit_code", sa.Text(collation="C"), nullable=True),
        sa.Column("mask", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessment.id"], name=op.f("fk_assessment_sample_assessment_id")),
        sa.UniqueConstraint("assessment_id", "fact_no", name="uq_assessment_sample_sample_no"),
    )
    op.create_table(
        "assessment_subject",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("assessment_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("total_numerator", sa.Numeric(), nullable=True),
        sa.Column("total_denominator", sa.Numeric(), nullable=True),
        sa.Column("total_shown", sa.Numeric(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessment.id"], name=op.f("fk_assessment_subject_assessment_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name=op.f("fk_assessment_subject_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_subject")),
        sa.UniqueConstraint("assessment_id", "subject_id", name="uq_assessment_subject"),
    )


def downgrade() -> None:
    op.drop_table("assessment_subject")
    op.drop_table("assessment_sample")
    op.drop_table("assessment_case")
    op.drop_table("responsibility")
    op.drop_table("reporter")
    op.drop_table("quarantine")
    op.drop_index("ix_lineage_pair", table_name="lineage")
    op.drop_table("lineage")
    op.drop_index("ix_grid_parent", table_name="grid")
    op.drop_index("ix_grid_geom", table_name="grid", postgresql_using="gist")
    op.drop_table("grid")
    op.drop_table("assessment")
    op.drop_table("unit")
    op.drop_table("subject")
    op.drop_index("ix_samples_sampled_at", table_name="samples")
    op.drop_index("ix_samples_geom", table_name="samples", postgresql_using="gist")
    op.drop_table("samples")
    op.drop_table("sample_version")
    op.drop_table("edition")
    op.drop_table("city")
    op.drop_table("category")
    op.drop_index("ix_cases_reported_at", table_name="cases")
    op.drop_index("ix_cases_registered_at", table_name="cases")
    op.drop_index("ix_cases_leaf", table_name="cases")
    op.drop_index("ix_cases_geom", table_name="cases", postgresql_using="gist")
    op.drop_index("ix_cases_due", table_name="cases")
    op.drop_table("cases")
    op.drop_table("case_version")
    op.drop_index(op.f("ix_batch_file_sha256"), table_name="batch")
    op.drop_table("batch")
    op.drop_index(op.f("ix_assignment_sample_id"), table_name="assignment")
    op.drop_index(op.f("ix_assignment_case_id"), table_name="assignment")
    op.drop_table("assignment")
