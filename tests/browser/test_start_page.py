"""The start page in Debian's chromium: a community is pressed, its scorecard read, and no other host asked."""

import socket
import threading
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import expect, sync_playwright

from api.main import create_app
from tests.api import offices, signed, small_city
from tests.api.small_city import COMMUNITIES, NASTY, TOTAL_0, TOTAL_5, TOTAL_CITY

CHROMIUM = Path("/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--no-first-run"]  # fmt: skip
DESK = {"viewport": {"width": 1366, "height": 768}, "locale": "zh-CN"}
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "has_touch": True, "is_mobile": True}

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium (apt-get install chromium)")


class Site(str):
    """Where the application answers, and what a browser shows to be known there."""

    def __new__(cls, address, known):
        made = super().__new__(cls, address)
        made.known = known
        return made


def serve(settings):
    """The application on a free port of the loopback address; gives its address and how to stop it."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()

    def stop():
        server.should_exit = True
        thread.join()
        listening.close()

    return Site(f"http://127.0.0.1:{listening.getsockname()[1]}", signed.bearer(settings)), stop


@pytest.fixture(scope="module")
def site(databases):
    address, stop = serve(databases.built("start_page", small_city.build))
    yield address
    stop()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, site):
    """Open an address; at the end no other host may have been asked, and nothing may have gone wrong."""
    contexts, requests, faults = [], [], []

    def go(path="/", device=DESK):
        contexts.append(browser.new_context(**device, extra_http_headers=site.known))
        tab = contexts[-1].new_page()
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: faults.append(message.text))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("dialog", lambda dialog: faults.append(dialog.message))
        tab.goto(site + path)
        return tab

    yield go
    for context in contexts:
        context.close()
    assert [x for x in requests if not x.startswith((site, "data:"))] == []
    assert faults == []


def shape_of(tab, name):
    """The community's shape on the choropleth, found by its tooltip."""
    frame = tab.frame_locator("#choropleth iframe")
    frame.get_by_role("button", name="社区").click()
    shapes = frame.locator(".leaflet-overlay-pane path.leaflet-interactive")
    expect(shapes).to_have_count(8)
    for shape in shapes.element_handles():  # a hovered shape comes to the front: its number changes
        shape.hover()
        if name in frame.locator(".tip").inner_text():
            return shape
    raise AssertionError(name)


def test_a_community_is_pressed_and_its_scorecard_read(visit):
    tab = visit()
    card = tab.locator("#scorecard")
    expect(card.locator(".score b")).to_have_text(TOTAL_CITY)
    shape_of(tab, "望湖社区").click()
    expect(card.locator("h3")).to_contain_text("望湖社区")
    expect(card.locator(".score")).to_contain_text(f"{TOTAL_0}C")
    expect(card.locator(".lines li").first).to_contain_text("9 ÷ 10")
    expect(tab.locator("#ranking tr[aria-current]")).to_contain_text("望湖社区")
    expect(tab.locator("#locate .unit")).to_have_text("望湖街道办事处")
    assert f"code={COMMUNITIES[0]}" in tab.url
    card.get_by_role("button", name="返工率").first.click()
    expect(tab.locator("dialog .numbers li").first).to_have_text("A000")
    tab.keyboard.press("Escape")
    expect(tab.locator("dialog")).not_to_be_visible()


def test_near_a_border_both_sides_are_said_as_exactly_as_the_map_was_pressed(visit):
    tab = visit()
    shape = shape_of(tab, "望湖社区")
    box = shape.bounding_box()
    with tab.expect_request("**/v1/locate*") as asked:
        shape.click(position={"x": box["width"] - 5, "y": box["height"] / 2})
    assert "edition=2025&on=2025-12-31" in asked.value.url, "the answer is of the assessment that is shown"
    within_m = float(asked.value.url.split("within_m=")[1].split("&")[0])
    pixel_m = 963 / box["width"]  # a hundredth of a degree at 30° north
    assert within_m == pytest.approx(10 * pixel_m, rel=0.05)
    expect(tab.locator("#locate .path")).to_contain_text("望湖社区")
    expect(tab.locator("#locate .near").first).to_contain_text("桂园社区")
    with tab.expect_request("**/v1/locate*"):
        shape.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(tab.locator("#locate .near")).to_have_count(0)


