"""Pages as files: nothing fetched, nothing unescaped, small, and the same numbers as the frames."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import folium
import geopandas as gpd
import numpy as np
import pytest
import shapely

import api
import maps
from gridmgmt.errors import CrsMissing, OptionInvalid
from gridmgmt.places.contested import Claims, Settlement
from gridmgmt.texts import catalogue
from maps.pages import Head, choropleth, heat, save
from tests.maps.synthetic import CLOSING, COUNTS, PAGE, city, data_of, drawn

HOSTILE = "</script><b onclick='x()'>{{ 7 * 7 }}{% raw %}<!-- & \u2028"
HEAT = {**PAGE, "metric_epsg": 4547, "n_outside": 12, "n_without_location": 3}


class Page(HTMLParser):
    """What a browser would make of a page: tags, what they fetch, and the data block."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.fetched, self.styles, self.scripts, self._in = [], [], [], [], None
        self.feed(html)
        self.data = data_of(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._in = tag
        self.fetched += [v for k, v in attrs if k in ("src", "href", "srcset", "data", "action", "poster")]
        self.styles += [v for k, v in attrs if k == "style"]

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, data):
        if self._in == "style":
            self.styles.append(data)
        if self._in == "script":
            self.scripts.append(data)


@pytest.fixture(scope="module")
def levels():
    return city()


@pytest.fixture(scope="module")
def small():
    return city(side=10)


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(5)
    return rng.normal(114.4, 0.12, 1_000_000), rng.normal(30.3, 0.1, 1_000_000)


def draw(levels, **more):
    given = {**PAGE, "counts": COUNTS, "start_level": "district", **more}
    return choropleth(levels, CLOSING, **{"lines": drawn(levels), **given})


def warm(points, districts, **more):
    return heat(*points, boundary=districts.frame, lines=drawn([districts]), **HEAT, **more)


def html(page) -> str:
    return page.get_root().render()


def test_a_choropleth_of_2500_communities_is_under_500_kb(levels, tmp_path):
    size = save(draw(levels), tmp_path / "map.html")
    assert size == (tmp_path / "map.html").stat().st_size
    assert size < 500_000
    assert [x.name for x in tmp_path.iterdir()] == ["map.html"]


def test_a_heat_map_of_a_million_cases_is_under_1_mb(levels, points, tmp_path):
    page = warm(points, levels[1])
    assert save(page, tmp_path / "heat.html") < 1_000_000
    for layer in page.data["layers"]:
        counts = [int(x.replace(",", "")) for x in layer["value"]]
        assert sum(counts) == 1_000_000
        assert sum(x["n"] for x in layer["classes"]) == len(counts) <= 6000
    facts = [x["zh"] for x in page.data["facts"]]
    assert facts[-3:] == ["图上 1,000,000 件", "网格外 12 件", "无位置 3 件"]


def test_a_page_fetches_nothing(small, points):
    for page in (draw(small), warm([x[:500] for x in points], small[1])):
        text = html(page)
        found = Page(text)
        assert found.fetched == []
        assert "link" not in found.tags
        for style in found.styles:
            assert "@import" not in style
            assert all(x.startswith(("data:", "#")) for x in re.findall(r"url\(['\"]?([^)]*)\)", style))
        assert "sourceMappingURL" not in text
        assert text.count("Leaflet 1.9.3, a JS library") == 1


def test_folium_keeps_its_own_links_for_others(small):
    links = list(folium.Map.default_js), list(folium.Map.default_css)
    page = draw(small)
    page.add_js_link("other", "other.js")
    html(page)
    assert (list(folium.Map.default_js), list(folium.Map.default_css)) == links
    assert draw(small).default_js == []


