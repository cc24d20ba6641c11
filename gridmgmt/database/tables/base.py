"""What every table shares: the metadata, its first and last column, and makers of the others."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import SchemaItem

MAX_LEVELS = 6
"""Grid levels a city may have: four by default, a fifth is the unit grid."""

GRID_COLUMNS = tuple(f"grid_l{n}" for n in range(1, MAX_LEVELS + 1))

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def numbered(name: str, *parts: SchemaItem) -> sa.Table:
    """A table whose rows have a number of their own."""
    return sa.Table(name, metadata, sa.Column("id", sa.BigInteger, sa.Identity(always=False), primary_key=True), *parts)


def record(name: str, *parts: SchemaItem) -> sa.Table:
    """A table whose numbered rows bear the moment the platform learnt of them, and who wrote them: he or his batch."""
    has_batch = any(isinstance(part, sa.Column) and part.name == "batch_id" for part in parts)
    return numbered(name, *parts, known_at(), *([] if has_batch else [written_by()]))


def written_by() -> sa.Column[Any]:
    """Who wrote the row: filled by the database itself from what the transaction claims, so that no writer forgets it.

    Empty in rows that are older than the table of actors.
    """
    return sa.Column("actor_id", sa.BigInteger, sa.ForeignKey("actor.id"), server_default=sa.text("current_actor()"))


def known_at() -> sa.Column[Any]:
    """The moment the platform learnt of the row."""
    return sa.Column("known_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp())


def instant(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    """An instant with its zone."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def texts(*names: str, nullable: bool = True) -> list[sa.Column[Any]]:
    """Free texts."""
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def code(name: str, *, nullable: bool = True) -> sa.Column[str]:
    """A code compares byte by byte everywhere, so that 'the smallest code' is the same in SQL and Python."""
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def ref(name: str, target: str | None = None, *, nullable: bool = True, index: bool = False) -> sa.Column[int]:
    """The id of a row of another table; without a target, as in large tables, the database does not check it."""
    checks = [sa.ForeignKey(target)] if target else []
    return sa.Column(name, sa.BigInteger, *checks, nullable=nullable, index=index)