def test_the_ranking_sorts_finds_and_moves_the_map(visit):
    tab = visit("/?level=community")
    rows = tab.locator("#ranking tbody tr")
    expect(rows).to_have_count(8)
    expect(rows.first).to_contain_text(TOTAL_5)
    tab.get_by_role("button", name="总分").click()
    expect(rows.first).to_contain_text(TOTAL_5)
    tab.get_by_role("button", name="总分").click()
    expect(rows.first).to_contain_text(TOTAL_0)
    expect(rows.last).to_contain_text("无数据")
    tab.locator("#ranking input").fill("竹溪")
    expect(rows).to_have_count(1)
    rows.locator("button").press("Enter")
    expect(tab.locator("#scorecard .score b")).to_have_text(TOTAL_5)
    expect(tab.frame_locator("#choropleth iframe").locator(".tip")).to_contain_text("竹溪社区")
    tab.locator("#ranking input").fill("没有的名字")
    expect(rows).to_have_text("没有符合的考核对象")


def test_a_map_that_comes_late_shows_what_was_chosen_meanwhile(visit):
    tab, held = visit("/?level=community"), []
    shown = tab.frame_locator("#choropleth iframe")
    expect(shown.locator("path.leaflet-interactive")).to_have_count(8)
    tab.route("**/maps/choropleth?*", lambda route: held.append(route))
    with tab.expect_request("**/maps/choropleth?*"):
        tab.locator("#indicator").select_option(label="结案率")
    tab.locator("#ranking input").fill("竹溪")
    tab.locator("#ranking tbody tr button").press("Enter")
    expect(tab.locator("#scorecard .score b")).to_have_text(TOTAL_5)
    held.pop().continue_()
    expect(shown.locator("#legend")).to_contain_text("结案率")
    expect(shown.locator(".tip")).to_contain_text("竹溪社区")


def test_an_address_passed_on_shows_the_same_in_the_other_language(visit):
    tab = visit(f"/?level=community&code={COMMUNITIES[5]}")
    expect(tab.locator("#scorecard .score b")).to_have_text(TOTAL_5)
    tab.locator("#language").click()
    expect(tab.locator("#scorecard h3")).to_contain_text("Community 5")
    expect(tab.locator("#ranking tr[aria-current]")).to_contain_text("Community 5")
    expect(tab.locator("#locate h2")).to_have_text("Find the responsible unit")


@pytest.mark.parametrize("category", ["component:01001", "供水井盖"])
def test_who_is_responsible_here(visit, category):
    tab = visit()
    form = tab.locator("#locate")
    form.get_by_label("经度").fill("114.005")
    form.get_by_label("纬度").fill("30.005")
    form.get_by_label("问题类别").fill(category)
    form.get_by_label("问题类别").press("Enter")
    expect(form.locator(".unit")).to_have_text("市政中心")
    expect(form.locator(".path button")).to_have_text(["小城", "区01", "街道01001", "望湖社区"])
    form.locator(".path button").last.click()
    expect(tab.locator("#scorecard .score b")).to_have_text(TOTAL_0)
    form.get_by_label("经度").fill("115")
    form.get_by_role("button", name="查询").click()
    expect(form.locator(".outside")).to_be_visible()


def test_a_word_in_several_classes_lists_them_to_choose_from(visit):
    tab = visit()
    form = tab.locator("#locate")
    form.get_by_label("经度").fill("114.005")
    form.get_by_label("纬度").fill("30.005")
    form.get_by_label("问题类别").fill("井盖")
    form.get_by_label("问题类别").press("Enter")
    expect(form.locator(".answer p")).to_have_text("“井盖”对应多个类别，请选择：")
    form.get_by_role("button", name="供水井盖 component:01001").click()
    expect(form.locator(".unit")).to_have_text("市政中心")
    form.get_by_label("问题类别").fill("没有这个词")
    form.get_by_label("问题类别").press("Enter")
    expect(form.locator(".answer p")).to_have_text("没有名称含“没有这个词”的类别")


