"""Versions of rulebooks (考核办法版本) that were used: kept by their text, never edited."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import Range, insert

from gridmgmt.database import tables as t
from gridmgmt.errors import RulebookChanged
from gridmgmt.rulebooks.load import Loaded


def register(connection: Connection, loaded: Loaded) -> None:
    """Keep the text of a version that is about to be used; the same content again, in whatever layout, changes nothing.

    Raises
    ------
    RulebookChanged
        The version was used with another content.
    """
    book, v = loaded.rulebook, t.rulebook_version.c
    connection.execute(
        insert(t.rulebook_version)
        .values(
            rulebook_id=book.id,
            version=book.version,
            sha256=loaded.content_sha256,
            text=loaded.text,
            valid=Range(book.valid.first, book.valid.last),
        )
        .on_conflict_do_nothing()
    )
    used = connection.execute(select(v.sha256).where(v.rulebook_id == book.id, v.version == book.version)).scalar_one()
    if used != loaded.content_sha256:
        raise RulebookChanged(name=book.id, version=book.version)
