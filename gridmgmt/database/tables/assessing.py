"""Rulebooks used, who is assessed, what is entered, assessments with their evidence, appeals."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, JSONB

from gridmgmt.database.tables.base import code, instant, known_at, metadata, ref, row_id

rulebook_version = Table(
    "rulebook_version",
    metadata,
    row_id(),
    Column("rulebook_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    known_at(),
    UniqueConstraint("rulebook_id", "version", name="uq_rulebook_version"),
)
"""Every version of a rulebook that was ever used, by its text: it is not edited any more."""

assessed = Table(
    "assessed",
    metadata,
    row_id(),
    Column("rulebook_id", Text, nullable=False),
    ref("subject_id", "subject.id", nullable=False),
    Column("group_name", Text),
    Column("role", Text),
    Column("superiors", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("attributes", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
    known_at(),
    Index("ix_assessed_rulebook", "rulebook_id"),
)
"""Who is assessed by a rulebook (考核对象名单), where it is not simply every grid or unit; valid half-open."""

entry = Table(
    "entry",
    metadata,
    row_id(),
    Column("rulebook_id", Text, nullable=False),
    Column("period", Text, nullable=False),
    code("subject_code", nullable=False),
    Column("input", Text, nullable=False),
    Column("ref", Text, nullable=False, server_default=text("''")),
    Column("value", JSONB(none_as_null=True)),
    Column("evidence", Text),
    Column("entered_by", Text, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
    Column("row_no", Integer, nullable=False),
    known_at(),
    Index("ix_entry_key", "rulebook_id", "period", "input", "subject_code", "ref"),
)
"""Hand-entered results (录入数据), append-only: of one key (rulebook, period, subject, input, ref) the newest counts.

``ref`` tells findings and events of one input apart; it is '' for single values.
``value`` NULL withdraws. ``subject_code`` is ``*`` for what holds for all.
"""

staff_day = Table(
    "staff_day",
    metadata,
    row_id(),
    Column("day", Date, nullable=False),
    code("subject_code", nullable=False),
    Column("person", Text, nullable=False),
    Column("worked_h", Numeric, nullable=False, server_default=text("0")),
    Column("online_h", Numeric, nullable=False, server_default=text("0")),
    Column("n_absent", Integer, nullable=False, server_default=text("0")),
    Column("n_all_off", Integer, nullable=False, server_default=text("0")),
    ref("batch_id", "batch.id", nullable=False),
    Column("row_no", Integer, nullable=False),
    known_at(),
    Index("ix_staff_day_key", "day", "subject_code", "person"),
)
"""Phone positions and online hours by day and person (人员每日在线表), append-only: the newest row of a key counts."""

assessment = Table(
    "assessment",
    metadata,
    row_id(),
    Column("name", Text, nullable=False, unique=True),
    Column("rulebook_id", Text, nullable=False),
    Column("rulebook_sha256", Text, nullable=False),
    Column("rulebook_text", Text, nullable=False),
    Column("period", Text, nullable=False),
    instant("as_of", nullable=False),
    instant("known_through"),
    ref("edition_id", "edition.id", nullable=False),
    Column("header", JSONB, nullable=False),
    Column("dossier", JSONB),
    Column("sha256", Text, nullable=False),
    Column("complete", Boolean, nullable=False, server_default=text("true")),
    instant("published_at"),
    Column("published_by", Text),
    ref("corrects", "assessment.id"),
    Column("confirmed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    known_at(),
    UniqueConstraint("rulebook_id", "period", "sha256", name="uq_assessment_content"),
)
"""``dossier``: the inputs by value, to be computed again from; the newest published assessment of a period holds.

``confirmed_at``: when scoring last gave this content.
"""

assessment_subject = Table(
    "assessment_subject",
    metadata,
    row_id(),
    ref("assessment_id", "assessment.id", nullable=False),
    ref("subject_id", "subject.id", nullable=False),
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
    row_id(),
    ref("assessment_id", "assessment.id", nullable=False, index=True),
    code("subject_code", nullable=False),
    Column("kind", Text, nullable=False),
    Column("fact_no", Text(collation="C"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("decision", Text),
    Column("decided_by", Text),
    instant("decided_at"),
    known_at(),
    UniqueConstraint("kind", "fact_no", "assessment_id", name="uq_appeal_fact"),
    CheckConstraint("kind IN ('case', 'sample', 'step', 'entry')", name="kind"),
    CheckConstraint("state IN ('open', 'granted', 'rejected')", name="state"),
)
"""Appeals (申诉): one for a case, sample, step or entry of an assessment; a granted one exempts it, the fact stays."""


def _evidence(name: str, fact: str, *more: Column[Any]) -> Table:
    """One row for each fact that counts in an assessment, frozen with its grids; ``mask`` says in which counts.

    ``content_hash`` names the version that counted: it does not change when a
    later export repeats the same content.
    """
    return Table(
        name,
        metadata,
        ref("assessment_id", "assessment.id", nullable=False),
        Column("fact_no", Text(collation="C"), nullable=False),
        Column("content_hash", Text, nullable=False),
        Column("grid_codes", ARRAY(Text), nullable=False),
        code("unit_code"),
        Column("mask", BigInteger, nullable=False),
        *more,
        UniqueConstraint("assessment_id", "fact_no", name=f"uq_{name}_{fact}"),
    )


assessment_case = _evidence("assessment_case", "case_no")
assessment_sample = _evidence("assessment_sample", "sample_no", Column("shares", JSONB(none_as_null=True)))
assessment_step = _evidence("assessment_step", "step_no")
"""``shares`` of a road that counted by length: level → code → exact part; NULL: it counted whole in ``grid_codes``."""
