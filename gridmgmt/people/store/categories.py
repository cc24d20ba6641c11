"""Categories (类别) of the schemes in use."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.database import copying
from gridmgmt.database import tables as t


def of_scheme(connection: Connection, scheme: str) -> list[dict[str, Any]]:
    """The categories of a scheme, written ``kind:code``, with their names."""
    return [dict(r) for r in copying.rows(connection, "people/store/categories_of_scheme", scheme=scheme)]


def save_categories(connection: Connection, categories: Iterable[Mapping[str, Any]]) -> int:
    """Add categories or correct their names; gives the number of rows."""
    rows = [dict(c) for c in categories]
    copying.put(connection, t.category, rows, ["scheme", "kind", "code"])
    return len(rows)


def ensure_categories(connection: Connection, keys: Iterable[tuple[str, str, str]]) -> None:
    """Add categories that a file names and its profile lets it add (``unknown: add``)."""
    rows = [{"scheme": s, "kind": k, "code": c, "name_zh": c, "name_en": c} for s, k, c in sorted(set(keys))]
    if rows:
        connection.execute(insert(t.category).on_conflict_do_nothing(), rows)


def category_keys(connection: Connection) -> set[tuple[str, str, str]]:
    """Every (scheme, kind, code)."""
    c = t.category.c
    return {(r.scheme, r.kind, r.code) for r in connection.execute(select(c.scheme, c.kind, c.code))}


def category_names(connection: Connection, scheme: str) -> dict[str, dict[str, str | None]]:
    """Category of a scheme as ``kind:code`` → its name by language."""
    c = t.category.c
    found = connection.execute(select(c.kind, c.code, c.name_zh, c.name_en).where(c.scheme == scheme))
    return {f"{r.kind}:{r.code}": {"zh": r.name_zh, "en": r.name_en} for r in found}


def past(connection: Connection, category: str | None = None) -> list[dict[str, Any]]:
    """What was ever said of a category (``kind:code``), or of all, with when it was known and who wrote it."""
    v, a = t.category_version.c, t.actor.c
    key = v.kind + ":" + v.code
    names = (v.scheme, key.label("category"), v.major_code, v.major_zh, v.major_en, v.name_zh, v.name_en, v.known_at)
    statement = select(*names, a.name.label("actor")).join_from(t.category_version, t.actor, isouter=True)
    chosen = statement.where(key == category) if category is not None else statement
    return [dict(r) for r in connection.execute(chosen.order_by(v.scheme, key, v.id)).mappings()]
