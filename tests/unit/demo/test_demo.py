"""The demo city: the same for the same seed, an exact coverage, and totals as its manifest says."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gridmgmt import city as city_file
from gridmgmt import texts
from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.demo import SIZES, casework, geography, make_demo_city, mesh, writing
from gridmgmt.demo.names import table
from gridmgmt.errors import OptionInvalid
from gridmgmt.geo import from_gcj02
from gridmgmt.settings import data_path
from tests.examples import about

LEVELS = ("city", "district", "street", "community")
SEED = 7


def grids(folder: Path, file: str = "grids.gpkg") -> dict[str, gpd.GeoDataFrame]:
    return {key: gpd.read_file(folder / file, layer=key) for key, _ in pyogrio.list_layers(folder / file)}


@pytest.fixture(scope="module", autouse=True)
def fewer() -> Iterator[None]:
    """The small city with a quarter of its cases: what is asked of them is asked of any number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "small", replace(SIZES["small"], cases=6_000))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("demo")
    stages: list[str] = []
    summary = make_demo_city(folder, seed=SEED, size="small", progress=lambda step, n: stages.append(step))
    first = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False, encoding="gb18030")
    second = pd.read_excel(folder / "cases_2025H2.xlsx", dtype=str, keep_default_na=False)
    return SimpleNamespace(
        folder=folder,
        stages=stages,
        manifest=summary.manifest,
        files=summary.files,
        grids=grids(folder),
        files_rows=(first, second),
        rows=pd.concat([first, second], ignore_index=True),
    )


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same city once more, now with the fifth level, and all cases as CSV."""
    folder = tmp_path_factory.mktemp("demo_unit_grids")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "small", replace(SIZES["small"], excel=False))
        make_demo_city(folder, seed=SEED, size="small", unit_grids=True)
    return folder


def placed(made: SimpleNamespace) -> gpd.GeoSeries:
    """True places of the rows that have one, GCJ-02 undone."""
    rows = made.rows[made.rows["经度"] != ""].astype({"经度": float, "纬度": float})
    rows = rows[(rows["纬度"] > 20) & (rows["纬度"] < 40)]
    gcj = (rows["坐标系"] == "GCJ02").to_numpy()
    lon, lat = rows["经度"].to_numpy(copy=True), rows["纬度"].to_numpy(copy=True)
    lon[gcj], lat[gcj] = from_gcj02(lon[gcj], lat[gcj])
    return gpd.GeoSeries(gpd.points_from_xy(lon, lat), index=rows.index, crs=4490)


# --- determinism and files ---------------------------------------------------


def test_same_seed_same_files(made, again):
    for name in ("units.csv", "responsibility.csv", "cases.csv", "samples.xlsx"):
        assert (made.folder / name).read_bytes() == (again / name).read_bytes(), name
    for file in ("grids.gpkg", "grids_2026.gpkg"):
        one, two = grids(made.folder, file), grids(again, file)
        for key in LEVELS:
            pd.testing.assert_frame_equal(pd.DataFrame(one[key]), pd.DataFrame(two[key]))


def test_workbook_and_csv_hold_the_same_rows(made, again):
    as_csv = pd.read_csv(again / "cases_2025H2.csv", dtype=str, keep_default_na=False, encoding="gb18030")
    pd.testing.assert_frame_equal(numbers(made.files_rows[1]), numbers(as_csv))


def numbers(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{k: pd.to_numeric(rows[k]) for k in ("经度", "纬度")})


def test_other_seed_other_city():
    size = SIZES["small"]
    one, two = (
        geography.make_land(size.radius_m, size.communities * 6, size.districts, seed) for seed in (SEED, SEED + 1)
    )
    assert not np.array_equal(one.sites, two.sites)


def test_manifest_lists_every_file(made):
    assert sorted(made.files) == sorted(p.name for p in made.folder.iterdir())
    assert json.loads((made.folder / "manifest.json").read_text("utf-8")) == json.loads(json.dumps(made.manifest))


def test_progress_is_worded_and_tells_each_step_once(made):
    assert made.stages[-1] == "demo_done"
    assert len(made.stages) == len(set(made.stages)) > 5
    assert {f"progress_{code}" for code in made.stages} <= set(texts.catalogue())


@pytest.mark.parametrize(("seed", "size"), [(1, "huge"), (-1, "small")])
def test_wrong_options(tmp_path, seed, size):
    with pytest.raises(OptionInvalid):
        make_demo_city(tmp_path, seed=seed, size=size)


# --- grids -------------------------------------------------------------------


@pytest.mark.parametrize("file", ["grids.gpkg", "grids_2026.gpkg"])
def test_every_level_is_an_exact_nested_coverage(again, file):
    levels = grids(again, file)
    keys = [*LEVELS, "unit_grid"]
    for key in keys:
        shapes = levels[key].geometry.to_numpy()
        assert levels[key].crs.to_epsg() == 4490
        assert shapely.is_valid(shapes).all()
        assert (shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON).all(), key
        assert shapely.coverage_is_valid(shapes), key
    for parent, child in pairwise(keys):
        unions = levels[child].groupby("parent_code").geometry.agg(lambda g: shapely.coverage_union_all(g.to_numpy()))
        for row in levels[parent].itertuples():
            assert shapely.equals(row.geometry, unions[row.code]), row.code
            outer, inner = (shapely.get_coordinates(g) for g in (row.geometry, unions[row.code]))
            assert {*map(tuple, outer)} == {*map(tuple, inner)}, row.code


@pytest.mark.parametrize("file", ["grids.gpkg", "grids_2026.gpkg"])
def test_codes_names_and_kinds(again, file):
    levels = grids(again, file)
    for key, length in zip([*LEVELS, "unit_grid"], (4, 6, 9, 12, 15), strict=True):
        frame = levels[key]
        assert frame["code"].is_unique
        assert (frame["code"].str.len() == length).all()
        assert frame["name"].notna().all()
        assert frame["responsible"].notna().all()
        assert not frame.duplicated(["parent_code", "name"]).any()
        if key != "city":
            assert (frame["code"].str[: frame["parent_code"].str.len().iloc[0]] == frame["parent_code"]).all()
    streets, part = levels["street"], levels["street"]["code"].str[6:].astype(int)
    assert part[streets["kind"] == "street"].between(1, 99).all()
    assert part[streets["kind"] == "town"].between(100, 199).all()
    assert part[streets["kind"] == "zone"].between(400, 599).all()
    assert set(levels["community"]["kind"]) == {"community", "enterprise", "zone"}


def test_sizes(made):
    size = SIZES["small"]
    assert made.manifest["grids"] == {key: len(made.grids[key]) for key in LEVELS}
    assert made.manifest["grids"] == {
        "city": 1, "district": size.districts, "street": size.streets, "community": size.communities,
    }  # fmt: skip


def test_centre_is_denser_than_the_edge(made):
    areas = made.grids["community"].to_crs(mesh.METRIC_EPSG).area
    assert areas.quantile(0.9) > 10 * areas.quantile(0.1)


def test_boundary_change(made):
    before, after = grids(made.folder)["community"], grids(made.folder, "grids_2026.gpkg")["community"]
    change = made.manifest["change_2026"]
    old, new = set(before["code"]), set(after["code"])
    assert old - new == {change["merged"][1], change["moved"]}
    assert new - old == {change["parts"][1], change["moved_to"]}
    assert change["moved"][:9] != change["moved_to"][:9]
    assert change["moved"][:6] == change["moved_to"][:6]
    b, a = before.set_index("code").geometry, after.set_index("code").geometry
    assert shapely.equals(b[change["moved"]], a[change["moved_to"]])
    assert shapely.equals(shapely.coverage_union_all(b[list(change["merged"])].to_numpy()), a[change["into"]])
    assert shapely.equals(shapely.coverage_union_all(a[list(change["parts"])].to_numpy()), b[change["split"]])
    same = sorted(old & new - {change["into"], change["split"]})
    assert shapely.equals(b[same].to_numpy(), a[same].to_numpy()).all()


def test_city_file(made, again):
    four, five = city_file.read(made.folder / "city.yaml"), city_file.read(again / "city.yaml")
    assert [x.key for x in four.levels] == list(LEVELS)
    assert five.leaf.key == "unit_grid"
    assert (four.code, four.metric_epsg, four.prefix_codes) == ("4299", 4547, True)


# --- cases ---------------------------------------------------------------------


def test_rows_are_as_many_as_the_manifest_says(made):
    told, rows = made.manifest["cases"], made.rows
    assert [len(x) for x in made.files_rows] == told["rows_by_file"]
    assert len(rows) == told["rows"]
    assert int(rows.duplicated().sum()) == told["duplicate_rows"]
    distinct = rows.drop_duplicates()
    assert (distinct["案卷编号"] == "").sum() == told["quarantined"]["case_no_missing"]
    assert (distinct["上报时间"] == "").sum() == told["quarantined"]["reported_at_missing"]
    assert (distinct["小类代码"] == "99999").sum() == told["quarantined"]["category_unknown"]
    backwards = (distinct["结案时间"] != "") & (distinct["结案时间"] < distinct["上报时间"])
    assert backwards.sum() == told["quarantined"]["closed_before_reported"]
    assert (rows["坐标系"] == "GCJ02").sum() == told["gcj02_rows"]
    numbered = distinct[distinct["案卷编号"] != ""]
    assert int(numbered["案卷编号"].duplicated().sum()) == told["older_versions"]
    assert len(distinct) == told["loaded"]["cases"] + sum(told["quarantined"].values()) + told["older_versions"]


def test_current_versions_give_the_known_totals(made):
    told, rows = made.manifest["cases"]["loaded"], made.rows.drop_duplicates()
    swapped = pd.to_numeric(rows["纬度"]).fillna(0) > 90
    bad = swapped | (rows["案卷编号"] == "") | (rows["上报时间"] == "") | (rows["小类代码"] == "99999")
    bad |= (rows["结案时间"] != "") & (rows["结案时间"] < rows["上报时间"])
    good = rows[~bad].sort_values("更新时间", kind="stable").drop_duplicates("案卷编号", keep="last")
    due = good["延期后时限"].where(good["延期后时限"] != "", good["应结案时间"])
    handled = good["处置完成时间"] != ""
    assert len(good) == told["cases"]
    assert good["上报时间"].str[:7].value_counts().to_dict() == told["by_month"]
    assert good["当前状态"].value_counts().to_dict() == told["by_status"]
    assert handled.sum() == told["handled"]
    assert (handled & (good["处置完成时间"] <= due)).sum() == told["handled_in_time"]
    assert (handled & (good["处置完成时间"] == due)).sum() == told["handled_at_the_deadline"] > 0
    assert (good["结案时间"] != "").sum() == told["closed"]
    assert (good["延期后时限"] != "").sum() == told["extended"] > 0
    assert good["返工次数"].astype(int).sum() == told["rework_events"]
    assert (good["是否重复"] == "是").sum() == told["repeats"] > 0
    assert (good["经度"] == "").sum() == told["without_location"]["missing"]
    assert (good["经度"].isin(["0", "0.0"])).sum() == told["without_location"]["zero"]
    assert set(told["by_status"]) == {
        "已上报", "已受理", "已立案", "已派遣", "处置中", "已反馈", "核查中", "已结案", "已作废",
    }  # fmt: skip


def test_steps_follow_one_another(made):
    rows = made.rows[(made.rows["上报时间"] != "")]
    order = ["上报时间", "受理时间", "立案时间", "派遣时间", "最近返工时间", "处置完成时间", "结案时间"]
    at = rows[order].apply(pd.to_datetime, format="%Y-%m-%d %H:%M:%S")
    backwards = at["结案时间"] < at["上报时间"]
    known = at[~backwards].ffill(axis=1)
    for earlier, later in pairwise(order):
        assert (known[earlier] <= known[later]).all(), later
    assert at.max().max() <= pd.Timestamp(made.manifest["exported_at"])


def test_places_lie_where_the_manifest_says(made):
    """Corrected for GCJ-02, exactly the outside ones are outside the city; the others are found."""
    points, told = placed(made), made.manifest["cases"]["loaded"]
    city = made.grids["city"].geometry.iloc[0]
    shapely.prepare(city)
    outside = ~shapely.intersects(city, points.to_numpy())
    assert outside.sum() == told["outside"]
    swapped = pd.to_numeric(made.rows["纬度"]).fillna(0) > 90
    assert swapped.sum() == made.manifest["cases"]["quarantined"]["coordinates_swapped"]


def test_edge_points_are_stored_vertices(made):
    """Read back from the files, they meet two communities (edge) or more (corner) to the last bit."""
    communities = made.grids["community"].geometry.to_numpy()
    xy, owner = shapely.get_coordinates(communities, return_index=True)
    owners = pd.DataFrame({"lon": xy[:, 0], "lat": xy[:, 1], "owner": owner}).drop_duplicates()
    shared = owners.groupby(["lon", "lat"]).size().rename("n")
    rows = made.rows[made.rows["经度"] != ""]
    at = pd.DataFrame({"lon": rows["经度"].astype(float), "lat": rows["纬度"].astype(float)})
    n = at.join(shared, on=["lon", "lat"])["n"]
    told = made.manifest["cases"]["loaded"]
    assert (n == 2).sum() == told["on_edge"] > 0
    assert (n >= 3).sum() == told["on_corner"] > 0
    points = shapely.points(at[n >= 2].to_numpy())
    hits = shapely.STRtree(communities).query(points, predicate="intersects")[0]
    assert (np.bincount(hits, minlength=len(points)) >= 2).all()


def test_some_community_has_a_month_without_any_case(made):
    points = placed(made)
    tree = shapely.STRtree(made.grids["community"].geometry.to_numpy())
    point, community = tree.query(points.to_numpy(), predicate="intersects")
    month = made.rows.loc[points.index, "上报时间"].str[:7].to_numpy()[point]
    busy = {pair for pair in zip(community.tolist(), month.tolist(), strict=True) if pair[1]}
    assert 0 < len(busy) < SIZES["small"].communities * 12


def test_behaviour_is_believable(made):
    told, rows = made.manifest["cases"]["loaded"], made.rows
    assert 0.82 < told["handled_in_time"] / told["dispatched"] < 0.90
    hour = rows.loc[rows["问题来源"] == "监督员上报", "上报时间"].str[11:13]
    assert hour[hour != ""].astype(int).between(8, 17).mean() > 0.8
    ice = rows.loc[rows["小类代码"] == "10001", "上报时间"].str[5:7]
    assert set(ice) - {""} <= {"01", "02", "03", "11", "12"}
    assert rows["举报电话"].isin(["", *[f"000-0000-{i:04d}" for i in range(10_000)]]).all()


# --- units, profiles, samples ----------------------------------------------------


def test_every_unit_named_is_known(made):
    units = pd.read_csv(made.folder / "units.csv", dtype=str, keep_default_na=False)
    rules = pd.read_csv(made.folder / "responsibility.csv", dtype=str, keep_default_na=False)
    assert units["code"].is_unique
    assert set(rules["unit_code"]) | set(made.rows["处置部门"]) | set(units["parent_code"]) - {""} <= set(units["code"])
    codes = {key: set(frame["code"]) for key, frame in made.grids.items()}
    assert all(code in codes[level] for level, code in zip(rules["level"], rules["grid_code"], strict=True))
    fallback = rules[(rules["category"] == "*") & (rules["level"] == "street")]
    assert set(fallback["grid_code"]) == codes["street"]


def test_a_case_goes_to_the_unit_that_the_table_names(made):
    """For classes with a rule of their own; the date decides between predecessor and successor."""
    rules = pd.read_csv(made.folder / "responsibility.csv", dtype=str, keep_default_na=False)
    rows = made.rows[(made.rows["上报时间"] != "") & (made.rows["小类代码"] != "99999")]
    kind = rows["问题类型"].map({v: k for k, v in writing.KINDS.items()})
    seen = set()
    for (k, code), cases in rows.groupby([kind, "小类代码"]):
        fit = [(CategoryPattern.parse(c).specificity(), c) for c in set(rules["category"])
               if c != "*" and CategoryPattern.parse(c).matches(CategoryKey(k, code))]  # fmt: skip
        if not fit:
            continue
        found = rules[rules["category"] == max(fit)[1]]
        for month, unit in zip(cases["上报时间"].str[:10], cases["处置部门"], strict=True):
            rule = found[found["unit_code"] == unit]
            assert len(rule) == 1, (code, unit)
            assert rule["valid_from"].iloc[0] <= month < (rule["valid_to"].iloc[0] or "9999"), (code, unit, month)
            seen.add(unit.rpartition("-")[2])
        if len(seen) > 8:
            break
    assert {"O1", "O5", "D1", "C1"} <= seen


def test_classes_are_those_of_the_standard():
    names = casework.class_names()
    assert all((kind, code) in names for kind, code, *_ in table("casework")["classes"])


@pytest.mark.parametrize(
    ("profile", "headers"),
    [("demo_cases", writing.CASE_HEADERS), ("demo_samples", writing.SAMPLE_HEADERS)],
)
def test_profiles_name_the_columns_of_the_files(profile, headers):
    data = YAML(typ="safe").load(data_path("profiles", f"{profile}.yaml").read_text("utf-8"))
    named = {k: v["column"] if isinstance(v, dict) else v for k, v in data["columns"].items()}
    assert named == {k: v for k, v in headers.items() if k in named}
    others = [data["location"]["lon"], data["location"]["lat"], data["location"]["system"]["column"]]
    if profile == "demo_cases":
        others += [data["version"], data["category"]["column"], data["category"]["kind"]["column"]]
        others += [x["column"] for x in data["deadline"]]
    assert set(others) <= set(headers.values())


def test_samples(made):
    told = made.manifest["samples"]
    samples = pd.read_excel(made.folder / "samples.xlsx", dtype={"样本编号": str})
    assert len(samples) == told["rows"]
    assert samples["样本编号"].is_unique
    assert samples["得分"].between(0, 100).all()
    assert samples["经度"].isna().sum() == told["without_location"]
    assert samples["得分"].mean() == pytest.approx(told["mean_score"])
    assert sorted(samples["检查时间"].str[:7].unique()) == [f"2025-{m:02d}" for m in range(1, 13)]


# --- invariants --------------------------------------------------------------------


@about(25)
@given(seed=st.integers(0, 10_000), roughness=st.floats(0, 1))
def test_rough_edges_always_give_a_coverage(seed, roughness):
    rng = np.random.default_rng(seed)
    sites = rng.uniform(-5_000, 5_000, (80, 2)) + geography.CENTRE_M
    plane = mesh.voronoi(sites)
    paths = mesh.roughen(plane, np.full(len(plane.edges), roughness), rng)
    inner = np.flatnonzero(np.abs(sites - geography.CENTRE_M).max(axis=1) < 3_500)
    cells = mesh.coverage(plane, paths, inner)
    assert shapely.is_valid(cells).all()
    assert shapely.coverage_is_valid(cells)


@about(25)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12))
def test_clusters_are_all_used(seed, k):
    rng = np.random.default_rng(seed)
    labels = geography.cluster(rng.normal(size=(40, 2)), k, rng)
    assert sorted(set(labels.tolist())) == list(range(k))


@given(weights=st.lists(st.floats(0.01, 100), min_size=1, max_size=20), extra=st.integers(0, 50))
def test_shares_add_up(weights, extra):
    total = len(weights) + extra
    got = geography.shares(np.array(weights), total)
    assert got.sum() == total
    assert got.min() >= 1


@pytest.mark.parametrize("seed", [0, 1, 2, 3, *(pytest.param(n, marks=pytest.mark.night) for n in range(4, 40))])
def test_every_group_is_connected(seed):
    land = geography.make_land(20_000, 1_800, 6, seed)
    groups = geography.divide(land, 6, 40, 300, seed)
    assert (groups.max(axis=0) + 1).tolist() == [6, 40, 300]
    for level in range(3):
        assert len(np.unique(geography.parts(groups[:, level], land.neighbours()))) == (6, 40, 300)[level]
