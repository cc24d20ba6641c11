"""Tiles (瓦片) of an edition: the ground that they are cut from, what its grids are called, and a tile's bytes."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gridmgmt.city import City, Level
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.places import tiles
from gridmgmt.places.grids import called
from gridmgmt.places.operations import drawing
from gridmgmt.places.operations.editions import choose
from gridmgmt.places.store import editions
from gridmgmt.places.store import tiles as store
from gridmgmt.places.tiles import Facts, Ground, Tile


@dataclass(frozen=True)
class Named:
    """A level of an edition as tiles tell it: what its grids are called."""

    city: City
    level: Level
    edition: str
    facts: Facts

    @property
    def n_bytes(self) -> int:
        """What it weighs."""
        return self.facts.n_bytes


@needs("grids.read")
def named(work: Work, level: str, *, edition: str | None = None, day: dt.date | None = None) -> Named:
    """The names of a level's grids in the edition of that name, else the one valid on the day, else today's.

    Raises
    ------
    EditionMissing, NoEditionOnDate, LevelUnknown
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        wanted = city.level(level)
        found = choose(connection, edition, day)
        names = editions.grid_names(connection, [found.id])
        own = name_facts(names[names["level"] == wanted.number])
        return Named(city, wanted, found.name, Facts.of(own))


def name_facts(frame: pd.DataFrame) -> pd.DataFrame:
    """What every grid carries in a tile: its code, its parent's, its name, and its English one or again its name."""
    chinese = called(frame)
    english = [en or zh for en, zh in zip(frame["name_en"], chinese, strict=True)]
    return pd.DataFrame(
        {"code": frame["code"].tolist(), "parent": frame["parent_code"].tolist(), "name": chinese, "name_en": english},
        dtype=object,
    )


@needs("grids.read")
def ground(work: Work, edition: str, level: int, *, near: bool = False) -> Ground:
    """How a level of an edition is drawn: by its linework, or near by as it is stored.

    Raises
    ------
    EditionMissing
    """
    with work.snapshot() as connection:
        found = editions.by_name(connection, edition)
        drawn = tiles.ground(drawing.read(connection, found.id, [level]), level)
        if not near:
            return drawn
        grids = editions.grids(connection, found.id, [level])
    return tiles.near(drawn, grids.set_index("code").geometry.loc[list(drawn.codes)].to_numpy())


@needs("grids.read")
def encode(work: Work, drawn: Ground, tile: Tile, facts: Facts) -> bytes | None:
    """A tile as bytes (Mapbox Vector Tile 2.1) of the grids that facts tell of; None where none stands in it."""
    held = tiles.cut(drawn, tile).of(np.array([code in facts.rows for code in drawn.codes], dtype=bool))
    if held.is_empty:
        return None
    with work.connect() as plain:  # no table is read: PostGIS writes down what is handed to it, and needs no snapshot
        return store.encode(plain.execution_options(isolation_level="AUTOCOMMIT"), held, drawn.codes, facts)
