"""What is told to whoever listens: events in the order of their transactions, lights that turn, hooks."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gridmgmt.database.tables.base import GRID_COLUMNS, code, instant, metadata, record, ref, texts

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column(
        "xid",
        sa.BigInteger,
        nullable=False,
        server_default=sa.text("CAST(CAST(pg_current_xact_id() AS text) AS bigint)"),
    ),
    sa.Column("id", sa.BigInteger, sa.Identity(always=False), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Column("kind", sa.Text, nullable=False),
    ref("case_id"),
    *(ref(name) for name in GRID_COLUMNS),
    ref("unit_id"),
    code("unit_code"),
    sa.Column("document", JSONB, nullable=False),
    sa.PrimaryKeyConstraint("xid", "id"),
    sa.CheckConstraint("kind IN ('case', 'step', 'light', 'import', 'assessment')", name="kind"),
)
"""What happened (消息), written with the deed; read in the order of transactions, up to the oldest that is open.

Grids and unit are those of the case after it; ``unit_code`` is the unit that the step concerns.
"""

case_light = sa.Table(
    "case_light",
    metadata,
    sa.Column("case_id", sa.BigInteger, primary_key=True, autoincrement=False),
    instant("version_at", nullable=False),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    *(instant(name) for name in ("due_at", "yellow_at", "red_at")),
    sa.Column("told", sa.Text, nullable=False),
    sa.CheckConstraint("told IN ('green', 'yellow', 'red')", name="told"),
)
"""When the light of a running case's stage turns (红绿灯), of a version of the case; and the last that was told."""

live_mark = sa.Table(
    "live_mark", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("n", sa.BigInteger, nullable=False)
)
"""How far it is: ``purged``, the last transaction whose events are gone; ``tick``, when lights were looked at (µs)."""

hook = record(
    "hook",
    ref("account_id", "account.id", nullable=False),
    *texts("name", "url", "form", "secret", nullable=False),
    sa.Column("kinds", ARRAY(sa.Text), nullable=False),
    sa.Column("after_xid", sa.BigInteger, nullable=False),
    sa.Column("after_id", sa.BigInteger, nullable=False),
    sa.Column("n_failed", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("n_lost", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    instant("next_at"),
    sa.Column("failure", sa.Text),
    instant("removed_at"),
    sa.CheckConstraint("form IN ('json', 'wecom', 'dingtalk')", name="form"),
)
"""Where events of an account's scope are sent (消息推送), and up to which one they were."""
