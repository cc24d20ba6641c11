"""The register of reports (报送登记): what was handed in for which period, and the events that reports follow."""

import sqlalchemy as sa

from gridmgmt.database.tables.base import code, instant, record, texts

handed_in = record(
    "handed_in",
    *texts("scheme", "duty", "about", nullable=False),
    code("subject_code", nullable=False),
    instant("at"),
    sa.Column("sha256", sa.Text(collation="C"), sa.ForeignKey("stored_file.sha256")),
    sa.Column("note", sa.Text),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Index("ix_handed_in_key", "scheme", "duty", "about", "subject_code"),
)
"""What was handed in when (报送), append-only: of one key (scheme, duty, about, subject) the newest row counts.

``about`` is a period's label, or the number of the event that a report follows. ``subject_code`` is '' where one body
owes the report. ``at`` NULL withdraws.
"""

duty_event = record(
    "duty_event",
    *texts("scheme", "event", "no", nullable=False),
    code("subject_code", nullable=False),
    instant("at"),
    sa.Column("note", sa.Text),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Index("ix_duty_event_key", "scheme", "event", "no", "subject_code"),
)
"""An event that reports follow (报送所随事件), under its own number, and who owes them; as ``handed_in``."""
