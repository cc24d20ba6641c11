"""Counted cells of cases, kept until what they were counted from changes; and which weeks' cases changed."""

import sqlalchemy as sa

from gridmgmt.database.tables.base import instant, metadata

case_change = sa.Table(
    "case_change",
    metadata,
    sa.Column(
        "xid",
        sa.BigInteger,
        primary_key=True,
        autoincrement=False,
        server_default=sa.text("CAST(CAST(pg_current_xact_id() AS text) AS bigint)"),
    ),
    sa.Column("week", sa.DateTime(timezone=True), primary_key=True),
)

cells_kept = sa.Table(
    "cells_kept",
    metadata,
    sa.Column("asked", sa.Text, primary_key=True),
    sa.Column("snapshot", sa.Text, nullable=False),
    instant("cut", nullable=False),
    instant("held_since", nullable=False),
    sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Column("cells", sa.LargeBinary, nullable=False),
)

cells_of_week = sa.Table(
    "cells_of_week",
    metadata,
    sa.Column("asked", sa.Text, sa.ForeignKey("cells_kept.asked", ondelete="CASCADE"), primary_key=True),
    sa.Column("week", sa.DateTime(timezone=True), primary_key=True),
    instant("next_at"),
    sa.Column("cells", sa.LargeBinary, nullable=False),
)
