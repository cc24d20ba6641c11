"""The time-limit table: which row decides and why, what a file may say, what contradicts."""

import datetime as dt
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gridmgmt.casework.readers.time_limits import read_limits
from gridmgmt.casework.time_limits import STAGES, TimeLimit, choose, contradiction
from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.deadlines import Limit
from gridmgmt.errors import ColumnMissing, TableRefused
from gridmgmt.people.readers import reference
from gridmgmt.settings import data_path
from gridmgmt.texts import word

EVER, DAY = dt.date(1900, 1, 1), dt.date(2026, 3, 2)
HEADER = "category,unit_code,stage,part,amount,unit,valid_from,valid_to"
SAMPLE = data_path("time_limits", "sample.csv")


def limit(category: str, hours: int, **more: Any) -> TimeLimit:
    given = {"stage": "handling", "unit": "working_hour", "valid_from": EVER, **more}
    return TimeLimit(category=category, amount=Fraction(hours), **given)


def hours(rows: list[TimeLimit], category: str | None, unit: str | None = None, day: dt.date = DAY) -> list[int]:
    found = choose(rows, "handling", category, unit, day)
    return [] if found is None else [int(x.amount) for x in found.limits]


ROWS = [
    limit("*", 1),
    limit("matter:*", 2),
    limit("matter:06*", 3),
    limit("matter:06*", 4, unit_code="U1"),
    limit("matter:06010", 5),
    limit("*", 6, unit_code="U1"),
    limit("component:01*", 7, valid_from=dt.date(2026, 1, 1)),
    limit("component:01*", 8, valid_from=dt.date(2026, 3, 1)),
    limit("component:01*", 9, valid_from=dt.date(2025, 1, 1), valid_to=dt.date(2025, 7, 1)),
    limit("matter:06010", 10, stage="verification"),
]


@pytest.mark.parametrize(
    ("category", "unit", "day", "expected"),
    [
        ("matter:06010", None, DAY, 5),
        ("matter:06010", "U1", DAY, 5),  # the more specific class goes before the named unit
        ("matter:06011", None, DAY, 3),
        ("matter:06011", "U1", DAY, 4),
        ("matter:06011", "U2", DAY, 3),
        ("matter:07001", "U1", DAY, 2),
        ("component:02001", "U1", DAY, 6),
        ("component:02001", None, DAY, 1),
        (None, None, DAY, 1),  # a case without a class
        ("component:01001", None, dt.date(2026, 2, 28), 7),
        ("component:01001", None, dt.date(2026, 3, 1), 8),  # the first day of the later row
        ("component:01001", None, dt.date(2025, 6, 30), 9),
        ("component:01001", None, dt.date(2025, 7, 1), 1),  # the first day on which it no longer holds
    ],
)
def test_the_row_that_decides(category: str | None, unit: str | None, day: dt.date, expected: int) -> None:
    assert hours(ROWS, category, unit, day) == [expected]
    assert hours(ROWS[::-1], category, unit, day) == [expected]


def test_where_no_row_holds_there_is_no_limit() -> None:
    assert choose(ROWS, "dispatch", "matter:06010", None, DAY) is None
    assert hours([limit("matter:06*", 1)], None) == []
    assert hours([limit("*", 1, unit_code="U1")], "matter:06010", "U2") == []


def test_why_a_row_decided() -> None:
    later = limit("matter:06*", 7, unit_code="U1", valid_from=dt.date(2026, 1, 1))
    found = choose([*ROWS, later], "handling", "matter:06011", "U1", DAY)
    assert found is not None
    assert (found.rule["category"], found.rule["unit_code"], found.rule["valid_from"]) == (
        "matter:06*", "U1", "2026-01-01",
    )  # fmt: skip
    assert [(x["category"], x["unit_code"], x["why"]) for x in found.reason["beaten"]] == [
        ("matter:06*", "U1", "date"),
        ("matter:06*", None, "unit"),
        ("matter:*", None, "category"),
        ("*", "U1", "category"),
        ("*", None, "category"),
    ]


def test_the_parts_of_a_staged_limit_go_together_and_in_order() -> None:
    parts = [limit("matter:01025", n, part=n, unit="urgent_hour", part_en=f"part {n}") for n in (3, 1, 2)]
    found = choose([*parts, limit("matter:*", 9)], "handling", "matter:01025", None, DAY)
    assert found is not None
    assert found.limits == tuple(Limit(Fraction(n), "urgent_hour") for n in (1, 2, 3))
    assert [p["en"] for p in found.rule["parts"]] == ["part 1", "part 2", "part 3"]
    assert [x["category"] for x in found.reason["beaten"]] == ["matter:*"]


def test_what_contradicts_a_table() -> None:
    two = [limit("matter:01025", 1), limit("matter:01025", 2, part=2)]
    assert contradiction(two, two) is None
    assert contradiction([limit("matter:01025", 3, valid_from=DAY)], two) is None
    assert contradiction([limit("matter:01025", 3, unit_code="U1")], two) is None
    for other in ([two[0]], [*two, limit("matter:01025", 3, part=3)], [two[0], limit("matter:01025", 3, part=2)]):
        found = contradiction(other, two)
        assert found is not None
        assert [x["amount"] for x in found[1]] == ["1", "2"]


