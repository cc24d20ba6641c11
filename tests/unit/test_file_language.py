"""The language of messages and files: the one asked for, else the city's."""

from dataclasses import replace
from pathlib import Path

import pytest

from gridmgmt.cli.base import State
from gridmgmt.errors import OptionInvalid
from gridmgmt.files.wording import languages
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


def test_a_message_asked_for_in_one_language_is_told_in_it_alone():
    run = State(Settings(database_url=None, home=Path(), db="none"))
    assert run.said("db_not_running").count(" / ") == 1
    run.speak("en")
    assert " / " not in run.said("db_not_running")
    with pytest.raises(OptionInvalid):
        run.speak("fr")
