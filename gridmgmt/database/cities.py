"""The city's one row, and its calendar day."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from gridmgmt import city as cities
from gridmgmt.city import City
from gridmgmt.database import clock
from gridmgmt.database import tables as t
from gridmgmt.errors import CityExists, CityMissing

Changes = Mapping[str, tuple[Any, Any]]
"""A key of city.yaml → what stood there and what stands there now."""


def save_city(connection: Connection, city: City) -> Changes | None:
    """Write the city's row; the same city again changes nothing, and its metric CRS may change while no grid is loaded.

    Returns
    -------
    What changed; None: there was no city before.

    Raises
    ------
    CityExists
        The database belongs to another city, or to this one with other settings.
    """
    document = cities.to_dict(city)
    old = connection.execute(select(t.city.c.document)).scalar()
    if old is None:
        connection.execute(t.city.insert().values(id=1, document=document))
        return None
    changes = {k: (old.get(k), document[k]) for k in sorted(document) if old.get(k) != document[k]}
    if [*changes] == ["metric_crs"] and connection.execute(select(t.edition.c.id).limit(1)).first() is None:
        connection.execute(t.city.update().values(document=document))
    elif changes:
        raise CityExists(code=old["code"], changes=told(changes))
    return changes


def told(changes: Changes) -> list[dict[str, str]]:
    """What differs, key by key, as facts of a message."""
    return [
        {"code": "city_change", "key": key, "before": _short(before), "now": _short(now)}
        for key, (before, now) in changes.items()
    ]


_SHOWN = 80
"""Characters of a value that are told."""


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def load_city(connection: Connection) -> City:
    """The database's city.

    Raises
    ------
    CityMissing
        `gridmgmt city init` has not been run.
    """
    document = connection.execute(select(t.city.c.document)).scalar()
    if document is None:
        raise CityMissing()
    return cities.from_dict(document)


def today(connection: Connection) -> dt.date:
    """Today in the city's time zone, by the database's clock."""
    return clock.now(connection).astimezone(load_city(connection).zone).date()
