"""People and their posts in units (人员与岗位)."""

from sqlalchemy import Boolean, CheckConstraint, Column, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import DATERANGE

from gridmgmt.database.tables.base import code, known_at, metadata, ref, row_id

person = Table(
    "person",
    metadata,
    row_id(),
    Column("code", Text(collation="C"), nullable=False, unique=True),
    Column("name", Text),
    Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
    known_at(),
)

post = Table(
    "post",
    metadata,
    row_id(),
    ref("person_id", "person.id", nullable=False, index=True),
    ref("unit_id", "unit.id", nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("level", SmallInteger),
    code("grid_code"),
    Column("full_time", Boolean, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    ref("batch_id", "batch.id", nullable=False),
    known_at(),
    CheckConstraint("num_nulls(level, grid_code) <> 1", name="grid"),
)
"""A person's post (岗位) in a unit; corrected by its key: person, unit, role, grid and first day."""
