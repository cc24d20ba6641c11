"""The working day of cases: their steps, the numbers given to new ones, photographs and files."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB

from gridmgmt.database.tables.base import code, instant, known_at, metadata, plain_ref, ref, row_id, texts

step = Table(
    "step",
    metadata,
    row_id(),
    plain_ref("case_id", nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    instant("at", nullable=False),
    Column("actor", Text, nullable=False),
    code("unit_code"),
    Column("reason", Text),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("origin", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("ref", Text),
    plain_ref("batch_id", nullable=False),
    known_at(),
    UniqueConstraint("case_id", "seq", name="uq_step"),
    Index("uq_step_ref", "ref", unique=True, postgresql_where=text("ref IS NOT NULL")),
    Index("ix_step_at", "at"),
    CheckConstraint("origin IN ('own', 'imported', 'derived')", name="origin"),
)
"""Steps of cases (办理步骤), append-only; ``seq`` 1, 2, … of a case is its version, ``state`` the one it led to.

``unit_code`` is the unit that the step concerns: it stays with the step whoever has the case later.
``ref`` names the row of a file that a step came from, so that the file handed in again adds nothing.
"""

time_limit = Table(
    "time_limit",
    metadata,
    row_id(),
    Column("category", Text, nullable=False),
    code("unit_code"),
    Column("stage", Text, nullable=False),
    Column("part", Integer, nullable=False),
    *texts("part_zh", "part_en"),
    Column("amount", Text, nullable=False),
    Column("unit", Text, nullable=False),
    *texts("condition_zh", "condition_en"),
    Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id"),
    known_at(),
    Index(
        "uq_time_limit",
        "category",
        text("coalesce(unit_code, ''::text)"),
        "stage",
        text("lower(valid)"),
        "part",
        unique=True,
    ),
)
"""Time limits (时限表), their figures never changed; ``amount`` is an exact fraction as text."""

counter = Table(
    "counter",
    metadata,
    Column("key", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
)
"""The last number given under a key, e.g. to the cases opened on a day."""

stored_file = Table(
    "stored_file",
    metadata,
    Column("sha256", Text(collation="C"), primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("n_bytes", BigInteger, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    instant("taken_at"),
    Column("taken_at_zone_known", Boolean),
    Column("exif_lon", Float),
    Column("exif_lat", Float),
    known_at(),
)
"""A photograph or file (附件) of the files folder, by the SHA-256 of its bytes; ``width`` and ``height`` as it is seen.

``taken_at_zone_known``: whether the camera wrote its offset; where not, ``taken_at`` was read as city time.
"""

attachment = Table(
    "attachment",
    metadata,
    row_id(),
    Column("sha256", Text(collation="C"), ForeignKey("stored_file.sha256"), nullable=False),
    plain_ref("case_id"),
    Column("step_seq", Integer),
    code("sample_no"),
    Column("kind", Text, nullable=False),
    Column("caption", Text),
    Column("actor", Text, nullable=False),
    known_at(),
    Index(
        "uq_attachment",
        "sha256",
        "kind",
        text("coalesce(case_id, 0)"),
        text("coalesce(step_seq, 0)"),
        text("coalesce(sample_no, ''::text)"),
        unique=True,
    ),
    Index("ix_attachment_case", "case_id", "step_seq"),
    Index("ix_attachment_sample", "sample_no"),
    CheckConstraint("kind IN ('before', 'after', 'evidence')", name="kind"),
    CheckConstraint("num_nonnulls(case_id, sample_no) = 1", name="one_fact"),
    CheckConstraint("step_seq IS NULL OR case_id IS NOT NULL", name="step_of_case"),
)
"""What a file shows of a case, a step or a sample, each once: 处置前 before, 处置后 after, 证据 evidence."""
