"""A scorecard's page in Debian's chromium: read on a phone without scrolling sideways, printed on two A4 pages."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from api.wording import scorecard_texts
from gridmgmt.scorecards.exports.cards import Card
from gridmgmt.scorecards.exports.page import page
from gridmgmt.scorecards.exports.scene import scene_of
from gridmgmt.scorecards.exports.sketch import sketch
from tests.unit.scorecards.long_lists import penalised
from tests.unit.scorecards.test_exports import CHANCE, SQUARE, assessed
from tests.unit.unit_scorecards import departments

CHROMIUM = Path("/usr/bin/chromium")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def grid():
    header, documents = assessed(chances={"440101": CHANCE})
    return Card(header, documents[0], sketch(scene_of(SQUARE, spots=[(114.01, 30.005)] * 5)), ("n_reported", 5))


def unit():
    header, documents = departments()
    return Card(header, next(d for d in documents if d.subject.code == "CG"), None)


@pytest.mark.parametrize("lang", [None, "zh", "en"])
@pytest.mark.parametrize("card", [grid, unit])
def test_a_card_reads_on_a_phone_and_prints_on_two_pages(browser, card, lang):
    context = browser.new_context(**PHONE)
    tab = context.new_page()
    tab.set_content(page(card(), lang))
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    narrow = "[...document.querySelectorAll('td.reason')].filter((x) => x.offsetWidth < 300).length"
    assert tab.evaluate(narrow) == 0  # a row is a block: its reason has the whole width
    assert tab.evaluate("[...document.querySelectorAll('thead')].every((x) => x.offsetHeight === 0)")
    heads = tab.evaluate("[...document.querySelectorAll('[data-head]')].map((x) => x.dataset.head)")
    assert all(head and "<" not in head for head in heads)
    printed = tab.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= 2
    context.close()


BROKEN = """() => [...document.querySelectorAll(".inputs .n")]
  .filter((cell) => /^[-+\\d.,%]+$/.test(cell.textContent.trim()))
  .map((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return [cell.textContent, new Set([...range.getClientRects()].map((line) => line.top)).size];
  })"""
"""Numbers of the inputs' table, and on how many lines each stands."""


@pytest.mark.parametrize("card", [grid, unit])
def test_no_number_is_broken_into_two_lines(browser, card):
    """Beside a source of some length 88.6 stood as 88. and 6."""
    tab = browser.new_page(viewport={"width": 1100, "height": 800})
    tab.set_content(page(card(), "zh"))
    longer = "document.querySelectorAll('.inputs td:last-child').forEach((x) => x.append('督查通报第79号'.repeat(15)))"
    tab.evaluate(longer)
    found = tab.evaluate(BROKEN)
    assert len(found) > 2
    assert [number for number, n_lines in found if n_lines != 1] == []
    tab.close()


def test_a_long_list_is_folded_and_prints_its_first_ten_only(browser):
    tab = browser.new_page()
    tab.set_content(page(Card(*penalised(), None), "zh"))
    seen = "[...document.querySelectorAll('.rule')].filter((x) => x.checkVisibility()).length"
    n_open = tab.evaluate(seen)
    tab.click("summary")
    assert tab.evaluate(seen) == n_open + 3
    tab.emulate_media(media="print")
    assert tab.evaluate(seen) == n_open  # also of a page on which somebody had opened the list
    assert tab.evaluate("document.querySelector('summary').offsetHeight") > 0
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", tab.pdf(prefer_css_page_size=True))) <= 2
    tab.close()


STUB = """
export {element} from "./real.js";
export const data = {lang: "zh", grades: {}};
export const grouped = String;
export const word = (key, facts) => key + JSON.stringify(facts ?? {});
export const button = (text) => element("button", "", text);
import {element} from "./real.js";
const none = () => null;
export {none as address, none as ask, none as fill, none as gradeChip, none as link};
export {none as scorecardPath, none as toneChip};
"""
"""What the card's panel takes from the page, without the page's data."""


def test_the_cards_panel_folds_a_long_list(browser):
    static = Path(__file__).resolve().parents[2] / "api" / "pages" / "static"
    real = (
        (static / "page.js")
        .read_text("utf-8")
        .partition("export function button")[0]
        .partition("export function element")
    )
    tab = browser.new_page()
    files = {
        "page.js": STUB,
        "real.js": real[1] + real[2],
        "scorecard.js": (static / "scorecard.js").read_text("utf-8"),
    }
    for name in files:
        tab.route(
            f"**/{name}",
            lambda route: route.fulfill(
                body=files[route.request.url.rpartition("/")[2]], content_type="text/javascript"
            ),
        )
    tab.route("http://card.test/", lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
    tab.goto("http://card.test/")
    lines = scorecard_texts(*penalised(), "zh")["lines"]
    tab.evaluate(
        """async (lines) => {
          const {Scorecard} = await import("/scorecard.js");
          const card = Object.assign(Object.create(Scorecard.prototype), {});
          document.body.append(card.lines({}, lines, "lines"));
        }""",
        lines,
    )
    assert tab.evaluate("document.querySelectorAll('details li').length") == 3
    assert tab.evaluate("document.querySelector('summary').textContent") == 'more{"n":"3"}'
    assert tab.evaluate("document.querySelectorAll('ul.lines li').length") == len(lines) + 1
    tab.close()
