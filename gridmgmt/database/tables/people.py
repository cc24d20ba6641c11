"""People and their posts in units (人员与岗位)."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DATERANGE

from gridmgmt.database.tables.base import code, record, ref

person = record(
    "person",
    sa.Column("code", sa.Text(collation="C"), nullable=False, unique=True),
    sa.Column("name", sa.Text),
    sa.Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
)

person_version = record(
    "person_version",
    code("code", nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("valid", DATERANGE, nullable=False),
    sa.Index("ix_person_version_code", "code"),
)
"""What was ever said of a person, append-only: each row holds from when it was known until the next of its code."""

post = record(
    "post",
    ref("person_id", "person.id", nullable=False, index=True),
    ref("unit_id", "unit.id", nullable=False, index=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("level", sa.SmallInteger),
    code("grid_code"),
    sa.Column("full_time", sa.Boolean, nullable=False),
    sa.Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
    sa.CheckConstraint("num_nulls(level, grid_code) <> 1", name="grid"),
)
"""A person's post (岗位) in a unit; corrected by its key: person, unit, role, grid and first day."""

post_version = record(
    "post_version",
    ref("post_id", "post.id", nullable=False, index=True),
    sa.Column("person_code", sa.Text(collation="C"), nullable=False, index=True),
    code("unit_code", nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("level", sa.SmallInteger),
    code("grid_code"),
    sa.Column("full_time", sa.Boolean, nullable=False),
    sa.Column("valid", DATERANGE, nullable=False),
)
"""What was ever said of a post, append-only: each row holds from when it was known until the next of its post."""
