"""The locator, PostGIS and geopandas agree on every point's owner; the leaf decides, and every sum holds."""

import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from sqlalchemy import text

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database import cities
from gridmgmt.database.work import Connection, Work
from gridmgmt.figures.operations import indicators
from gridmgmt.figures.operations.period_counts import Figures, figures
from gridmgmt.people.operations import assigning
from gridmgmt.periods import parse_period
from gridmgmt.places.locator import Locator
from gridmgmt.places.operations import editions
from gridmgmt.places.store import editions as store
from tests.postgis import towns
from tests.postgis.towns import case, load
from tests.unit.locator_examples import POINTS, POLYGONS

OWNERS = """
SELECT (SELECT code FROM polygon WHERE ST_Covers(geom, p.geom) ORDER BY code COLLATE "C" LIMIT 1)
FROM point AS p ORDER BY p.n
"""


def owners_in_postgis(
    connection: Connection, codes: list[str], polygons: NDArray[np.object_], points: NDArray[np.float64]
) -> list[str | None]:
    for table, rows in (
        ("polygon (code, geom)", list(zip(codes, shapely.to_wkb(polygons, hex=True), strict=True))),
        ("point (n, geom)", list(enumerate(shapely.to_wkb(shapely.points(points), hex=True)))),
    ):
        name, first = table.split()[0], table.split("(")[1].split(",")[0]
        column_type = "text" if first == "code" else "integer"
        connection.execute(text(f"CREATE TEMPORARY TABLE {name} ({first} {column_type}, geom geometry) ON COMMIT DROP"))
        insert = text(f"INSERT INTO {name} VALUES (:a, ST_SetSRID(CAST(:b AS geometry), {STORAGE_EPSG}))")
        connection.execute(insert, [{"a": a, "b": b} for a, b in rows])
    connection.execute(text("CREATE INDEX ON polygon USING gist (geom)"))
    return list(connection.execute(text(OWNERS)).scalars())


def owners_in_geopandas(
    codes: list[str], polygons: NDArray[np.object_], points: NDArray[np.float64]
) -> list[str | None]:
    grids = gpd.GeoDataFrame({"code": codes}, geometry=polygons, crs=STORAGE_EPSG)
    where = gpd.GeoDataFrame(geometry=shapely.points(points), crs=STORAGE_EPSG)
    pairs = where.sjoin(grids, predicate="covered_by", how="left")
    first = pairs.sort_values("code").groupby(level=0)["code"].first().reindex(where.index)
    return [code if isinstance(code, str) else None for code in first]


def owners_by_locator(codes: list[str], polygons: NDArray[np.object_], points: NDArray[np.float64]) -> list[str | None]:
    found = Locator.build(codes, polygons).owners(points[:, 0], points[:, 1])
    return [codes[i] if i >= 0 else None for i in found]


def test_three_engines_agree_on_the_shared_examples(empty: Work) -> None:
    codes = [code for code, _ in POLYGONS]
    polygons = shapely.from_wkt([wkt for _, wkt in POLYGONS])
    points = np.array([(x, y) for _, x, y, _ in POINTS])
    expected = [owner for *_, owner in POINTS]
    assert owners_by_locator(codes, polygons, points) == expected
    assert owners_in_geopandas(codes, polygons, points) == expected
    with empty.transaction() as connection:
        assert owners_in_postgis(connection, codes, polygons, points) == expected


def cells(rng: np.random.Generator, n: int) -> NDArray[np.object_]:
    """A random coverage of the unit square around (114, 30) by n cells."""
    square = shapely.box(114, 30, 115, 31)
    seeds = shapely.multipoints(rng.random((n, 2)) + np.array([114, 30]))
    parts = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=square))
    return np.asarray(shapely.intersection(parts, square), dtype=object)


def test_locator_and_postgis_agree_on_random_points_of_a_random_coverage(empty: Work) -> None:
    rng = np.random.default_rng(20_260_701)
    polygons = cells(rng, 300)
    codes = [f"{i:03}" for i in rng.permutation(len(polygons))]
    points = rng.random((4_000, 2)) * 1.1 + np.array([113.95, 29.95])
    with empty.transaction() as connection:
        found = owners_in_postgis(connection, codes, polygons, points)
    assert owners_by_locator(codes, polygons, points) == found
    assert None in found


def check_sums(found: Figures, n_facts: dict[str, int], parents: bool) -> None:
    """Σ grids + unassigned = total at every level; with ``parents``: own = Σ children + what lies in no child."""
    for number in found.levels:
        level = found.levels[number]
        for name, total in n_facts.items():
            assert level.counts[name].sum() + level.unassigned[name] == total, (number, name)
    if not parents:
        return
    cases = found.cases
    for upper in sorted(found.levels)[:-1]:
        below = found.levels[upper + 1].counts
        parent_of = found.grids[found.grids["level"] == upper + 1].set_index("code")["parent_code"]
        children = below.groupby(parent_of.reindex(below.index)).sum()
        without_child = cases.facts.frame[cases.codes[upper + 1].isna()].groupby(cases.codes[upper])["n"].sum()
        for code, own in found.levels[upper].counts["n_reported"].items():
            in_children = children["n_reported"].get(code, 0)
            assert own == in_children + without_child.get(code, 0), (upper, code)


