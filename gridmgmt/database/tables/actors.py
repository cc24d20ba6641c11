"""Who writes (经办人): the people, users of the operating system and jobs that rows name as their writers."""

import sqlalchemy as sa

from gridmgmt.database.tables.base import known_at, numbered, texts

actor = numbered(
    "actor",
    *texts("name", "means", nullable=False),
    *texts("os_user", "job"),
    known_at(),
    sa.CheckConstraint(
        "means IN ('claimed', 'os_user', 'database', 'session', 'token', 'key', 'acting')", name="means"
    ),
    sa.Index("ix_actor_name", "name"),
)
"""Who wrote, each way of writing once: ``name`` as it was claimed, by which ``means`` it is known (``claimed``;
``os_user``: nobody was named; ``database``: past the platform, as a user of the database), the operating system's user
and the job, which is the command as it was called.

Two who begin at one instant may stand there twice, since neither waits for the other; who asks groups them.
"""
