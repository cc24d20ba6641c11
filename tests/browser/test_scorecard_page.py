"""A scorecard's page in Debian's chromium: read on a phone without scrolling sideways, printed on two A4 pages."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from gridmgmt.scorecards.exports.cards import Card
from gridmgmt.scorecards.exports.page import page
from gridmgmt.scorecards.exports.scene import scene_of
from gridmgmt.scorecards.exports.sketch import sketch
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
