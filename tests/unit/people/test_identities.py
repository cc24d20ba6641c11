"""Whom a name means on a day: by code, by the only name, by the only post; never a guess."""

import datetime as dt

import pytest

from gridmgmt.people.identities import Identities
from gridmgmt.people.staffing import Person, Post

FIRST, END = dt.date(2025, 1, 1), dt.date(2025, 7, 1)
DAY = dt.timedelta(days=1)
PERSONS = (
    Person("P1", "王一", FIRST), Person("P2", "李二", FIRST, END), Person("P3", "李二", END),
    Person("P4", "赵三", FIRST), Person("P5", "赵三", FIRST), Person("P6", "钱四", FIRST),
    Person("P7", "钱四", FIRST), Person("P8", None, FIRST), Person("王一", "孙五", FIRST),
)  # fmt: skip


def post(person: str, first: dt.date = FIRST, end: dt.date | None = None) -> Post:
    return Post(person, "U1", "collector", None, None, True, first, end)


KNOWN = Identities(PERSONS, [post("P4", END, END + DAY), post("P6"), post("P7")])


@pytest.mark.parametrize(
    ("told", "day", "person"),
    [
        ("P1", FIRST, "P1"),
        ("P1", FIRST - DAY, None),
        (" P1 ", FIRST, "P1"),
        ("王一", FIRST, "王一"),  # a code goes before a name
        ("孙五", FIRST, "王一"),
        ("李二", END - DAY, "P2"),
        ("李二", END, "P3"),
        ("P2", END, None),
        ("赵三", END, "P4"),  # the only one with a post
        ("赵三", END + DAY, None),
        ("赵三", END - DAY, None),
        ("钱四", END, None),  # both have one
        ("周六", END, None),
        ("", END, None),
        (None, END, None),
    ],
)
def test_whom_a_text_means(told: str | None, day: dt.date, person: str | None) -> None:
    assert KNOWN.of(told, day) == person
