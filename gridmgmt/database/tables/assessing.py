"""Rulebooks used, who is assessed, what is entered, assessments with their evidence, appeals."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, JSONB

from gridmgmt.database.tables.base import code, instant, metadata, numbered, record, ref, texts

rulebook_version = record(
    "rulebook_version",
    sa.Column("rulebook_id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    *texts("sha256", "text", nullable=False),
    sa.Column("valid", DATERANGE, nullable=False),
    sa.UniqueConstraint("rulebook_id", "version", name="uq_rulebook_version"),
)
"""Every version of a rulebook that was ever used, by its text: it is not edited any more."""

assessed = record(
    "assessed",
    sa.Column("rulebook_id", sa.Text, nullable=False),
    ref("subject_id", "subject.id", nullable=False),
    *texts("group_name", "role"),
    sa.Column("superiors", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("attributes", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
    sa.Index("ix_assessed_rulebook", "rulebook_id"),
)
"""Who is assessed by a rulebook (考核对象名单), where it is not simply every grid or unit; valid half-open."""

entry = record(
    "entry",
    *texts("rulebook_id", "period", nullable=False),
    code("subject_code", nullable=False),
    sa.Column("input", sa.Text, nullable=False),
    sa.Column("ref", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("value", JSONB(none_as_null=True)),
    sa.Column("evidence", sa.Text),
    sa.Column("entered_by", sa.Text, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
    sa.Column("row_no", sa.Integer, nullable=False),
    sa.Index("ix_entry_key", "rulebook_id", "period", "input", "subject_code", "ref"),
)
"""Hand-entered results (录入数据), append-only: of one key (rulebook, period, subject, input, ref) the newest counts.

``ref`` tells findings and events of one input apart; it is '' for single values.
``value`` NULL withdraws. ``subject_code`` is ``*`` for what holds for all.
"""

staff_day = record(
    "staff_day",
    sa.Column("day", sa.Date, nullable=False),
    code("subject_code", nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("worked_h", sa.Numeric, nullable=False, server_default=sa.text("0")),
    sa.Column("online_h", sa.Numeric, nullable=False, server_default=sa.text("0")),
    sa.Column("n_absent", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("n_all_off", sa.Integer, nullable=False, server_default=sa.text("0")),
    ref("batch_id", "batch.id", nullable=False),
    sa.Column("row_no", sa.Integer, nullable=False),
    sa.Index("ix_staff_day_key", "day", "subject_code", "person"),
)
"""Phone positions and online hours by day and person (人员每日在线表), append-only: the newest row of a key counts."""

assessment = record(
    "assessment",
    sa.Column("name", sa.Text, nullable=False, unique=True),
    *texts("rulebook_id", "rulebook_sha256", "rulebook_text", "period", nullable=False),
    instant("as_of", nullable=False),
    instant("known_through"),
    ref("edition_id", "edition.id", nullable=False),
    sa.Column("header", JSONB, nullable=False),
    sa.Column("dossier", JSONB),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False, server_default=sa.text("true")),
    instant("published_at"),
    sa.Column("published_by", sa.Text),
    sa.Column("published_seal", sa.Text),
    ref("publisher_id", "actor.id"),
    ref("corrects", "assessment.id"),
    sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    sa.UniqueConstraint("rulebook_id", "period", "sha256", name="uq_assessment_content"),
)
"""``dossier``: the inputs by value, to be computed again from; the newest published assessment of a period holds.

``confirmed_at``: when scoring last gave this content. ``published_seal``: SHA-256 over name, hash, publisher and
moment of the publication, by which a later change of these is noticed.
"""

assessment_subject = numbered(
    "assessment_subject",
    ref("assessment_id", "assessment.id", nullable=False),
    ref("subject_id", "subject.id", nullable=False),
    sa.Column("total_numerator", sa.Numeric),
    sa.Column("total_denominator", sa.Numeric),
    sa.Column("total_shown", sa.Numeric),
    sa.Column("rank", sa.Integer),
    sa.Column("document", JSONB, nullable=False),
    sa.Column("chance", JSONB),
    sa.UniqueConstraint("assessment_id", "subject_id", name="uq_assessment_subject"),
)
"""``chance`` (名次波动): intervals by resampling, beside the document and not part of its hash."""

appeal = record(
    "appeal",
    ref("assessment_id", "assessment.id", nullable=False, index=True),
    code("subject_code", nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("fact_no", sa.Text(collation="C"), nullable=False),
    *texts("reason", "opened_by", nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'open'")),
    *texts("decision", "decided_by"),
    instant("decided_at"),
    ref("decider_id", "actor.id"),
    sa.UniqueConstraint("kind", "fact_no", "assessment_id", name="uq_appeal_fact"),
    sa.CheckConstraint("kind IN ('case', 'sample', 'step', 'entry')", name="kind"),
    sa.CheckConstraint("state IN ('open', 'granted', 'rejected')", name="state"),
)
"""Appeals (申诉): one for a case, sample, step or entry of an assessment; a granted one exempts it, the fact stays."""


def _evidence(name: str, fact: str, *more: sa.Column[Any]) -> sa.Table:
    """One row for each fact that counts in an assessment, frozen with its grids; ``mask`` says in which counts.

    ``content_hash`` names the version that counted: it does not change when a
    later export repeats the same content.
    """
    return sa.Table(
        name,
        metadata,
        ref("assessment_id", "assessment.id", nullable=False),
        sa.Column("fact_no", sa.Text(collation="C"), nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("grid_codes", ARRAY(sa.Text), nullable=False),
        code("unit_code"),
        sa.Column("mask", sa.BigInteger, nullable=False),
        *more,
        sa.UniqueConstraint("assessment_id", "fact_no", name=f"uq_{name}_{fact}"),
    )


assessment_case = _evidence("assessment_case", "case_no")
assessment_sample = _evidence("assessment_sample", "sample_no", sa.Column("shares", JSONB(none_as_null=True)))
assessment_step = _evidence("assessment_step", "step_no")
assessment_act = _evidence("assessment_act", "act_no", code("person_code"))
"""``shares`` of a road that counted by length: level → code → exact part; NULL: it counted whole in ``grid_codes``."""