# --- files -------------------------------------------------------------------


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "limits.csv"
    path.write_text("\n".join((header, *rows)) + "\n", "utf-8")
    return path


def test_words_and_codes_are_read_alike(tmp_path: Path) -> None:
    rows = (
        "matter:06010,U1,处置,,2.5,工作日,2026-01-01,2027-01-01",
        "matter:06010,U1,handling,,２.5,working_day,2026-01-01,2027-01-01",
    )
    read = [read_limits(write(tmp_path, row), {"U1"}) for row in rows]
    expected = TimeLimit(
        "matter:06010", "handling", Fraction(5, 2), "working_day", dt.date(2026, 1, 1), dt.date(2027, 1, 1), "U1"
    )
    assert read == [[expected], [expected]]


def test_only_four_columns_must_be_there(tmp_path: Path) -> None:
    path = write(tmp_path, "*,handling,1,working_day", header="category,stage,amount,unit")
    assert read_limits(path, set()) == [TimeLimit("*", "handling", Fraction(1), "working_day", EVER)]
    with pytest.raises(ColumnMissing):
        read_limits(write(tmp_path, "*,handling,1", header="category,stage,amount"), set())


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("06010,,handling,,1,工作日,,", "category", "category"),
        (",,handling,,1,工作日,,", "category", "category"),
        ("*,,closing,,1,工作日,,", "stage", "stage"),
        ("*,,,,1,工作日,,", "stage", "stage"),
        ("*,U9,handling,,1,工作日,,", "unit", "unit_code"),
        ("*,,handling,,0,工作日,,", "limit_amount", "amount"),
        ("*,,handling,,,工作日,,", "limit_amount", "amount"),
        ("*,,handling,,1,周,,", "limit_unit", "unit"),
        ("*,,handling,0,1,工作日,,", "part", "part"),
        ("*,,handling,one,1,工作日,,", "part", "part"),
        ("*,,handling,2,1,工作日,,", "parts", "part, valid_to"),
        ("*,,handling,,1,工作日,1.3.2026,", "day", "valid_from"),
        ("*,,handling,,1,工作日,2026-03-01,2026-03-01", "order", "valid_to"),
    ],
)
def test_a_faulty_row_refuses_the_table(tmp_path: Path, row: str, code: str, column: str) -> None:
    with pytest.raises(TableRefused) as e:
        read_limits(write(tmp_path, "*,,dispatch,,1,工作日,,", row), {"U1"})
    assert [(x["code"], x["row"], x["column"]) for x in e.value.faults] == [(code, 3, column)]
    for lang, where in (("zh", "第 3 行"), ("en", "row 3")):
        said = word("table_refused", e.value.facts, lang)
        assert "{" not in said
        assert where in said


def test_every_fault_of_a_table_is_told(tmp_path: Path) -> None:
    rows = ("*,,handling,,1,工作日,,", "*,,handling,,2,工作日,,", "x,U9,handling,,0,周,,")
    with pytest.raises(TableRefused) as e:
        read_limits(write(tmp_path, *rows), {"U1"})
    assert [(x["code"], x["row"]) for x in e.value.faults] == [
        ("twice", 3), ("category", 4), ("unit", 4), ("limit_unit", 4),
    ]  # fmt: skip


def test_faulty_rows_are_told_first_and_compared_with_none(tmp_path: Path) -> None:
    rows = ("*,,handling,2,1,工作日,,", "*,,handling,2,0,工作日,,", "*,,handling,2,1,工作日,,")
    with pytest.raises(TableRefused) as e:
        read_limits(write(tmp_path, *rows), set())
    assert [(x["code"], x["row"]) for x in e.value.faults] == [("limit_amount", 3), ("twice", 4)]


def test_parts_of_one_limit_hold_on_the_same_days(tmp_path: Path) -> None:
    with pytest.raises(TableRefused) as e:
        read_limits(write(tmp_path, "*,,handling,1,1,工作日,,", "*,,handling,2,1,工作日,,2027-01-01"), set())
    assert [x["code"] for x in e.value.faults] == ["parts"]


def test_the_sample_gives_every_class_of_the_scheme_a_limit_for_every_stage() -> None:
    rows = read_limits(SAMPLE, set())
    keys = [f"{c['kind']}:{c['code']}" for c in reference.read_categories(data_path("categories", "gb47678_5.csv"))]
    assert len(keys) == 403
    assert all(choose(rows, stage, key, None, DAY) is not None for stage in STAGES for key in keys)
    assert {r.unit for r in rows} == {"urgent_hour", "calendar_day", "working_hour", "working_day"}
    for row in rows:
        pattern = CategoryPattern.parse(row.category)
        assert any(pattern.matches(CategoryKey.parse(key)) for key in keys), row.category
    pipe = choose(rows, "handling", "matter:01025", None, DAY)
    assert pipe is not None
    assert [(int(x.amount), x.unit) for x in pipe.limits] == [
        (3, "urgent_hour"),
        (8, "urgent_hour"),
        (5, "working_day"),
    ]
