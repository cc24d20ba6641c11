"""A worksheet is read as who looks at it sees it: merged cells, formulas, error values, line breaks."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from gridmgmt.errors import EntryInvalid
from gridmgmt.files import forms, tables
from gridmgmt.files.rows import Rows
from gridmgmt.files.tables import Row, Text
from gridmgmt.files.tabular import open_rows


def book(tmp_path: Path, rows: list[list[Any]], *merged: str) -> Path:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    for cells in merged:
        made.active.merge_cells(cells)
    made.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


def as_stored(path: Path, change: Callable[[str], str]) -> Path:
    """The same workbook with another text of its sheet, as other programs write it."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    changed = change(parts[sheet].decode())
    assert changed != parts[sheet].decode()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in {**parts, sheet: changed.encode()}.items():
            new.writestr(name, content)
    return path


def read(path: Path, *wanted: str) -> tuple[pd.DataFrame, Rows]:
    rows = open_rows(path, ("utf-8",), wanted)
    return pd.concat(list(rows.chunks)), rows


def told(rows: Rows) -> list[tuple[int, str, str | None, str]]:
    return [(f.row, f.column, f.value, f.code) for f in rows.faults]


def test_a_cell_merged_over_rows_holds_for_each_of_them(tmp_path: Path) -> None:
    rows = [
        ["标题", None, None],
        ["编号", "单位", "备注"],
        *([n, u, "x"] for n, u in zip("12345", "A__B_", strict=True)),
    ]
    rows = [[None if c == "_" else c for c in row] for row in rows]
    frame, found = read(book(tmp_path, rows, "A1:C1", "B3:B5", "B6:B7"), "编号", "单位")
    assert frame["单位"].to_dict() == {3: "A", 4: "A", 5: "A", 6: "B", 7: "B"}
    assert found.filled == {(4, "单位"), (5, "单位"), (7, "单位")}
    assert told(found) == []


def test_a_merged_range_makes_no_rows_and_a_heading_over_two_rows_no_values(tmp_path: Path) -> None:
    path = book(tmp_path, [["编号", "单位", None], [None, "名称", "代码"], ["1", "甲", "A"]], "A1:A2", "B1:C1", "A3:A9")
    frame, _ = read(path, "编号", "名称", "代码")
    assert frame.to_dict("index") == {3: {"编号": "1", "名称": "甲", "代码": "A"}}


def test_a_cell_merged_over_named_columns_is_told(tmp_path: Path) -> None:
    rows = [
        ["编号", "地址", None, "单位"],
        ["1", "甲路", None, "A"],
        ["2", "乙路", None, None],
        ["3", "丙路", None, "C"],
    ]
    frame, found = read(book(tmp_path, rows, "B1:C1", "B2:C2", "B3:D3"), "编号", "地址")
    assert told(found) == [(3, "地址", "乙路", "cell_merged")]  # the nameless column beside an address loses nothing
    assert frame["地址"].tolist() == ["甲路", "乙路", "丙路"]


@pytest.mark.parametrize("stored", ["<v></v>", "<v/>", ""])
def test_a_formula_without_value_and_an_error_value_are_faults(tmp_path: Path, stored: str) -> None:
    path = book(tmp_path, [["编号", "时限"], ["1", "=A1+3"], ["#N/A", "x"], ["3", "y"], ["4", "=1/0"], ["5", '=""']])

    def change(xml: str) -> str:
        xml = xml.replace("<f>A1+3</f><v></v>", f"<f>A1+3</f>{stored}").replace(
            "<f>A1+3</f><v />", f"<f>A1+3</f>{stored}"
        )
        cell = xml[xml.index('<c r="B5"') : xml.index("</c>", xml.index('<c r="B5"')) + 4]
        xml = xml.replace(cell, '<c r="B5" t="e"><f>1/0</f><v>#DIV/0!</v></c>')
        empty = xml[xml.index('<c r="B6"') : xml.index("</c>", xml.index('<c r="B6"')) + 4]
        return xml.replace(empty, '<c r="B6" t="str"><f>""</f><v></v></c>')

    frame, found = read(as_stored(path, change), "编号", "时限")
    assert told(found) == [
        (2, "时限", "=A1+3", "cell_formula"),
        (3, "编号", "#N/A", "cell_error"),
        (5, "时限", "#DIV/0!", "cell_error"),
    ]
    assert pd.isna(frame.loc[6, "时限"])  # a formula whose value is an empty text


def test_escaped_characters_are_what_they_stand_for(tmp_path: Path) -> None:
    frame, _ = read(book(tmp_path, [["a", "b"], ["甲_x000D_\n乙_x000d_丙", "_x005F_x000D_ _x00"]]), "a", "b")
    assert frame.loc[2].tolist() == ["甲\n乙\n丙", "_x000D_ _x00"]


class _Unit(Row):
    code: Text
    name_zh: Text


def test_a_reference_table_tells_the_cells_that_it_reads(tmp_path: Path) -> None:
    path = book(
        tmp_path, [["code", "name_zh", "note"], ["U1", "甲", "#REF!"], ["#N/A", "乙", None], ["U3", "=A2", None]]
    )
    found, faults = tables.read(path, _Unit)
    assert [*found] == [2]
    assert [(f.row, f.column, f.code) for f in faults] == [
        (3, "code", "expected_cell_error"),
        (4, "name_zh", "expected_cell_formula"),
    ]


def test_a_form_fills_merged_words_and_refuses_merged_numbers(tmp_path: Path) -> None:
    rows = [["subject", "item", "n"], ["甲", "a", 3], [None, "b", None], [None, "c", 1], ["乙", "=A1", 1]]
    (sheet,) = forms.read_sheets(book(tmp_path, rows, "A2:A4", "C2:C3"), {"values": ("subject", "item", "n")})
    assert [(line.row, line.cells["subject"]) for line in sheet.lines] == [(2, "甲"), (4, "甲")]
    assert [(f.sheet, f.row, f.column, f.code) for f in sheet.broken] == [
        ("Sheet", 5, "item", "expected_cell_formula"),
        ("Sheet", 3, "n", "expected_cell_merged_number"),
    ]
    with pytest.raises(EntryInvalid) as e:
        forms.refuse("a.xlsx", sheet.broken)
    assert e.value.problems[0]["expected"]["code"] == "expected_cell_formula"
