"""Records of inputs: the ref of one that has none, and the plain value that an input's records make together."""

from typing import Any

import pytest

from gridmgmt.rulebooks.records import AS_NUMBER, CONTENT, FIELDS, NEEDED, joined, ref_of
from gridmgmt.texts import Unfit, expected

ONE, TWO = {"code": "kerb", "on": "2026-03-02"}, {"code": "kerb", "on": "2026-03-01", "n": 2}


def account(step: str, on: str, no: str = "C1", **more: Any) -> dict[str, Any]:
    return {"account": no, "step": step, "on": on, **more}


def mark(value: int, **more: Any) -> dict[str, Any]:
    return {"mark": value, **more}


@pytest.mark.parametrize(
    ("records", "value"),
    [
        ([ONE, TWO], [TWO, ONE]),  # all have a day: by day
        ([{"code": "a"}, TWO, ONE], [{"code": "a"}, TWO, ONE]),  # one has none: as they come
        ([ONE], [ONE]),
        ([mark(80)], [80]),
        ([mark(80, group="x")], {"x": [80]}),
        ([account("dispatched", "2026-03-01")], [{"id": "C1", "steps": ["dispatched"]}]),
        ([{"category": "matter:06010", "place": "P", "on": "2026-03-02"}],
         [{"category": "matter:06010", "place": "P"}]),
        ([mark(80, on="2026-03-02"), mark(90, on="2026-03-01")], [90, 80]),
        (
            [mark(80, group="x"), mark(70, group="y"), mark(90, group="x")],
            {"x": [80, 90], "y": [70]},
        ),
        (
            [{"category": "matter:06010", "place": "P", "on": "2026-03-02"},
             {"category": "matter:06020", "place": "Q"}],
            [{"category": "matter:06010", "place": "P"}, {"category": "matter:06020", "place": "Q"}],
        ),
        (
            [account("missed", "2026-03-02", unit="U"), account("dispatched", "2026-03-01", earlier=0),
             account("dispatched", "2026-03-03", "C2")],
            [{"id": "C1", "steps": ["dispatched", "missed"], "unit": "U", "earlier": 0},
             {"id": "C2", "steps": ["dispatched"]}],
        ),
        (
            [account("dispatched", "2026-03-01", unit="U", earlier=1),
             account("missed", "2026-03-02", unit="U", earlier=1)],
            [{"id": "C1", "steps": ["dispatched", "missed"], "unit": "U", "earlier": 1}],
        ),
    ],
)  # fmt: skip
def test_records_make_the_value_of_their_type(records: list[dict[str, Any]], value: Any) -> None:
    assert joined([(str(n), r) for n, r in enumerate(records)]) == value


def test_only_findings_and_filings_may_be_told_as_how_many_there_are() -> None:
    assert AS_NUMBER == ("findings", "filings")


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("findings", "code on n points case occasion evidence note"),
        ("events", "code on n points amount role fault praised evidence note"),
        ("marks", "points=mark on occasion note"),
        ("ratings", "points=mark group on occasion note"),
        ("items", "code=id points note=title"),
        ("accounts", "case=account code=step on group=unit n=earlier note"),
        ("filings", "code=category occasion=place group=road n on"),
    ],
)
def test_the_columns_that_tell_a_record_are_those_that_its_type_has(kind: str, columns: str) -> None:
    assert dict(FIELDS[kind]) == {c.partition("=")[0]: c.rpartition("=")[2] for c in columns.split()}
    assert set(NEEDED.get(kind, ())) <= set(FIELDS[kind])
    assert set(FIELDS[kind]) <= set(CONTENT)


def test_a_single_value_is_itself_and_none_beside_records() -> None:
    assert joined([("", 7)]) == 7
    with pytest.raises(Unfit) as e:
        joined([("", 7), ("a", ONE)])
    assert e.value.expected == expected("number_or_records")


@pytest.mark.parametrize(("key", "values"), [("unit", ("U", "V")), ("earlier", (1, 2))])
def test_steps_of_one_account_that_contradict_each_other_are_refused(key: str, values: tuple[Any, Any]) -> None:
    days = ("2026-03-01", "2026-03-02")
    records = [account("dispatched", on, **{key: value}) for on, value in zip(days, values, strict=True)]
    with pytest.raises(Unfit) as e:
        joined([(str(n), r) for n, r in enumerate(records)])
    assert e.value.expected == expected("account_agrees", key=key, account="C1", one=values[0], other=values[1])


def test_a_record_s_ref_is_its_row_or_all_that_it_says() -> None:
    """Refs are stored: the same record has the same one for ever."""
    assert ref_of({"id": "t1", "title": "路面", "points": 3}, None) == "t1"
    ref = ref_of({"code": "路面", "n": 2}, "photo.jpg")
    assert ref == ref_of({"n": 2, "code": "路面"}, "photo.jpg") == "e340e7bf4d"
    assert len({ref, ref_of({"code": "路面", "n": 3}, "photo.jpg"), ref_of({"code": "路面", "n": 2}, None)}) == 3
