"""The pages in Debian's chromium: no request but the file itself, no error, tooltips, the way down and back."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import shapely
from playwright.sync_api import expect, sync_playwright

from gridmgmt.places.linework import draw as place_lines
from gridmgmt.places.linework import whole
from maps.assets import template
from maps.drawing import repeats as repeat_page
from maps.pages import choropleth, heat, save
from maps.style import Measure
from tests.maps.synthetic import CLOSING, COUNTS, PAGE, city, drawn
from tests.maps.test_pages import accepted
from tests.maps.test_repeat_page import LINES, OUTLINES, report
from tests.unit.places.test_linework import frame_of, polygons

CHROMIUM = Path("/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--no-first-run"]  # fmt: skip

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium (apt-get install chromium)")


@pytest.fixture(scope="module")
def levels():
    return city(side=20)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page; at the end only the file may have been asked for, and nothing may have gone wrong."""
    contexts, requests, faults = [], [], []

    def go(page, **device):
        save(page, tmp_path / "map.html")
        contexts.append(browser.new_context(**device))
        tab = contexts[-1].new_page()
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: faults.append(message.text))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.goto((tmp_path / "map.html").as_uri())
        expect(tab.locator("#wait")).to_have_count(0)
        return tab

    yield go
    for context in contexts:
        context.close()
    assert set(requests) == {(tmp_path / "map.html").as_uri()}
    assert faults == []


def draw(levels, lang="zh", start="district", **more):
    return choropleth(levels, CLOSING, lines=drawn(levels), **PAGE, counts=COUNTS, start_level=start, lang=lang, **more)


def test_hover_shows_name_code_value_rank_and_counts(levels, visit):
    page = draw(levels)
    tab = visit(page, viewport={"width": 1366, "height": 768})
    layer = page.data["layers"][1]
    assert tab.locator(".leaflet-overlay-pane path").count() == len(layer["code"]) == 2
    tab.locator(".leaflet-overlay-pane path").first.hover()
    shown = tab.locator(".tip").inner_text()
    frame = levels[1].frame.set_index("code").loc[layer["code"][layer["listed"][0]]]
    for text in (frame["name"], frame.name, f"{100 * frame['value']:.2f}%", "第 1 / 2", f"{frame['n_due']:,}"):
        assert text in shown
    assert f"{frame['n_closed']:,} / {frame['n_due']:,}" in shown


def test_down_to_the_communities_and_back(levels, visit):
    page = draw(levels)
    tab = visit(page, viewport={"width": 1366, "height": 768})
    layers = page.data["layers"]
    tab.locator(".leaflet-overlay-pane path").first.click()
    district = layers[1]["listed"][0]
    expect(tab.locator("#list li")).to_have_count(layers[2]["parent"].count(district))
    street = next(i for i in layers[2]["listed"] if layers[2]["parent"][i] == district)
    tab.locator("#list button").first.click()
    expect(tab.locator("#list li")).to_have_count(layers[3]["parent"].count(street))
    expect(tab.locator("#path button")).to_have_text(
        ["全市", layers[1]["name"][district], layers[2]["name"][street], "↑ 返回上级"]
    )
    tab.locator("#up").press("Enter")
    expect(tab.locator("#list li")).to_have_count(layers[2]["parent"].count(district))
    tab.keyboard.press("Escape")
    expect(tab.locator("#list li")).to_have_count(2)
    tab.get_by_role("button", name="社区").click()
    expect(tab.locator("#list li")).to_have_count(300)
    assert tab.locator(".leaflet-overlay-pane path").count() == 400


def test_legend_states_breaks_counts_and_no_data_in_both_languages(levels, visit):
    page = draw(levels, "en")
    tab = visit(page, viewport={"width": 1366, "height": 768})
    tab.get_by_role("button", name="Community").click()
    layer = page.data["layers"][3]
    classes = [(x["en"], f"{x['n']}") for x in reversed(layer["classes"])]
    labels, numbers = (tab.locator(f"#legend td.{name}").all_inner_texts() for name in ("label", "n"))
    assert list(zip(labels, numbers, strict=True)) == [*classes, ("No data", f"{layer['n_no_data']}")]
    hatched = tab.locator('.leaflet-overlay-pane path[fill="url(#no-data)"]')
    assert hatched.count() == layer["n_no_data"] > 0
    tab.get_by_role("button", name="中文").click()
    expect(tab.locator("#title")).to_have_text("2015年12月结案率")
    expect(tab.locator("#legend tr").last).to_contain_text("无数据")


