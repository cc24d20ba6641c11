"""What is done beside a request (后台任务)."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridmgmt.database.tables.base import code, instant, record, texts

job = record(
    "job",
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("asked", JSONB, nullable=False),
    code("login"),
    *texts("file"),
    code("file_sha256"),
    sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'waiting'")),
    sa.Column("n_tries", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("progress", JSONB(none_as_null=True)),
    sa.Column("result", JSONB(none_as_null=True)),
    sa.Column("error", JSONB(none_as_null=True)),
    *texts("result_file"),
    code("result_sha256"),
    instant("started_at"),
    instant("cancel_asked_at"),
    instant("finished_at"),
    sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed', 'cancelled')", name="state"),
)
"""A job (后台任务): what was asked for by whom, how far it is, what came of it; ``login`` is empty for the operator.

``file`` and ``result_file`` are names, their content stands below the files folder under its SHA-256. A try counts when
it begins (``n_tries``): only the last one that began may finish the job.
"""
