"""Pages that repeat what code defines are kept equal to it."""

import re
from pathlib import Path

from gridmgmt import __version__
from gridmgmt.casework import cases, transitions
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.indicators import RATIOS
from gridmgmt.intake.readers.profiles import FIELDS
from gridmgmt.settings import KEYS
from gridmgmt.texts import word

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_indicators_page_lists_every_count_and_rate() -> None:
    page = (DOCS / "indicators.md").read_text("utf-8")
    for c in COUNTS.values():
        assert f"| `{c.name}` | {c.zh} | {c.en} | `{c.clock}` |" in page
    for r in RATIOS.values():
        assert f"| `{r.name}` | {r.zh} | {r.en} | `{r.numerator}` / `{r.denominator}` | {r.better or '–'} |" in page
    assert page.count("\n| `") == len(COUNTS) + len(RATIOS)


def test_profiles_page_names_every_field() -> None:
    page = (DOCS / "profiles.md").read_text("utf-8")
    for name in frozenset().union(*FIELDS.values()):
        assert f"`{name}`" in page, name


def test_every_setting_is_documented() -> None:
    pages = "".join(p.read_text("utf-8") for p in [*DOCS.glob("*.md"), DOCS.parent / "README.md"])
    for name in KEYS:
        assert name in pages, name


def test_glossary_has_the_words_of_working_on_cases() -> None:
    rows = [row for row in (DOCS.parent / "GLOSSARY.md").read_text("utf-8").splitlines() if row.startswith("|")]
    terms = {t.strip() for row in rows for t in re.split("[/()、]", row.split("|")[1])}
    assert {"督办", "回访", "回退", "缓办", "核实", "环节", "曝光", "移送", "签收", "企业网格"} <= terms


def test_casework_page_shows_the_whole_life_cycle() -> None:
    page = (DOCS / "casework.md").read_text("utf-8")
    requests = {"ask_extension", "extend", "refuse_extension", "ask_postponement", "refuse_postponement"}
    everywhere = {k for k, t in transitions.TRANSITIONS.items() if t.to is None} - requests
    for state, stage in cases.STATES.items():
        legal = ", ".join(f"`{k}`" for k in transitions.legal(state) if k not in everywhere) or "–"
        assert f"| `{state}` {word(f'state_{state}')} | {word(f'stage_{stage}')} | {legal} |" in page, state
    assert all(f"`{kind}`" in page for kind in [*transitions.TRANSITIONS] if kind != "report")


def test_the_changelog_has_versions_with_dates_and_begins_with_this_one() -> None:
    page = (DOCS.parent / "CHANGELOG.md").read_text("utf-8")
    heads = re.findall(r"^## (.*)$", page, re.M)
    versions = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) · (\d{4}-\d\d-\d\d)", head) for head in heads]
    assert all(versions), heads
    assert heads == sorted(heads, reverse=True)
    assert heads[0].split()[0] == __version__
    assert f'version = "{__version__}"' in (DOCS.parent / "pyproject.toml").read_text("utf-8")