@pytest.mark.parametrize("seed", range(3))
def test_sums_hold_although_parents_do_not_match_their_children(seed: int, empty: Work, tmp_path: Path) -> None:
    """Communities and districts are two independent coverages, parents drawn at random, with holes in both."""
    rng = np.random.default_rng(seed)
    with empty.transaction() as connection:
        cities.save_city(connection, towns.CITY)
    grids = {"C": ("city", None, shapely.box(114, 30, 114.9, 31))}
    grids |= {f"D{i}": ("district", "C", shape) for i, shape in enumerate(cells(rng, 5)[:-1])}
    grids |= {f"x{i}": ("community", f"D{rng.integers(4)}", shape) for i, shape in enumerate(cells(rng, 40)[:-4])}
    towns.add_edition(empty, tmp_path, "2025", None, grids)
    with empty.transaction() as connection:
        store.activate(connection, store.by_name(connection, "2025"), towns.START)
    points = rng.random((400, 2)) * 1.2 + np.array([113.9, 29.9])
    rows = [case(f"n{i}", (x, y), reg=towns.NOON) for i, (x, y) in enumerate(points.tolist())]
    report = load(empty, tmp_path, [*rows, case("nowhere", None)])
    assert set(report.located) == {"leaf", "upper", "outside", "no_location"}
    with empty.snapshot() as connection:
        found = figures(connection, cities.load_city(connection), parse_period("2025-12"))
    check_sums(found, {"n_reported": 401, "n_registered": 400}, parents=True)
    counts = found.levels[3].counts["n_reported"]
    assert counts.sum() == report.located["leaf"]


def test_sums_hold_over_two_editions_in_one_period(town: Work, tmp_path: Path) -> None:
    """December's cases, due in January, keep their old communities; the new edition has one community in the west."""
    load(town, tmp_path, [
        case("a", "D1-1", reg="2025-12-28", due="2026-01-04", closed="2026-01-03"),
        case("b", "D1-2", reg="2025-12-28", due="2026-01-04"),
        case("c", "D2-1", reg="2025-12-28", due="2026-01-04"),
    ])  # fmt: skip
    grids = towns.shapes()
    del grids["D1-1"], grids["D1-2"]
    grids["D1-9"] = ("community", "D1", towns.box(0, 0, 1, 2))
    towns.add_edition(town, tmp_path, "2026", dt.date(2026, 1, 1), grids)
    load(town, tmp_path, [
        case("d", "D1-1", at="2026-01-02", reg="2026-01-02", due="2026-01-05"),
        case("e", "D2-1", at="2026-01-02", reg="2026-01-02", due="2026-01-05"),
        case("f", (0.0, 0.0), at="2026-01-02", reg="2026-01-02", due="2026-01-05"),
    ])  # fmt: skip
    assert assigning.reassign(town)["n_cases_changed"] == 0
    with town.snapshot() as connection:
        found = figures(connection, cities.load_city(connection), parse_period("2026-01"))
    check_sums(found, {"n_due": 6, "n_reported": 3, "n_registered": 3, "n_closed": 1}, parents=True)
    due = found.levels[3].counts["n_due"].to_dict()
    assert due == {"D1-1": 1, "D1-2": 1, "D1-9": 1, "D2-1": 2, "D2-2": 0}
    assert found.levels[2].counts["n_due"].to_dict() == {"D1": 3, "D2": 2}
    assert found.levels[3].unassigned["n_due"] == 1
    of = found.grids.set_index("code")["edition"].to_dict()
    assert (of["D1-1"], of["D1-9"], of["D2-1"]) == ("2025", "2026", "2026")


def test_a_table_lists_every_grid_and_the_unassigned_last(town: Work, tmp_path: Path) -> None:
    load(town, tmp_path, [case("a"), case("b"), case("c", (0.0, 0.0))])
    table, _ = indicators.indicators(town, parse_period("2025-12"), "community")
    assert dict(zip(table["code"], table["n_reported"], strict=True)) == {
        "D1-1": 2, "D1-2": 0, "D2-1": 0, "D2-2": 0, "": 1,
    }  # fmt: skip
    assert table["closing_rate"].isna().all(), "no case was due: no data"
    area_km2 = editions.grids_of(town, None, None, [3])["area_m2"].iloc[0] / 1e6
    assert table["density"].iloc[0] == pytest.approx(2 / area_km2)