def test_land_that_two_grids_claim_is_on_its_level_with_both_names_area_and_reason(small):
    frame = small[3].frame
    a, b = frame["code"].iloc[[40, 41]]
    narrow = shapely.box(114.05, 30.05, 114.0500003, 30.06)  # three centimetres: drawn all the same
    claims = accepted([(4, a, b, 8_130_000.0, shapely.box(114.05, 30.05, 114.06, 30.06)), (4, b, a, 45.4, narrow)])
    page = draw(small, claims=claims)
    assert [("claims" in layer) for layer in page.data["layers"]] == [False, False, False, True]
    told, codes = page.data["layers"][3]["claims"], page.data["layers"][3]["code"]
    assert [[codes[i] for i in rows] for rows in told["of"]] == [[a, b], [b, a]]
    assert told["area"] == ["8.13 km²", "45 m²"]
    assert (told["label"]["zh"], told["owner"]["zh"]) == ("争议地带 2 处（已认可）", "编码最小的网格")
    assert page.data["accepted"] == {"zh": "规划局认可：共管", "en": "accepted by 规划局: 共管"}
    assert all(len(shape) > 10 for shape in told["shapes"])
    upper = accepted([(3, *small[2].frame["code"].iloc[[0, 1]], 1.0, narrow)])
    assert draw(small, claims=upper).data["layers"][2]["claims"]["owner"]["zh"] == "随最低一级网格"
    assert "accepted" not in draw(small).data


def accepted(rows) -> Claims:
    """Land that an office accepted to be claimed twice, in a city of four levels."""
    columns = ["level", "code_a", "code_b", "area_m2", "geometry"]
    return Claims(gpd.GeoDataFrame(rows, columns=columns, crs=4490), Settlement("accept", "规划局", "共管"), 4)


def test_a_hostile_name_stays_a_name(small):
    frames = [replace(x, frame=x.frame.assign(name=HOSTILE, name_en=HOSTILE)) for x in small]
    plain, hostile = (
        Page(html(draw(small))),
        Page(html(draw(frames, head=Head({"zh": HOSTILE, "en": HOSTILE}, "", "", "")))),
    )
    assert hostile.tags == plain.tags
    assert hostile.data["layers"][3]["name"] == [HOSTILE] * 100
    assert hostile.data["title"]["zh"] == HOSTILE


def test_classes_ranks_and_values_are_those_of_the_frames(levels):
    limits = (0.7, 0.8, 0.9)
    page = draw(levels, breaks=limits)
    for layer, level in zip(page.data["layers"], levels, strict=True):
        frame = level.frame.set_index("code").loc[layer["code"]]
        ends = [-np.inf, *limits, np.inf]
        direct = [int(((frame["value"] >= a) & (frame["value"] < b)).sum()) for a, b in pairwise(ends)]
        assert [x["n"] for x in layer["classes"]] == direct
        assert [layer["class"].count(k) for k in range(4)] == direct
        assert layer["n_no_data"] == layer["class"].count(-1) == frame["value"].isna().sum()
        assert [x is None for x in layer["value"]] == frame["value"].isna().tolist()
        assert layer["rank"] == [None if np.isnan(r) else int(r) for r in frame["rank"]]
        assert layer["counts"][0]["values"] == [f"{n:,}" for n in frame["n_due"]]
        assert layer["n_ranked"] == frame["value"].notna().sum()


def test_grids_hang_on_their_parents_whatever_the_order_of_rows(small):
    shuffled = [replace(x, frame=x.frame.sample(frac=1, random_state=1)) for x in small]
    layers = draw(shuffled).data["layers"]
    for above, layer in pairwise(layers):
        assert [above["code"][i] for i in layer["parent"]] == [code[: len(above["code"][0])] for code in layer["code"]]
    assert draw(shuffled).data == draw(small).data


def test_no_data_at_all_is_no_class(small):
    layer = draw([replace(x, frame=x.frame.assign(value=np.nan, rank=np.nan)) for x in small]).data["layers"][2]
    assert layer["classes"] == []
    assert set(layer["class"]) == {-1}
    assert set(layer["value"]) == {None}


def test_a_heat_map_without_cases_or_with_cases_without_place(small):
    nowhere = np.full(4, np.nan)
    page = warm([nowhere, nowhere], small[1])
    assert [layer["value"] for layer in page.data["layers"]] == [[]] * 3
    assert [x["zh"] for x in page.data["facts"]][-3:] == ["图上 0 件", "网格外 12 件", "无位置 7 件"]
    assert "<html>" in html(page)


