"""The language of messages and files: the one asked for, else the city's."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from gridmgmt.cli.base import State
from gridmgmt.errors import OptionInvalid
from gridmgmt.files.wording import group_words, languages
from gridmgmt.scorecards.exports.cards import level_words, parent_words
from gridmgmt.settings import Settings
from tests.postgis.towns import CITY


@pytest.mark.parametrize(
    ("city", "asked", "files"),
    [
        (("zh", "en"), None, ("zh", "en")),
        (("en", "zh"), None, ("en", "zh")),
        (("zh",), None, ("zh",)),
        (("en", "zh"), "zh", ("zh",)),
        (("zh", "en"), "en", ("en",)),
        (("zh",), "both", ("zh", "en")),
        (("en", "zh"), "both", ("en", "zh")),
    ],
)
def test_a_file_speaks_what_was_asked_else_what_the_city_speaks(city, asked, files):
    run = State(Settings(database_url=None, home=Path(), db="none"))
    run._city = replace(CITY, languages=city)
    run.speak(asked)
    assert languages(run.file_lang) == files
    assert run.lang == files[0]


def test_a_message_without_a_city_is_told_in_the_readers_language_alone_and_in_both_if_asked():
    run = State(Settings(database_url=None, home=Path(), db="none"))
    assert run.said("db_not_running") == "数据库未在运行"
    run.reader = "en"
    assert run.said("db_not_running") == "the database was not running"
    run.speak("zh")
    assert run.said("db_not_running") == "数据库未在运行"
    run.speak("both")
    assert run.said("db_not_running") == "数据库未在运行 / the database was not running"
    with pytest.raises(OptionInvalid):
        run.speak("fr")


def test_people_read_a_time_as_the_citys_clocks_show_it_and_a_code_with_its_name():
    run = State(Settings(database_url=None, home=Path(), db="none"), "zh")
    run._city = CITY
    at = dt.datetime(2025, 12, 3, 0, 30, tzinfo=dt.UTC)
    assert run.time(at) == run.time(at, seconds=True) == "2025年12月3日 08:30"
    assert run.time(at.replace(second=7), seconds=True) == "2025年12月3日 08:30:07"
    assert run.coded("U9", {"zh": "城管局", "en": None}) == "U9 城管局"
    assert run.coded("U9", {"zh": None, "en": None}) == "U9"
    assert run.coded(None, {"zh": None, "en": None}) is None
    run.speak("en")
    assert run.time(at) == "2025-12-03 08:30"


def test_groups_and_kinds_of_subjects_are_called_by_their_words() -> None:
    assert group_words("street") == {"zh": "街道", "en": "subdistricts"}
    assert group_words("第一组") == {"zh": "第一组", "en": "第一组"}
    header = SimpleNamespace(levels=[SimpleNamespace(key="unit", name={"zh": "单位", "en": "Units"})], parents={})
    assert level_words(header, "unit") == {"zh": "单位", "en": "Unit"}
    document = SimpleNamespace(subject=SimpleNamespace(parent="street", group="street"))
    assert parent_words(header, document) == {"zh": "街道", "en": "subdistricts"}
