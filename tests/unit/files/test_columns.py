"""Whole columns are read as single cells are, whatever stands in them."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.files import columns
from gridmgmt.files.cells import BLANKS, as_code, trimmed

ODD = st.text(st.sampled_from([*BLANKS, *"aB0.eE+-*,１Ａ－甲\u0301é〔"]), max_size=6)
CELLS = st.lists(st.none() | ODD | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=12)


@given(CELLS)
def test_a_column_is_read_as_its_cells_are(cells: list[str | None]) -> None:
    texts = columns.texts_of(pd.Series(cells, dtype="str"))
    plain = columns.trimmed(texts)
    assert plain.to_pylist() == [None if c is None else trimmed(c) for c in cells]
    assert columns.as_codes(plain).to_pylist() == [None if c is None else as_code(c) or None for c in cells]


@given(CELLS)
def test_each_different_text_is_read_once_and_what_is_missing_stays_so(cells: list[str | None]) -> None:
    asked: list[str] = []

    def read(text: str) -> int:
        asked.append(text)
        return len(text)

    found = columns.by_value(columns.texts_of(pd.Series(cells, dtype="str")), read)
    assert found.tolist() == [None if c is None else len(c) for c in cells]
    assert sorted(asked) == sorted({c for c in cells if c is not None})


@given(CELLS)
def test_a_glance_misses_nothing(cells: list[str | None]) -> None:
    texts = columns.texts_of(pd.Series(cells, dtype="str"))
    there = [c for c in cells if c is not None]
    assert columns.longest(texts) == max((len(c.encode()) for c in there), default=0)
    assert columns.may_hold(texts, b"a", "甲".encode()) or not any(x in c for c in there for x in "a甲")