def test_a_cell_names_the_district_that_covers_its_centre(small):
    districts = small[1].frame
    inside = districts.geometry.iloc[0].representative_point()
    page = warm([np.array([inside.x, 100.0]), np.array([inside.y, 30.0])], small[1])
    assert page.data["layers"][0]["parent"] == [-1, 0]
    assert page.data["layers"][0]["places"] == []


def test_a_cell_is_called_by_the_community_that_covers_its_centre(small):
    communities = small[3].frame
    inside = communities.geometry.iloc[5].representative_point()
    points = (np.array([inside.x, 100.0]), np.array([inside.y, 30.0]))
    layer = warm(points, small[1], places=communities).data["layers"][0]
    assert layer["unit"]["zh"] == "件"
    outside, named = layer["places"]
    assert outside is None
    centre = shapely.centroid(communities.geometry.to_numpy())
    near = communities["name"].to_numpy()[np.argsort(shapely.distance(centre, inside))[:4]]
    assert named["zh"] in near


def test_the_same_input_gives_the_same_bytes(small):
    assert html(draw(small)) == html(draw(small))


def test_every_word_that_a_page_uses_is_in_the_catalogue():
    code = "".join(x.read_text("utf-8") for x in (Path(maps.__file__).parent / "templates").glob("*.js"))
    used = set(re.findall(r'\bword\("(\w+)"', code))
    assert used == {k.removeprefix("map_ui_") for k in catalogue() if k.startswith("map_ui_")}


def test_no_script_needs_a_newer_browser_than_is_said():
    """Chromium 86, as old office browsers are made of."""
    folders = [Path(maps.__file__).parent / "templates", Path(api.__file__).parent / "pages" / "static"]
    newer = r"\.at\(|\.findLast|Object\.hasOwn|structuredClone|\.to(?:Sorted|Reversed|Spliced)\(|static \{"
    found = {x.name for folder in folders for x in folder.glob("*.js") if re.search(newer, x.read_text("utf-8"))}
    assert found == set()
    assert "Chromium 86" in catalogue()["map_wait"]["en"]


@pytest.mark.parametrize(
    "wrong", [{"lang": "fr"}, {"start_level": "block"}, {"counts": {"n_x": {}}}, {"breaks": "jenks"}]
)
def test_what_is_not_there_is_refused(small, wrong):
    with pytest.raises(OptionInvalid):
        draw(small, **wrong)


def test_a_grid_that_is_drawn_and_has_no_row_is_refused(small):
    missing = replace(small[1], frame=small[1].frame.iloc[:0])
    with pytest.raises(OptionInvalid, match=small[1].frame["code"].iloc[0]):
        draw([small[0], missing, *small[2:]], lines=drawn(small))


def test_outlines_without_crs_or_of_other_grids_are_refused(small, points):
    with pytest.raises(CrsMissing):
        warm(points, replace(small[1], frame=small[1].frame.set_crs(None, allow_override=True)))
    with pytest.raises(OptionInvalid):
        heat(*points, boundary=small[1].frame, lines=drawn([small[2]]), **HEAT)


def test_the_best_stand_first_in_the_list_those_without_data_last(small):
    page = draw(small)
    layer, frame = page.data["layers"][3], small[3].frame
    ranks = [layer["rank"][i] for i in layer["listed"]]
    known = [x for x in ranks if x is not None]
    assert known == sorted(known)
    assert ranks[len(known) :] == [None] * int(frame["value"].isna().sum()) != []
    plain = draw([replace(x, frame=x.frame.drop(columns="rank")) for x in small]).data["layers"][3]
    assert plain["listed"] == layer["listed"]


def test_a_failed_write_leaves_the_old_file(small, tmp_path, monkeypatch):
    path = tmp_path / "map.html"
    path.write_text("old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        save(draw(small), path)
    assert [x.read_text() for x in tmp_path.iterdir()] == ["old"]
