"""The working day of cases: their steps, the numbers given to new ones, photographs and files."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB

from gridmgmt.database.tables.base import code, instant, known_at, metadata, record, ref, texts, written_by

step = record(
    "step",
    ref("case_id", nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    instant("at", nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    code("unit_code"),
    sa.Column("reason", sa.Text),
    sa.Column("facts", JSONB, nullable=False, server_default=sa.text("'{}'")),
    *texts("origin", "state", nullable=False),
    sa.Column("ref", sa.Text),
    ref("batch_id", nullable=False),
    sa.UniqueConstraint("case_id", "seq", name="uq_step"),
    sa.Index("uq_step_ref", "ref", unique=True, postgresql_where=sa.text("ref IS NOT NULL")),
    sa.Index("ix_step_at", "at"),
    sa.CheckConstraint("origin IN ('own', 'imported', 'derived')", name="origin"),
)
"""Steps of cases (办理步骤), append-only; ``seq`` 1, 2, … of a case is its version, ``state`` the one it led to.

``unit_code`` is the unit that the step concerns: it stays with the step whoever has the case later.
``ref`` names the row of a file that a step came from, so that the file handed in again adds nothing.
"""

time_limit = record(
    "time_limit",
    sa.Column("category", sa.Text, nullable=False),
    code("unit_code"),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    *texts("part_zh", "part_en"),
    *texts("amount", "unit", nullable=False),
    *texts("condition_zh", "condition_en"),
    sa.Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id"),
    sa.Index(
        "uq_time_limit",
        "category",
        sa.text("coalesce(unit_code, ''::text)"),
        "stage",
        sa.text("lower(valid)"),
        "part",
        unique=True,
    ),
)
"""Time limits (时限表), their figures never changed; ``amount`` is an exact fraction as text."""

work_calendar = sa.Table(
    "work_calendar",
    metadata,
    sa.Column("identity", sa.Text(collation="C"), primary_key=True),
    sa.Column("document", JSONB, nullable=False),
    known_at(),
    written_by(),
)
"""Work calendars (工作日历) that deadlines were counted by, by the digest of their content; only added."""

counter = sa.Table(
    "counter",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
)
"""The last number given under a key, e.g. to the cases opened on a day."""

stored_file = sa.Table(
    "stored_file",
    metadata,
    sa.Column("sha256", sa.Text(collation="C"), primary_key=True),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("n_bytes", sa.BigInteger, nullable=False),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    instant("taken_at"),
    sa.Column("taken_at_zone_known", sa.Boolean),
    sa.Column("exif_lon", sa.Float),
    sa.Column("exif_lat", sa.Float),
    known_at(),
    written_by(),
)
"""A photograph or file (附件) of the files folder, by the SHA-256 of its bytes; ``width`` and ``height`` as it is seen.

``taken_at_zone_known``: whether the camera wrote its offset; where not, ``taken_at`` was read as city time.
"""

attachment = record(
    "attachment",
    sa.Column("sha256", sa.Text(collation="C"), sa.ForeignKey("stored_file.sha256"), nullable=False),
    ref("case_id"),
    sa.Column("step_seq", sa.Integer),
    code("sample_no"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("caption", sa.Text),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Index(
        "uq_attachment",
        "sha256",
        "kind",
        sa.text("coalesce(case_id, 0)"),
        sa.text("coalesce(step_seq, 0)"),
        sa.text("coalesce(sample_no, ''::text)"),
        unique=True,
    ),
    sa.Index("ix_attachment_case", "case_id", "step_seq"),
    sa.Index("ix_attachment_sample", "sample_no"),
    sa.CheckConstraint("kind IN ('before', 'after', 'evidence')", name="kind"),
    sa.CheckConstraint("num_nonnulls(case_id, sample_no) = 1", name="one_fact"),
    sa.CheckConstraint("step_seq IS NULL OR case_id IS NOT NULL", name="step_of_case"),
)
"""What a file shows of a case, a step or a sample, each once: 处置前 before, 处置后 after, 证据 evidence."""
