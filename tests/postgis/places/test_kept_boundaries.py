"""Boundaries as cities keep them: only the lowest level, land that two claim, one code in several rows."""

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from gridmgmt import geo
from gridmgmt.city import Level
from gridmgmt.database import cities
from gridmgmt.database.work import Work
from gridmgmt.errors import EditionInvalid, OptionInvalid
from gridmgmt.figures.operations import indicators
from gridmgmt.people.operations import locating
from gridmgmt.periods import parse_period
from gridmgmt.places.contested import Settlement, settlement
from gridmgmt.places.grids import GridColumns
from gridmgmt.places.operations import editions
from gridmgmt.places.operations.editions import Imported
from tests.postgis import towns

Rows = list[tuple[str, str, shapely.Geometry]]
ACCEPT = Settlement("accept", "规划局", "两街道都巡查湖岸")


@pytest.fixture
def city(empty: Work) -> Work:
    with empty.transaction() as connection:
        cities.save_city(connection, towns.CITY)
    return empty


def leaves(**other: shapely.Geometry) -> Rows:
    """The four communities with the name of their district, some in another shape."""
    return [(x, "东区" if x.startswith("D2") else "西区", other.get(x.replace("-", "_"), s))
            for x, (level, _, s) in towns.shapes().items() if level == "community"]  # fmt: skip


def load(work: Work, path: Path, rows: Rows, name: str = "one", **how: object) -> Imported:
    frame = gpd.GeoDataFrame(rows, columns=["code", "region", "geometry"], geometry="geometry", crs=4490)
    frame.to_file(path / f"{name}.gpkg", layer="grids")
    columns = GridColumns(level="community", parent="region")
    return editions.import_grids(work, [str(path / f"{name}.gpkg")], name, **{"columns": columns, **how})


def owner(work: Work, column: float, row: float) -> list[str]:
    x, y = towns.WEST + column * towns.SIDE, towns.SOUTH + row * towns.SIDE
    return [g["code"] for g in locating.locate(work, x, y, day=towns.START).grids]


def findings(made: Imported) -> dict[tuple[str, int], int]:
    return {(f.code, f.level): f.n for f in made.report.findings}


def test_upper_levels_are_the_unions_of_a_column(city: Work, tmp_path: Path) -> None:
    made = load(city, tmp_path, leaves())
    assert findings(made) == {("grid_level_derived", 2): 2, ("grid_city_derived", 1): 1}
    editions.activate(city, "one", towns.START)
    grids = editions.grids_of(city, "one", None, None).set_index("code")
    assert list(grids["level"]) == [1, 2, 2, 3, 3, 3, 3]
    assert grids.loc["东区", "geometry"].equals(towns.box(1, 0, 1, 2))
    assert (grids.loc["东区", "name_zh"], grids.loc["东区", "parent_code"]) == ("东区", "C")
    assert owner(city, 0.5, 0.5) == ["C", "西区", "D1-1"]


def test_of_several_columns_each_makes_its_level(empty: Work, tmp_path: Path) -> None:
    keys = ("city", "district", "street", "community")
    levels = tuple(Level(n, key, key, key) for n, key in enumerate(keys, 1))
    with empty.transaction() as connection:
        cities.save_city(connection, replace(towns.CITY, levels=levels))
    rows = [(x, f"S{x[-1]}", "D", shape) for x, _, shape in leaves()]
    frame = gpd.GeoDataFrame(rows, columns=["code", "st", "di", "geometry"], geometry="geometry", crs=4490)
    frame.to_file(tmp_path / "g.gpkg")
    columns = GridColumns(level="community", parent="st", above=("di",))
    editions.import_grids(empty, [str(tmp_path / "g.gpkg")], "one", columns=columns)
    grids = editions.grids_of(empty, "one", None, None)
    assert list(zip(grids["level"], grids["code"], grids["parent_code"], strict=True))[:4] == [
        (1, "C", None), (2, "D", "C"), (3, "S1", "D"), (3, "S2", "D")
    ]  # fmt: skip
    torn = frame.assign(di=["D", "D", "E", "D"])
    torn.to_file(tmp_path / "torn.gpkg")
    with pytest.raises(EditionInvalid, match="S1 stands under D in other rows"):
        editions.import_grids(empty, [str(tmp_path / "torn.gpkg")], "two", columns=columns)


def contested() -> Rows:
    """D2-1 and D1-1 both claim the western half of D2-1."""
    half = shapely.box(114 + towns.SIDE, 30, 114 + towns.SIDE * 1.5, 30 + towns.SIDE)
    return leaves(D1_1=shapely.union(towns.box(0, 0), half))


def test_land_that_two_claim_blocks_until_the_city_says_what_to_do(city: Work, tmp_path: Path) -> None:
    made = load(city, tmp_path, contested())
    assert {f.code for f in made.report.blocking} == {"grid_overlap"}
    with pytest.raises(EditionInvalid):
        editions.activate(city, "one", towns.START)


