"""What cannot be stored is a fault of its row and column, in every format; the other rows are there."""

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from gridmgmt.errors import FileUnreadable
from gridmgmt.files import tables
from gridmgmt.files.checking import limits
from gridmgmt.files.rows import Rows
from gridmgmt.files.tables import Row, Text
from gridmgmt.files.tabular import open_rows

MOST = limits().text


def read(path: Path) -> tuple[dict[int, str], Rows]:
    rows = open_rows(path, ("utf-8", "gb18030"), ("b",))
    return pd.concat(list(rows.chunks))["b"].to_dict(), rows


def told(rows: Rows) -> list[tuple[int, str, str]]:
    return [(f.row, f.column, f.code) for f in rows.faults]


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.xlsx"])
def test_nul_and_texts_that_are_too_long(tmp_path: Path, name: str) -> None:
    texts = ["good", "甲\x00乙", "x" * MOST, "y" * (MOST + 1), ""]
    frame = pd.DataFrame({"a": list("12345"), "b": texts})
    if name == "a.parquet":
        frame.to_parquet(tmp_path / name)
    elif name == "a.csv":
        frame.to_csv(tmp_path / name, index=False)
    else:
        book = openpyxl.Workbook()
        for row in [["a", "b"], *zip("12345", (t.replace("\x00", "_x0000_") for t in texts), strict=True)]:
            book.active.append(row)
        book.save(tmp_path / name)
    found, rows = read(tmp_path / name)
    first = min(found)
    assert found[first + 1] == "甲\u2400乙"
    assert told(rows) == [(first + 1, "b", "cell_nul"), (first + 3, "b", "cell_long")]
    assert rows.faults[1].facts == {"most": MOST, "n": MOST + 1}
    assert rows.faults[1].value == "y" * 200


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_a_byte_that_is_no_text_costs_its_row_only(tmp_path: Path, encoding: str) -> None:
    lines = [b"a,b", *(f"{n},解放路{n}号".encode(encoding) for n in range(2, 30))]
    lines[4] = b"5,\xff" + "甲".encode(encoding)
    lines[7] = b"8,\xff,extra"
    (tmp_path / "a.csv").write_bytes(b"\n".join(lines))
    found, rows = read(tmp_path / "a.csv")
    assert found == {n: f"解放路{n}号" if n != 5 else "\\xFF甲" for n in range(2, 30) if n != 8}
    assert [(f.row, f.column, f.value, f.code) for f in rows.faults] == [(5, "b", "\\xFF甲", "cell_bytes")]
    assert rows.broken == [(8, "8,\\xFF,extra")]


@pytest.mark.parametrize("content", [b"a,b\xff\n1,2\n3,4\n", b"a,b\n1,\xff\n2,\xff\n3,\xff\n4,5\n"])
def test_a_file_that_is_mostly_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(FileUnreadable):
        read(tmp_path / "a.csv")


class _Unit(Row):
    code: Text
    name_zh: Text


def test_a_reference_table_tells_them_too(tmp_path: Path) -> None:
    long = "c" * (limits().code + 1)
    (tmp_path / "a.csv").write_bytes(f"code,name_zh\nU1,甲\n{long},乙\nU3,丙\x00\nU4,".encode() + b"\xff\nU5,x\nU6,y\n")
    found, faults = tables.read(tmp_path / "a.csv", _Unit)
    assert [one.code for one in found.values()] == ["U1", "U5", "U6"]
    assert [(f.row, f.column, f.code) for f in faults] == [
        (3, "code", "expected_characters_up_to"),
        (4, "name_zh", "expected_cell_nul"),
        (5, "name_zh", "expected_cell_bytes"),
    ]
