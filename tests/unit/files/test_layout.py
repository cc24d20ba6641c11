"""A table is found below its title, whatever stands between its columns; what is no table is told as what it is."""

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from gridmgmt import texts
from gridmgmt.errors import ColumnMissing, FileUnreadable
from gridmgmt.files.tabular import open_rows


def read(path: Path, *wanted: str, separator: str | None = None) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    rows = open_rows(path, ("utf-8",), wanted, separator=separator)
    return pd.concat(list(rows.chunks)), rows.broken


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("above", ["", "某市案件表\n\n", "表,一;二\n说明\n", "\ufeff"])
def test_separators_and_titles(tmp_path: Path, mark: str, above: str) -> None:
    lines = [
        mark.join(x) for x in (("编号", "地址"), ("1", "甲;乙" if mark != ";" else "甲,乙"), ("2",), ("3", '"丙\n丁"'))
    ]
    (tmp_path / "a.csv").write_text(above + "\n".join(lines) + "\n", "utf-8")
    frame, broken = read(tmp_path / "a.csv", "编号", "地址")
    first = above.count("\n") + 2
    assert frame["编号"].to_dict() == {first: "1", first + 2: "3"}
    assert frame["地址"].tolist()[1] == "丙\n丁"
    assert broken == [(first + 1, "2")]


def test_a_separator_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=^\na^b\n1^2\n", "utf-8")
    assert read(tmp_path / "a.csv", "a", "b")[0].to_dict("index") == {3: {"a": "1", "b": "2"}}
    (tmp_path / "b.csv").write_text("a~b\n1~2\n", "utf-8")
    with pytest.raises(ColumnMissing):
        read(tmp_path / "b.csv", "a", "b")
    assert read(tmp_path / "b.csv", "a", "b", separator="~")[0]["b"].tolist() == ["2"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "unreadable_old_excel"),
        (b"\r\n<html><table></table></html>", "unreadable_html"),
        (b"a,b\n1,2\n", "unreadable_not_excel"),
    ],
)
def test_what_is_only_called_a_workbook(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(FileUnreadable) as e:
        read(tmp_path / "a.xlsx", "a")
    assert e.value.reason == {"code": code}
    assert texts.word(code, {}, "zh") in texts.word(e.value.code, e.value.facts, "zh")


def test_the_sheets_that_fit_are_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active.append(["请填写第二张表"])
    for name, header in (("案件", ["编号", "地址"]), ("其他", ["编号"]), ("旧案件", ["地址", "编号"])):
        book.create_sheet(name).append(header)
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(FileUnreadable) as e:
        read(tmp_path / "a.xlsx", "编号", "地址")
    assert e.value.reason == {"code": "unreadable_other_sheets", "sheet": "说明", "fits": ["案件", "旧案件"]}
    with pytest.raises(ColumnMissing):
        read(tmp_path / "a.xlsx", "编号", "时间")