def test_accepted_it_belongs_to_the_smallest_code_and_the_report_says_who_and_why(city: Work, tmp_path: Path) -> None:
    made = load(city, tmp_path, contested(), settled=ACCEPT)
    assert made.report.blocking == ()
    told = [f for f in made.report.findings if f.code == "grid_overlap_accepted"]
    assert [(f.level, f.n, f.severity) for f in told] == [(2, 1, "warning"), (3, 1, "warning")]
    assert all(x in told[1].text("zh") for x in ("规划局", "两街道都巡查湖岸", "D1-1 / D2-1"))
    assert editions.check(city, "one").findings == tuple(f for f in made.report.findings if "derived" not in f.code)
    editions.activate(city, "one", towns.START)
    assert owner(city, 1.25, 0.5) == ["C", "西区", "D1-1"]
    assert owner(city, 1.75, 0.5) == ["C", "东区", "D2-1"]


def test_accepted_it_is_on_the_map_of_the_grids(city: Work, tmp_path: Path) -> None:
    load(city, tmp_path, contested(), settled=ACCEPT)
    editions.activate(city, "one", towns.START)
    claims = indicators.choropleth(city, "n_reported", parse_period("2025-12")).claims
    assert claims is not None
    assert (claims.settled, claims.lowest) == (ACCEPT, 3)
    told = claims.land[["level", "code_a", "code_b"]].to_numpy().tolist()
    assert told == [[2, "东区", "西区"], [3, "D1-1", "D2-1"]]
    half = shapely.box(114 + towns.SIDE, 30, 114 + towns.SIDE * 1.5, 30 + towns.SIDE)
    for shape, m2 in zip(claims.land.geometry, claims.land["area_m2"], strict=True):
        assert shapely.area(shapely.symmetric_difference(shape, half)) < 1e-4 * shapely.area(half)
        assert m2 == pytest.approx(geo.areas_m2(gpd.GeoDataFrame(geometry=[half], crs=4490), 4547)[0], rel=1e-4)


@pytest.mark.parametrize("settled", [None, settlement("cut", "规划局", "勘界")])
def test_land_that_nobody_accepted_to_be_claimed_twice_is_on_no_map(
    city: Work, tmp_path: Path, settled: Settlement | None
) -> None:
    load(city, tmp_path, contested() if settled else leaves(), settled=settled)
    editions.activate(city, "one", towns.START)
    assert indicators.choropleth(city, "n_reported", parse_period("2025-12")).claims is None


@pytest.mark.parametrize(("first", "keeper"), [((), "D1-1"), (("D2-1",), "D2-1")])
def test_cut_it_stays_with_the_one_that_the_city_puts_first(
    first: tuple[str, ...], keeper: str, city: Work, tmp_path: Path
) -> None:
    made = load(city, tmp_path, contested(), settled=settlement("cut", "规划局", "勘界", first))
    assert made.report.blocking == ()
    assert findings(made)["grid_overlap_cut", 3] == 1
    assert made.report.levels[-1].n_overlaps == 0
    editions.activate(city, "one", towns.START)
    assert owner(city, 1.25, 0.5)[-1] == keeper
    assert owner(city, 1.75, 0.5)[-1] == "D2-1"
    areas = editions.grids_of(city, "one", None, [1, 3])["area_m2"].tolist()
    assert sum(areas[1:]) == pytest.approx(areas[0], rel=1e-5)  # edges bend between corners


@pytest.mark.parametrize(
    ("said", "name"),
    [(("ignore", "a", "b"), "--overlaps"), (("cut", "", "b"), "--by"), (("accept", "a", " "), "--why"),
     (("accept", "a", "b", ["x"]), "--overlaps"), ((None, None, None, ["x"]), "--overlaps")],
)  # fmt: skip
def test_a_way_is_known_and_has_who_and_why(said: tuple[object, ...], name: str) -> None:
    with pytest.raises(OptionInvalid) as e:
        settlement(*said)  # type: ignore[arg-type]  # what a command line may hand over
    assert e.value.name == name


def test_a_code_in_several_rows_is_one_grid_on_request(city: Work, tmp_path: Path) -> None:
    rows = leaves()
    rows[0] = ("D1-1", "西区", towns.box(0, 0).intersection(shapely.box(0, 0, 114 + towns.SIDE / 2, 90)))
    rows.append(("D1-1", "西区", towns.box(0, 0).intersection(shapely.box(114 + towns.SIDE / 2, 0, 180, 90))))
    with pytest.raises(EditionInvalid):
        load(city, tmp_path, rows)
    made = load(city, tmp_path, rows, "two", dissolve=True)
    assert findings(made)["grid_rows_dissolved", 3] == 1
    grids = editions.grids_of(city, "two", None, [3]).set_index("code")
    assert grids.loc["D1-1", "geometry"].equals(towns.box(0, 0))
    rows[-1] = ("D1-1", "东区", rows[-1][2])
    with pytest.raises(EditionInvalid, match="D1-1 stands under 西区"):
        load(city, tmp_path, rows, "three", dissolve=True)


def test_a_collection_of_polygons_is_what_they_are(city: Work, tmp_path: Path) -> None:
    rows = leaves(D1_1=shapely.geometrycollections([towns.box(0, 0)]))
    made = load(city, tmp_path, rows)
    assert made.n_grids == 7
    mixed = leaves(D1_1=shapely.geometrycollections([towns.box(0, 0), shapely.Point(114, 30)]))
    with pytest.raises(EditionInvalid, match="not a polygon"):
        load(city, tmp_path, mixed, "two")
