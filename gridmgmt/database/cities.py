"""The city's one row, and its calendar day."""

import datetime as dt

from sqlalchemy import Connection, select

from gridmgmt import city as cities
from gridmgmt.city import City
from gridmgmt.database import clock
from gridmgmt.database import tables as t
from gridmgmt.errors import CityExists, CityMissing


def save_city(connection: Connection, city: City) -> None:
    """Write the city's row; the same city again changes nothing, and its metric CRS may change while no grid is loaded.

    Raises
    ------
    CityExists
        The database belongs to another city, or to this one with other settings.
    """
    document = cities.to_dict(city)
    old = connection.execute(select(t.city.c.document)).scalar()
    if old is None:
        connection.execute(t.city.insert().values(id=1, document=document))
        return
    keys = sorted(k for k in document if old.get(k) != document[k])
    if keys == ["metric_crs"] and connection.execute(select(t.edition.c.id).limit(1)).first() is None:
        connection.execute(t.city.update().values(document=document))
    elif keys:
        raise CityExists(code=old["code"], keys=keys)


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