def test_names_from_a_file_are_text(visit):
    tab = visit(f"/?level=community&code={COMMUNITIES[3]}")
    expect(tab.locator("#scorecard h3")).to_contain_text(NASTY)
    expect(tab.frame_locator("#choropleth iframe").locator(".tip")).to_contain_text(NASTY)


def test_a_phone_needs_no_sideways_scrolling(visit):
    tab = visit("/", PHONE)
    expect(tab.locator("#scorecard .score b")).to_have_text(TOTAL_CITY)
    expect(tab.locator("#ranking tbody tr")).to_have_count(2)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_documentation_works_offline(visit):
    tab = visit("/docs")
    tab.locator("#operations-locate-locate_v1_locate_get").get_by_text("/v1/locate").click()
    expect(
        tab.get_by_text("Who is responsible", exact=False).or_(tab.get_by_text("The grids of all levels")).first
    ).to_be_visible()


@pytest.fixture(scope="module")
def office_site(databases):
    address, stop = serve(databases.built("start_page_offices", offices.build))
    yield address
    stop()


@pytest.mark.parametrize("device", [DESK, PHONE])
def test_units_are_ranked_and_explained_without_a_map(browser, office_site, device):
    faults = []
    context = browser.new_context(**device, extra_http_headers=office_site.known)
    tab = context.new_page()
    tab.on("console", lambda message: faults.append(message.text))
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.goto(f"{office_site}/?assessment={offices.NAME}")
    rows, card = tab.locator("#ranking tbody tr"), tab.locator("#scorecard")
    expect(rows).to_have_count(2)
    expect(rows.first.locator(".tone.penalty")).to_have_text("分管领导作检查")
    expect(rows.last).to_contain_text("待定")
    expect(card.locator(".score b")).to_have_text(offices.TOTAL_D9)
    expect(card.locator(".lines .rule").first).to_contain_text("-6.00")
    expect(tab.locator("#choropleth")).to_have_count(0)
    card.locator(".reached button").click()
    expect(tab.locator("dialog .entries li").first).to_contain_text("2025-11 74.00")
    tab.keyboard.press("Escape")
    card.get_by_role("button", name="减分").click()
    expect(tab.locator("dialog .entries li").first).to_contain_text("依据：县通报3号")
    tab.keyboard.press("Escape")
    rows.last.locator("button").click()
    expect(card.locator(".lacking")).to_contain_text("街景立面")
    expect(card.locator(".score b")).to_have_text("待定")
    assert tab.evaluate("document.documentElement.scrollWidth") <= device["viewport"]["width"]
    context.close()
    assert faults == []


def test_without_an_assessment_the_page_says_what_to_run(browser, databases):
    address, stop = serve(databases.built("start_page_empty", small_city.prepare))
    try:
        tab = browser.new_page(locale="zh-CN", extra_http_headers=address.known)
        tab.goto(address)
        expect(tab.locator("#empty")).to_contain_text("gridmgmt score")
        expect(tab.locator("#locate form")).to_be_visible()
        tab.close()
    finally:
        stop()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/maps/choropleth", "path.leaflet-interactive"), ("/maps/heat", "#legend"),
        ("/v1/assessments/latest/scorecards/4299?format=html", "svg.bar rect"),
        ("/v1/assessments/latest/scorecards/4299?format=svg", "path"),
    ],
)  # fmt: skip
def test_a_page_runs_under_its_policy(visit, path, shown):
    """Its own scripts and styles take effect, and chromium refuses none of them."""
    tab = visit(path)
    tab.locator(shown).first.wait_for(state="attached")
    if shown == "svg.bar rect":
        bar = tab.locator("svg.bar").first
        assert bar.evaluate("x => getComputedStyle(x).height") == "4px"
        assert bar.bounding_box()["width"] > 20
        assert tab.locator(".scores th.d0").first.evaluate("x => getComputedStyle(x).paddingLeft") == "8px"
