"""What a server keeps to locate places by gives the database's answers, for places and matters of all kinds."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import shapely

from gridmgmt.database import cities
from gridmgmt.database.work import Work
from gridmgmt.people.operations import directory, reference
from gridmgmt.places.edition_locator import EditionLocator
from gridmgmt.places.locator import Locator
from gridmgmt.places.operations import editions
from tests.benchmarks.bench_locator import coverage
from tests.postgis import towns
from tests.postgis.people import both_ways
from tests.postgis.people.test_people import POND, RULES, add_areas, add_units, table
from tests.postgis.towns import SIDE, SOUTH, WEST

SCALE = 0.03


def bent_city(work: Work, folder: Path) -> None:
    """Eighty communities with bent edges within some kilometres, in four districts."""
    cells = coverage(np.random.default_rng(3), 80, 40).geometry.to_numpy()
    cells = shapely.transform(cells, lambda xy: xy * SCALE + [114.0, 30.0])
    middles = shapely.get_coordinates(shapely.centroid(cells))
    order = np.argsort(middles[:, 0])
    district = np.empty(len(cells), int)
    district[order] = np.arange(len(cells)) * 4 // len(cells)
    grids = {"C": ("city", None, shapely.coverage_union_all(cells))}
    for d in range(4):
        grids[f"D{d}"] = ("district", "C", shapely.coverage_union_all(cells[district == d]))
    for n, cell in enumerate(cells):
        grids[f"D{district[n]}-{n:02}"] = ("community", f"D{district[n]}", cell)
    with work.transaction() as connection:
        cities.save_city(connection, towns.CITY)
    towns.add_edition(work, folder, grids=grids)


@pytest.mark.parametrize("n", [15, pytest.param(200, marks=pytest.mark.night)])
def test_random_places_of_a_bent_city_are_located_alike(empty: Work, tmp_path: Path, n: int) -> None:
    bent_city(empty, tmp_path)
    random = np.random.default_rng(5)
    west, south, east, north = 114.0 - 0.12 * SCALE, 30.0 - 0.12 * SCALE, 114.0 + 1.12 * SCALE, 30.0 + 1.12 * SCALE
    near = []
    for lon, lat in zip(random.uniform(west, east, n), random.uniform(south, north, n), strict=True):
        for within_m in (0.0, 150.0, 2000.0):
            near.append(len(both_ways.locate(empty, lon, lat, within_m=within_m).neighbours))
    assert {0, 1, 2} < set(near)
    assert max(near) > 20


def test_one_point_is_owned_by_whom_many_are(empty: Work) -> None:
    cells = coverage(np.random.default_rng(3), 80, 40)
    locator = Locator.build(cells["code"].tolist(), cells.geometry.to_numpy())
    corners = shapely.get_coordinates(cells.geometry.to_numpy())[:3000]
    points = np.concatenate([np.random.default_rng(4).uniform(-0.2, 1.2, (3000, 2)), corners, corners + 1e-12])
    expected = locator.owners(*np.ascontiguousarray(points.T)).tolist()
    assert [locator.owner_at(x, y) for x, y in points.tolist()] == expected
    assert [locator.owner_at(x, y) for x, y in ((np.nan, 0.5), (0.5, np.inf))] == [-1, -1]
    boxes = [(x - 0.01, y - 0.005, x + 0.01, y + 0.005) for x, y in points[:3000].tolist()]
    sure = 0
    for (x, y), box, owner in zip(points[:3000].tolist(), boxes, expected, strict=False):
        found = locator.owner_of_box(*box)
        if found >= 0:
            sure += 1
            assert found == owner
            assert cells.geometry[found].contains(shapely.box(*box)), (x, y)
    assert sure > 300
    levels = cells.assign(level=1, parent_code=None)
    whole = EditionLocator(levels, 1)
    assert [whole.line_at(x, y).tolist() for x, y in points[:200].tolist()] == whole.locate(*points[:200].T).tolist()


TABLE = (
    RULES
    + """*,city,C,U1,2020-01-01,,,
*,community,D1-1,U2,2020-01-01,,,
component:*,district,D2,U2,2020-01-01,2025-06-01,,
component:01*,,,U2,2020-01-01,,,
component:02001,district,D1,U1,2020-01-01,,,
*,,,U2,2020-01-01,,STEEL,
"""
)


@pytest.mark.parametrize("category", [None, "component:01001", "component:02001", "component:02"])
def test_rules_and_areas_decide_alike(town: Work, tmp_path: Path, category: str | None) -> None:
    add_units(town, "U1", "U2")
    reference.import_rules(town, table(tmp_path, "rules", TABLE))
    add_areas(town, tmp_path, dt.date(2025, 12, 1), {"code": "pond", "land_owner": "STEEL", "shape": POND})
    points = [towns.middle(code) for code in towns.COMMUNITIES]
    points += [(WEST + SIDE, SOUTH + SIDE), (WEST - 0.01, SOUTH), tuple(shapely.get_coordinates(POND.centroid)[0])]
    found = {}
    for day in (None, dt.date(2025, 3, 1), dt.date(2025, 12, 3)):
        for x, y in points:
            unit = both_ways.locate(town, x, y, day=day, category=category, within_m=100).unit
            found[day, x, y] = unit["code"] if unit else None
    assert len(set(found.values())) == (2 if category == "component:01001" else 3)


def test_a_directory_says_what_it_weighs(town: Work) -> None:
    with town.snapshot() as connection:
        edition = editions.choose(connection, "2025", None)
    assert directory.ground(town, edition).n_bytes > 7 * 2_000
    assert directory.read(town).n_bytes >= 0
