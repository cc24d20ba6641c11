"""An exported choropleth of four levels beside a plain folium.Choropleth of the leaf level alone.

    python -m tests.benchmarks --only choropleth

Communities have about 190 vertices and share their bent edges; one more row has about 50, as a plainer boundary file
brings. Both begin with the month's figures in memory. Ours reads how the edition is drawn from the database, which was
made when the edition began (`note` says how long that took); folium has the boundaries as they were imported.
"""

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import folium
import geopandas as gpd
import pandas as pd

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.places.linework import draw
from gridmgmt.places.store import linework as store
from maps import pages
from maps.layers import LevelFrame
from tests.benchmarks import servers
from tests.benchmarks.rows import Row, Size, in_turn
from tests.maps.synthetic import CLOSING, COUNTS, PAGE, city

CITIES = {"full": ((50, 50, 32), (75, 80, 32), (50, 50, 8)), "quick": ((10, 10, 8),)}
"""Communities one way and the other, and steps of an edge."""
SMALLER = 10


def ours(work: Work, edition: int, levels: list[LevelFrame], path: Path) -> int:
    """What `map choropleth` does with the figures."""
    with work.snapshot() as connection:
        lines = store.read(connection, edition, 0)
    if lines is None:
        raise RuntimeError("nothing is drawn")
    page = pages.choropleth(levels, CLOSING, lines=lines, counts=COUNTS, start_level="district", **PAGE)
    return pages.save(page, path)


def plain(frame: gpd.GeoDataFrame, path: Path) -> int:
    """What folium's own example does."""
    page = folium.Map()
    folium.Choropleth(
        geo_data=frame[["code", "geometry"]], data=frame, columns=["code", "value"], key_on="feature.properties.code"
    ).add_to(page)
    page.save(str(path))
    return path.stat().st_size


def rows(size: Size) -> Iterator[Row]:
    """Size and time of building, for each city."""
    with tempfile.TemporaryDirectory() as folder, servers.database("bench_choropleth", size) as work:
        for across, down, detail in CITIES[size]:
            levels = city(across, across=down, detail=detail)
            name = f"{across * down}-{detail}"
            whole = pd.concat([x.frame.assign(level=x.level.number) for x in levels], ignore_index=True)
            began = time.perf_counter()
            lines = draw(gpd.GeoDataFrame(whole, crs=STORAGE_EPSG))
            drawn = time.perf_counter() - began
            with work.transaction() as connection:
                statement = t.edition.insert().values(name=name, report={}).returning(t.edition.c.id)
                edition = int(connection.execute(statement).scalar_one())
                store.save(connection, edition, lines)
            frame = levels[-1].frame
            shown = [LevelFrame(x.level, x.frame.drop(columns="geometry")) for x in levels]
            works = [
                partial(ours, work, edition, shown, Path(folder, "ours.html")),
                partial(plain, frame, Path(folder, "plain.html")),
            ]
            (built, peer), (weighs, beside) = in_turn(works, {"full": 5, "quick": 1}[size])
            vertices = round(frame.geometry.count_coordinates().mean())
            told = f"{len(frame)} communities of {vertices} vertices, four levels, exported"
            sizes = f"{weighs / 1e6:.2f} MB beside {beside / 1e6:.1f} MB, off by {lines[0].off_m:.0f} m at most"
            peer_of = "folium.Choropleth, leaf level"
            yield Row(f"choropleth-size-{name}", told, peer_of, beside / weighs, SMALLER, least=True, note=sizes)
            times = f"{built:.2f} s beside {peer:.2f} s; drawn once in {drawn:.1f} s"
            yield Row(f"choropleth-time-{name}", told, peer_of, built / peer, 1, note=times)