def test_on_a_phone_the_first_tap_shows_and_the_second_goes_down(levels, visit):
    page = draw(levels)
    tab = visit(page, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    box = tab.locator(".leaflet-overlay-pane path").first.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.touchscreen.tap(*middle)
    first = page.data["layers"][1]["listed"][0]
    expect(tab.locator(".tip")).to_contain_text(page.data["layers"][1]["name"][first])
    expect(tab.locator("#list li")).to_have_count(2)
    tab.touchscreen.tap(*middle)
    expect(tab.locator("#list li")).to_have_count(page.data["layers"][2]["parent"].count(first))


def test_land_claimed_twice_is_hatched_and_says_whose_it_is_and_why(levels, visit):
    districts = levels[1].frame
    a, b = districts["code"]
    land = shapely.buffer(shapely.point_on_surface(shapely.intersection(*districts.geometry)), 0.02)
    page = choropleth(
        levels, CLOSING, lines=drawn(levels), **PAGE, counts=COUNTS, start_level="district",
        claims=accepted([(2, a, b, 8.13e6, land)]),
    )  # fmt: skip
    tab = visit(page, viewport={"width": 1366, "height": 768})
    hatched = tab.locator('.leaflet-claimed-pane path[fill="url(#claimed)"]')
    expect(hatched).to_have_count(1)
    hatched.hover()
    names = dict(zip(districts["code"], districts["name"], strict=True))
    for words in (f"{names[a]} {a} 与 {names[b]} {b}", "8.13 km²", "随最低一级网格", "规划局认可：共管"):
        expect(tab.locator(".tip")).to_contain_text(words)
    expect(tab.locator("#legend")).to_contain_text("争议地带 1 处（已认可）")
    tab.get_by_role("button", name="English").click()
    expect(tab.locator("#legend")).to_contain_text("claimed by two grids, accepted: 1")
    expect(hatched).to_have_count(1)
    tab.get_by_role("button", name="Community").click()
    expect(hatched).to_have_count(0)
    expect(tab.locator("#legend tr.claims")).to_have_count(0)


def test_a_legend_lists_no_class_that_no_grid_is_in(visit):
    levels = city(10)
    for level in levels:
        level.frame["value"] = [0.0] * (len(level.frame) - 1) + [9.0]
        level.frame["rank"] = np.nan
    measure = Measure("n_overdue_open", "超期未结案数", "Overdue", "count", "low")
    page = choropleth(levels, measure, lines=drawn(levels), counts={}, start_level="community", breaks="equal", **PAGE)
    tab = visit(page, viewport={"width": 1366, "height": 768})
    assert tab.locator("#legend td.label").all_inner_texts() == ["9", "0", "无数据"]
    assert tab.locator("#legend td.n").all_inner_texts() == ["1", "99", "0"]


def test_heat_cells_tell_their_count_and_follow_the_zoom(levels, visit):
    rng = np.random.default_rng(2)
    lon, lat = rng.normal(114.15, 0.03, 20_000), rng.normal(30.13, 0.03, 20_000)
    page = heat(lon, lat, boundary=levels[1].frame, lines=drawn(levels[1:2]), metric_epsg=4547, n_outside=5, **PAGE)
    tab = visit(page, viewport={"width": 1366, "height": 768})
    expect(tab.locator("#facts")).to_contain_text("网格外 5 件")
    sizes = tab.locator("#levels button").all_inner_texts()
    tab.locator("#levels button").nth(len(sizes) - 1).click()
    coarse = page.data["layers"][-1]
    assert tab.locator(".leaflet-overlay-pane path").count() == len(coarse["value"])
    tab.locator("#list button").first.hover()
    expect(tab.locator(".tip b")).to_have_text(f"{coarse['value'][0]} 件")
    tab.get_by_role("button", name="自动").click()
    legend, finest = tab.locator("#legend small"), page.data["layers"][0]["zh"]
    for _ in range(60):  # a click while the map still moves, or when it is as near as it gets, does nothing
        if finest in legend.inner_text():
            break
        tab.locator(".leaflet-control-zoom-in").evaluate("node => node.click()")
        tab.wait_for_timeout(100)
    expect(legend).to_contain_text(finest)


def test_the_page_draws_the_shapes_that_are_stored(visit, levels):
    """Rings put together by the page, filled even-odd, beside polygons that GEOS builds of the same arcs."""
    hole = shapely.box(114.04, 30.04, 114.06, 30.06)
    ring = shapely.MultiPolygon([shapely.box(114, 30, 114.1, 30.1) - hole, shapely.box(114.12, 30, 114.1201, 30.0001)])
    island = frame_of((1, "1", None, shapely.union(ring, hole)), (2, "11", "1", ring), (2, "12", "1", hole))
    cells = [shapely.box(115 + i / 10, 30 + j / 10, 115.1 + i / 10, 30.1 + j / 10) for i in (0, 1) for j in (0, 1)]
    chess = [shapely.MultiPolygon([cells[i], cells[3 - i]]) for i in (0, 1)]  # all four meet in one point
    board = frame_of((1, "1", None, shapely.union_all(cells)), (2, "11", "1", chess[0]), (2, "12", "1", chess[1]))
    script = template("shapes.js") + "levels.map((level, k) => readLines(levels.slice(k)).map(({parts}) => parts))"
    tab = visit(draw(levels))
    for lines in (drawn(levels), drawn(levels).only([2, 4]), *place_lines(island), *place_lines(board)):
        given = [{"parent": x.parents, "marks": x.marks, "arcs": x.arcs, "step": lines.step}
                 for x in lines.levels.values()]  # fmt: skip
        asked = f"(text) => {{ const levels = JSON.parse(text); return JSON.stringify(eval({json.dumps(script)})) }}"
        found = json.loads(tab.evaluate(asked, json.dumps(given)))
        for number, shapes in zip(lines.levels, found, strict=True):
            for rings, stored in zip(shapes, polygons(lines, number), strict=True):
                read = shapely.Polygon()
                for places in rings[0]:
                    read = read.symmetric_difference(shapely.Polygon([(p["lng"], p["lat"]) for p in places]))
                assert read.symmetric_difference(stored).area < 1e-12


def test_a_press_tells_how_exact_it_is_ten_pixels_or_as_far_as_the_border_may_be_off(visit, levels):
    page = draw(levels, start="community", embedded=True)
    tab = visit(page, viewport={"width": 1000, "height": 700})
    tab.evaluate("told = []; addEventListener('message', ({data}) => told.push(data))")
    lines, middle = drawn(levels), {"position": {"x": 500, "y": 350}}
    for zoom in (12, 19):
        tab.evaluate(f"told.length = 0; map_page.setZoom({zoom}, {{animate: false}}); null")
        tab.locator(".folium-map").click(**middle)
        tab.wait_for_function("told.length === 2")
        picked, placed = sorted(tab.evaluate("told"), key=lambda message: "place" in message)
        row = lines.levels[4].codes.index(picked["pick"]["code"])
        off_m = whole(lines.levels[4].marks)[2::3][row] * lines.step[1] * 111_320
        pixel_m = 40_075_016.686 * np.cos(np.radians(placed["place"][1])) / 2 ** (zoom + 8)
        assert 10 * 40_000_000 / 2**27 < off_m < 10 * 30_000_000 / 2**20, "off by more than ten pixels, when near"
        assert placed["within"] == pytest.approx(max(10 * pixel_m, off_m), rel=0.01)


def test_a_browser_that_is_too_old_says_so(browser, levels, tmp_path):
    save(draw(levels), tmp_path / "map.html")
    tab = browser.new_page()
    tab.add_init_script("delete window.DecompressionStream")
    tab.goto((tmp_path / "map.html").as_uri())
    expect(tab.locator("#wait")).to_be_visible()
    expect(tab.locator("#wait")).to_contain_text("浏览器过旧")


def test_a_printed_map_is_one_a4_page(levels, visit):
    tab = visit(draw(levels), viewport={"width": 1366, "height": 768})
    pdf = tab.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert re.search(rb"/MediaBox\s*\[0 0 (841|842)[.\d]* (594|595)", pdf)


def test_repeat_cases_name_their_cases_and_zoom_to_their_place(visit):
    found = report(("back", 114.05, 30.05, 5), ("main", 114.02, 30.02, 4))
    tab = visit(repeat_page(found, OUTLINES, LINES), viewport={"width": 1366, "height": 768})
    first = tab.locator("#list button").first
    first.hover()
    shown = tab.locator(".tip").inner_text()
    for text in ("私搭乱建", "主干道", "matter:06001", "C1-1", "C1-3"):
        assert text in shown
    assert tab.locator(".leaflet-overlay-pane path").count() == 4
    first.click()
    expect(tab.locator(".leaflet-control-scale")).to_contain_text(" m")
    tab.locator("#language").click()
    expect(first).to_contain_text("Unauthorised construction")
    tab.get_by_role("button", name="Whole city").click()
    expect(tab.locator(".leaflet-control-scale")).to_contain_text(" km")


@pytest.mark.parametrize("width", [1280, 420])
def test_facts_of_several_lines_leave_the_whole_city_on_the_map(width, visit):
    """The head is taller with them: the map is fitted to what it leaves, and beside no place stands an empty line."""
    found = report(*[("main", 114.02 + 0.001 * n, 30.02, 1 + n) for n in range(4)])
    page = repeat_page(found, OUTLINES, LINES, lang="en")
    page.data["facts"] += [{"zh": "说明" * 40, "en": "a fact that takes a line " * 5}] * 2
    tab = visit(page, viewport={"width": width, "height": 800})
    shown = tab.locator(".folium-map").bounding_box()
    for outline in tab.locator(".leaflet-overlay-pane path").all():
        box = outline.bounding_box()
        assert shown["y"] <= box["y"]
        assert box["y"] + box["height"] <= shown["y"] + shown["height"]
    assert not tab.locator("#path").is_visible()
    assert "1 repeat\n" in tab.locator("#list").inner_text() + "\n"


def test_long_names_of_the_list_are_shown_whole(visit):
    found = report(("main", 114.02, 30.02, 3))
    page = repeat_page(found, OUTLINES, LINES, lang="en")
    page.data["layer"]["names"] = [{"zh": "名", "en": "Construction occupying the road and the pavement beside it"}]
    tab = visit(page, viewport={"width": 1280, "height": 800})
    name = tab.locator("#list .name").first
    assert name.evaluate("x => x.scrollWidth <= x.clientWidth && x.scrollHeight <= x.clientHeight + 1")
