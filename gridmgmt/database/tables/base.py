"""What every table shares: the metadata, and makers of its columns."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, MetaData, Text, func

MAX_LEVELS = 6
"""Grid levels a city may have: four by default, a fifth is the unit grid."""

GRID_COLUMNS = tuple(f"grid_l{n}" for n in range(1, MAX_LEVELS + 1))

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def row_id() -> Column[int]:
    """The row's own number."""
    return Column("id", BigInteger, Identity(always=False), primary_key=True)


def known_at() -> Column[Any]:
    """The moment the platform learnt of the row."""
    return Column("known_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


def instant(name: str, *, nullable: bool = True) -> Column[Any]:
    """An instant with its zone."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def texts(*names: str) -> list[Column[Any]]:
    """Free texts."""
    return [Column(name, Text) for name in names]


def code(name: str, *, nullable: bool = True) -> Column[str]:
    """A code compares byte by byte everywhere, so that 'the smallest code' is the same in SQL and Python."""
    return Column(name, Text(collation="C"), nullable=nullable)


def plain_ref(name: str, *, nullable: bool = True, index: bool = False) -> Column[int]:
    """The id of a row of another table, not checked by the database (see the module's words on large tables)."""
    return Column(name, BigInteger, nullable=nullable, index=index)


def ref(name: str, target: str, *, nullable: bool = True, index: bool = False) -> Column[int]:
    """The id of a row of another table, checked by the database."""
    return Column(name, BigInteger, ForeignKey(target), nullable=nullable, index=index)
