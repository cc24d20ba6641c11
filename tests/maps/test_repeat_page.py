"""The page of repeat cases: each group once, at its place, with its cases by number; nothing fetched."""

import re
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gridmgmt.casework import repeats
from gridmgmt.casework.operations.repeats import RepeatReport, shown_groups
from gridmgmt.casework.readers import repeats as reading
from gridmgmt.city import City
from gridmgmt.errors import OptionInvalid
from gridmgmt.geo import to_metric
from gridmgmt.periods import parse_period
from gridmgmt.places.linework import draw
from maps import drawing
from tests.maps.synthetic import data_of

RULE = reading.rule("annex2")
CITY = City("C", "小城", "Town", "Asia/Shanghai", 4547)
OUTLINES = gpd.GeoDataFrame(
    {"code": ["D1"], "name": ["一区"], "name_en": ["First"]}, geometry=[shapely.box(114, 30, 114.1, 30.1)], crs=4490
)
(LINES,) = draw(OUTLINES.assign(level=2, parent_code=None))
HOSTILE = "</script><b onclick='x()'>"


def report(*places: tuple[str, float, float, int]) -> RepeatReport:
    """Groups of so many cases at a place of a road class, a minute apart."""
    start = pd.Timestamp("2025-12-01T00:00:00Z")
    rows = [
        (f"C{i}-{j}{HOSTILE}", start + pd.Timedelta(minutes=j), "matter:06001", lon, lat, f"路{i}号", road)
        for i, (road, lon, lat, n) in enumerate(places)
        for j in range(n)
    ]
    columns = ["case_no", "registered_at", "category", "lon", "lat", "address", "road_class"]
    frame = pd.DataFrame(rows, columns=columns).astype({"lon": float, "lat": float})
    has = frame["lon"].notna()
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(frame.lon[has], frame.lat[has]), index=frame.index[has], crs=4490
    )
    metric = to_metric(points, CITY.metric_epsg).geometry
    placed = frame.assign(x=metric.x.reindex(frame.index), y=metric.y.reindex(frame.index))
    placed = placed.astype({"registered_at": "datetime64[us, UTC]", "x": float, "y": float})
    found = repeats.find(placed, RULE)
    names = {"matter:06001": {"zh": "私搭乱建", "en": "Unauthorised construction"}}
    grids = {no: {"code": "D1-1", "zh": "东一社区", "en": None} for no in found["case_no"]}
    groups = shown_groups(found, repeats.groups(found), names, grids)
    return RepeatReport(CITY, parse_period("2025-12"), RULE, found, groups, False)


def data(page: Any) -> dict[str, Any]:
    html = page.get_root().render()
    assert not re.findall(r"<(?:link|img|iframe)\b|src=|@import", html.split("<script>")[0])
    assert HOSTILE not in html
    return dict(data_of(html))


def test_each_group_stands_once_with_the_most_repeats_first() -> None:
    found = report(
        ("back", 114.05, 30.05, 5), ("main", 114.02, 30.02, 5), ("main", 114.08, 30.08, 1), ("key", np.nan, np.nan, 3)
    )
    page = data(drawing.repeats(found, OUTLINES, LINES))
    layer = page["layer"]
    assert layer["value"] == ["4", "2"]
    assert layer["rank"] == [1, 2]
    assert [layer["classes"][k]["zh"] for k in layer["class"]] == ["主干道 （满 2 次起计）", "背街小巷 （满 4 次起计）"]
    assert [c["n"] for c in layer["classes"]] == [0, 1, 0, 1, 0]
    rows = {label["en"]: value for label, value in layer["rows"][0]}
    assert rows["repeat from"] == {"zh": "2 次", "en": "2"}
    assert rows["cases"] == {"zh": "5 件", "en": "5 cases"}
    assert rows["place"] == {"zh": "东一社区", "en": "东一社区"}
    assert (layer["unit"]["en"], layer["one"]) == ("repeats", {"zh": "件重复", "en": "repeat"})
    assert rows["case numbers"] == ", ".join(f"C1-{j}{HOSTILE}" for j in range(5))
    assert rows["numbers of repeats"] == ", ".join(f"C1-{j}{HOSTILE}" for j in range(1, 5))
    facts = [f["en"] for f in page["facts"]]
    assert facts[-2:] == ["2 groups on the map", "1 groups without a place"]
    assert "within 20 m" in facts[-3]
    bare = data(drawing.repeats(replace(found, without_roads=not found.without_roads), OUTLINES, LINES))
    assert ("no road layer" in str(facts), "no road layer" in str(bare["facts"])) == (False, True)


def test_a_group_without_addresses_has_no_row_for_them() -> None:
    found = report(("main", 114.05, 30.05, 2))
    (group,) = found.groups
    for addresses, there in (([], False), (["", " "], False), (["人民路 1 号", ""], True)):
        page = data(drawing.repeats(replace(found, groups=[{**group, "addresses": addresses}]), OUTLINES, LINES))
        rows = {label["en"]: value for label, value in page["layer"]["rows"][0]}
        assert ("addresses" in rows) == there
    assert rows["addresses"] == "人民路 1 号"


def test_long_lists_are_cut_and_say_how_long_they_are() -> None:
    layer = data(drawing.repeats(report(("main", 114.05, 30.05, 30)), OUTLINES, LINES))["layer"]
    rows = {label["en"]: value for label, value in layer["rows"][0]}
    assert rows["case numbers"].endswith("… (30)")
    assert rows["case numbers"].count(",") == drawing.MOST_NUMBERS - 1


def test_the_ring_is_as_wide_as_the_place() -> None:
    found = report(("main", 114.05, 30.05, 2))
    (ring,) = drawing.rings(found, [1])
    metric = to_metric(gpd.GeoDataFrame(geometry=[ring], crs=4490), CITY.metric_epsg).geometry.iloc[0]
    west, south, east, north = metric.bounds
    assert east - west == pytest.approx(40, abs=1e-6)
    assert north - south == pytest.approx(40, abs=1e-6)


def test_a_period_without_repeats_is_an_empty_page() -> None:
    page = data(drawing.repeats(report(), OUTLINES, LINES, lang="en"))
    assert page["layer"]["value"] == []
    assert page["lang"] == "en"


def test_a_page_needs_outlines_and_a_known_language() -> None:
    found = report(("main", 114.05, 30.05, 2))
    with pytest.raises(OptionInvalid):
        drawing.repeats(found, OUTLINES.iloc[:0], LINES)
    with pytest.raises(OptionInvalid):
        drawing.repeats(found, OUTLINES, LINES, lang="fr")
