"""A traffic light in words: the share of the limit that is used, bounded."""

from fractions import Fraction
from pathlib import Path

from gridmgmt.cli.base import State
from gridmgmt.cli.case_view import _light_words
from gridmgmt.deadlines import Light
from gridmgmt.settings import Settings

SETTINGS = Settings(database_url=None, home=Path(), db="none")


def said(share, colour, lang="zh"):
    return _light_words(State(SETTINGS, lang), Light(Fraction(share), colour))


def test_a_share_that_says_nothing_is_bounded():
    assert said("0.45", "green") == "绿灯（已用 45%）"
    assert said("1.5", "red") == "红灯（已用 150%）"
    assert said("31911.83", "red") == "红灯（已超时，用时超过时限的 10 倍）"
    assert said("31911.83", "red", "en") == "red (overdue, more than 10 times the limit used)"
