"""Files of every format come as rows of text with the row numbers a spreadsheet shows; nothing is lost."""

import datetime as dt
import gzip
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from gridmgmt.errors import ColumnMissing, FileUnreadable
from gridmgmt.files import delimited
from gridmgmt.files import rows as file_rows
from gridmgmt.files.rows import X, Y, as_text
from gridmgmt.files.tabular import open_rows

ENCODINGS = ("utf-8", "gb18030")


def read(path: Path, *wanted: str, sheet: str | None = None) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    rows = open_rows(path, ENCODINGS, wanted, sheet)
    chunks = list(rows.chunks)
    return (pd.concat(chunks) if chunks else pd.DataFrame()), rows.broken


def written(tmp_path: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return path


def workbook(tmp_path: Path, *rows: list[Any], sheets: tuple[str, ...] = ("案卷",)) -> Path:
    book = openpyxl.Workbook()
    book.active.title = sheets[0]
    for row in rows:
        book.active.append(row)
    for name in sheets[1:]:
        book.create_sheet(name).append(["编号"])
    book.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


# --- CSV -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_csv_in_each_encoding(tmp_path: Path, encoding: str, end: str, packed: bool) -> None:
    content = end.join(["编号,地址", "1,解放路", "2,人民路", ""]).encode(encoding)
    name = "a.csv.gz" if packed else "a.csv"
    frame, broken = read(written(tmp_path, name, gzip.compress(content) if packed else content), "编号", "地址")
    assert frame.to_dict("list") == {"编号": ["1", "2"], "地址": ["解放路", "人民路"]}
    assert frame.index.tolist() == [2, 3]
    assert frame.index.name == "row"
    assert broken == []


def test_broken_lines_are_told_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    text = 'a,b\n1,x\n2\n3,"two\nlines"\n4,x,extra\n\n5,x\n'
    frame, broken = read(written(tmp_path, "a.csv", text), "a", "b")
    assert frame["a"].to_dict() == {2: "1", 4: "3", 6: "5"}
    assert frame["b"][4] == "two\nlines"
    assert broken == [(3, "2"), (5, "4,x,extra")]


def test_row_numbers_hold_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 256)
    monkeypatch.setattr(file_rows, "CHUNK_ROWS", 7)
    lines = [f"{n},x,extra" if n % 7 == 0 else f'{n},"two\nlines"' if n % 5 == 0 else f"{n},x" for n in range(2, 500)]
    frame, broken = read(written(tmp_path, "a.csv", "\n".join(["a,b", *lines])), "a", "b")
    assert frame["a"].astype(int).tolist() == frame.index.tolist()
    assert [n for n, _ in broken] == [n for n in range(2, 500) if n % 7 == 0]
    assert sorted([*frame.index, *(n for n, _ in broken)]) == list(range(2, 500))


@pytest.mark.parametrize("tail", ['4,"x\n5,x\n', '4,"x,x\n5,x\n'])
def test_a_quotation_mark_that_is_never_closed_does_not_swallow_the_rest(tmp_path: Path, tail: str) -> None:
    path = written(tmp_path, "a.csv", f"a,b\n2,x\n3,x\n{tail}")
    with pytest.raises(FileUnreadable) as e:
        read(path, "a")
    assert e.value.reason == {"code": "unreadable_open_quote", "row": 4}


def test_an_odd_mark_inside_a_text_is_a_text(tmp_path: Path) -> None:
    frame, _ = read(written(tmp_path, "a.csv", 'a,b\n1,5" pipe\n2,"two\nlines"\n'), "a")
    assert frame["b"].tolist() == ['5" pipe', "two\nlines"]


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_a_column_name_twice_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, "a,b, a \n1,2,3\n") if name == "a.csv" else workbook(tmp_path, ["a", "b", " a "])
    with pytest.raises(FileUnreadable) as e:
        read(path, "b")
    assert e.value.reason == {"code": "unreadable_column_twice", "columns": ["a"]}


def test_nameless_columns_are_called_by_their_place(tmp_path: Path) -> None:
    frame, _ = read(written(tmp_path, "a.csv", "a,,\n1,2,3\n"), "a")
    assert frame.to_dict("list") == {"a": ["1"], "#2": ["2"], "#3": ["3"]}


def test_header_only_is_a_file_without_rows(tmp_path: Path) -> None:
    assert len(read(written(tmp_path, "a.csv", "a,b\n"), "a")[0]) == 0
    assert len(read(workbook(tmp_path, ["a", "b"]), "a")[0]) == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"\n\n"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16")),
        ("a.csv", b"\x89PNG\r\n\x1a\n\xff\xff\xff"),
        ("a.csv.gz", b"a,b\n1,2\n"),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-20]),
        ("a.xlsx", b"a,b\n1,2\n"),
        ("a.parquet", b"PAR1"),
        ("a.geojson", b"{}"),
        ("a.gpkg", b"SQLite format 3\0"),
        ("a.xls", b"\xd0\xcf"),
        ("a", b"a,b\n"),
    ],
)
def test_what_is_no_file_of_its_format_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(FileUnreadable) as e:
        read(path)
    assert e.value.file == str(path)
    assert e.value.reason


def test_an_absent_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(FileUnreadable):
            open_rows(path, ENCODINGS, ())


def test_missing_columns_are_told_when_the_file_is_opened(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    for path in (written(tmp_path, "a.csv", "a\n1\n"), workbook(tmp_path, ["a"], [1]), tmp_path / "a.parquet"):
        with pytest.raises(ColumnMissing) as e:
            open_rows(path, ENCODINGS, ("a", "b", "c"))
        assert (e.value.columns, e.value.found) == (["b", "c"], ["a"])


# --- Excel -----------------------------------------------------------------------------------------------------------


def test_excel_cells_are_text_as_a_person_would_type_it(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        [" 编号 ", "n", "at", "on", "flag", "empty", None, None],
        [20250301, 1.0, dt.datetime(2025, 3, 1, 8, 30), dt.date(2025, 3, 1), True, None],
        [None, None],
        ["A1", 0.1, dt.datetime(2025, 3, 1, 23, 59, 59), None, False, ""],
        *[[None] * 6] * 3,
    )
    frame, broken = read(path, "编号", "n")
    assert frame.index.tolist() == [2, 4]
    assert frame.loc[2].dropna().to_dict() == {
        "编号": "20250301", "n": "1", "at": "2025-03-01 08:30:00", "on": "2025-03-01 00:00:00", "flag": "true",
    }  # fmt: skip
    assert frame.loc[4].dropna().to_dict() == {"编号": "A1", "n": "0.1", "at": "2025-03-01 23:59:59", "flag": "false"}
    assert broken == []


def test_a_row_with_values_beyond_the_header_is_broken(tmp_path: Path) -> None:
    frame, broken = read(workbook(tmp_path, ["a", "b"], [1, 2, 3], [4, 5]), "a")
    assert frame["a"].to_dict() == {3: "4"}
    assert broken == [(2, "1,2,3")]


def test_a_sheet_by_name(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a"], [1], sheets=("案卷", "说明"))
    assert len(read(path, "a", sheet="案卷")[0]) == 1
    assert len(read(path, "编号", sheet="说明")[0]) == 0
    with pytest.raises(FileUnreadable) as e:
        read(path, sheet="样本")
    assert e.value.reason == {"code": "unreadable_no_sheet", "sheet": "样本", "known": ["案卷", "说明"]}


def test_as_text() -> None:
    assert [as_text(v) for v in (None, float("nan"), pd.NaT, pd.NA)] == [None] * 4
    assert as_text(1e17) == "1e+17"
    assert as_text(10**17 + 1) == "100000000000000001"
    assert as_text(0.1 + 0.2) == "0.30000000000000004"
    assert as_text(pd.Timestamp("2025-03-01 08:30", tz="Asia/Shanghai")) == "2025-03-01 08:30:00+08:00"


# --- Parquet and layers ----------------------------------------------------------------------------------------------


def test_parquet_keeps_every_digit(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "no": pd.array([100000000000000001, None], dtype="Int64"), "n": [1.0, 0.5], "flag": [True, False],
        "at": pd.to_datetime(["2025-03-01 08:30", None]), "text": ["a", None], "other": [1, 2],
    })  # fmt: skip
    frame.to_parquet(tmp_path / "a.parquet")
    found, _ = read(tmp_path / "a.parquet", "no", "n", "flag", "at", "text")
    assert found.index.tolist() == [1, 2]
    assert found.loc[1].to_dict() == {
        "no": "100000000000000001", "n": "1", "flag": "true", "at": "2025-03-01 08:30:00", "text": "a", "other": "1",
    }  # fmt: skip
    assert found.loc[2].dropna().to_dict() == {"n": "0.5", "flag": "false", "other": "2"}


def test_of_parquet_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    n = 1000
    frame = pd.DataFrame({"w": ["垃圾"] * n, "no": range(n), "wide": [f"x\x00{i}" for i in range(n)], "_origin": "s:1"})
    frame.to_parquet(path, row_group_size=300)
    rows = open_rows(path, ENCODINGS, ("no",), also=("_origin", "_crs"))
    (chunk,) = rows.chunks
    assert list(chunk.columns) == ["no", "_origin"]
    assert rows.columns == ["w", "no", "wide", "_origin"]
    whole = rows.whole(chunk.loc[[300, 301, 1000]])
    assert whole["wide"].to_dict() == {300: "x␀299", 301: "x␀300", 1000: "x␀999"}
    assert whole.loc[301].to_dict() == {"w": "垃圾", "no": "300", "wide": "x␀300", "_origin": "s:1"}
    assert list(whole.columns) == rows.columns


def test_a_column_of_parquet_that_nobody_asks_for_may_be_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"no": ["a", "b"], "wide": ["long text", "longer text"]}).to_parquet(path, compression="snappy")
    place = pq.ParquetFile(path).metadata.row_group(0).column(1)
    content = bytearray(path.read_bytes())
    start = place.dictionary_page_offset or place.data_page_offset
    content[start : start + place.total_compressed_size] = b"\xff" * place.total_compressed_size
    path.write_bytes(content)
    with pytest.raises(FileUnreadable):
        open_rows(path, ENCODINGS, ("no",))
    assert pd.concat(open_rows(path, ENCODINGS, ("no",), also=()).chunks)["no"].tolist() == ["a", "b"]


def layer(crs: Any = 4490) -> gpd.GeoDataFrame:
    shapes = [
        shapely.Point(114.05, 22.54),
        shapely.MultiPoint([(114.06, 22.55)]),
        shapely.LineString([(114, 22), (115, 23)]),
        None,
    ]
    return gpd.GeoDataFrame({"no": ["a", "b", "c", "d"]}, geometry=shapes, crs=crs)


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.parquet", "a.geoparquet"])
def test_points_of_a_layer(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if "parquet" in name:
        layer().rename_geometry("place").to_parquet(path)
    else:
        layer(4326 if "json" in name else 4490).to_file(path)
    rows = open_rows(path, ENCODINGS, ("no", X, Y))
    frame = pd.concat(rows.chunks)
    assert rows.crs == ("epsg:4326" if "json" in name else "epsg:4490")
    assert frame.loc[1].to_dict() == {"no": "a", X: "114.05", Y: "22.54"}
    assert frame.loc[2].to_dict() == {"no": "b", X: "114.06", Y: "22.55"}
    assert frame.loc[3].dropna().to_dict() == {"no": "c", X: "LineString"}
    assert frame.loc[4].dropna().to_dict() == {"no": "d"}


def test_of_geoparquet_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    layer().assign(wide="w").rename_geometry("place").to_parquet(path)
    rows = open_rows(path, ENCODINGS, ("no", X, Y), also=())
    (chunk,) = rows.chunks
    assert list(chunk.columns) == ["no", X, Y]
    assert rows.whole(chunk.loc[[2]]).loc[2].to_dict() == {"no": "b", "wide": "w", X: "114.06", Y: "22.55"}


def test_a_layer_in_a_system_without_a_number_names_it_in_full(tmp_path: Path) -> None:
    local = "+proj=tmerc +lon_0=114.1 +x_0=500000 +ellps=GRS80 +units=m +type=crs"
    layer(local).to_file(tmp_path / "a.gpkg")
    crs = open_rows(tmp_path / "a.gpkg", ENCODINGS, ("no",)).crs
    assert crs is not None
    assert "PROJCRS" in crs


def test_a_table_without_points_lacks_them(tmp_path: Path) -> None:
    pd.DataFrame({"no": ["a"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ColumnMissing) as e:
        open_rows(tmp_path / "a.parquet", ENCODINGS, ("no", X, Y))
    assert e.value.columns == [X, Y]


def test_of_several_layers_one_must_be_named(tmp_path: Path) -> None:
    for name in ("案卷", "样本"):
        layer().to_file(tmp_path / "a.gpkg", layer=name)
    with pytest.raises(FileUnreadable) as e:
        read(tmp_path / "a.gpkg", "no")
    assert isinstance(e.value.reason, dict)
    assert e.value.reason["known"] == ["案卷", "样本"]
    assert len(read(tmp_path / "a.gpkg", "no", sheet="样本")[0]) == 4
    with pytest.raises(FileUnreadable):
        read(tmp_path / "a.gpkg", "no", sheet="单位")


def test_a_reader_that_runs_ahead_holds_few_blocks() -> None:
    taken: list[int] = []

    class Source:
        def read(self, n: int) -> bytes:
            taken.append(n)
            return b"x" * n

    held = delimited._Held(Source())
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(lambda: [held.read(5) for _ in range(delimited._AHEAD + 2)])
        for n in range(2):
            while len(taken) < delimited._AHEAD + n:
                time.sleep(0.001)
            assert not ahead.done()
            next(iter(held.let_go([pa.record_batch({"a": [1]})])))
        assert ahead.result(10) == [b"xxxxx"] * (delimited._AHEAD + 2)
        held.close()
        assert held.read(5) == b""


def test_a_reader_gets_no_block_more_while_a_batch_is_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is; who waits for a batch gets one, as a block of broken lines makes none."""
    monkeypatch.setattr(delimited, "_PATIENCE_S", 0.01)
    blocks = iter(range(100))

    class Source:
        def read(self, _: int) -> bytes:
            return b"%d" % next(blocks)

    held = delimited._Held(Source())
    assert [held.read() for _ in range(delimited._AHEAD + 1)] == [b"0", b"1", b"2", b"3"]
    batches = held.let_go(iter([pa.record_batch({"a": [1]})]))
    with ThreadPoolExecutor(1) as pool:
        next(batches)
        assert held.read() == b"4"
        more = pool.submit(held.read)
        time.sleep(0.3)
        assert not more.done()
        assert next(batches, None) is None
        assert more.result(10) == b"5"


def test_nobody_waits_for_blocks_that_the_header_does_not_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader runs ahead of the header and ends only when it may go on."""
    came_through: list[bool] = []

    class Turns(threading.Semaphore):
        def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
            came_through.append(super().acquire(blocking, timeout))
            return came_through[-1]

    monkeypatch.setattr(threading, "Semaphore", Turns)
    path = tmp_path / "long.csv"
    path.write_text("a,b\n" + "1234567,1234567\n" * 40_000, "utf-8")
    for _ in range(10):  # it runs far enough now and then
        assert sum(map(len, open_rows(path, ["utf-8"], ["a", "b"]).chunks)) == 40_000
    assert len(came_through) > delimited._AHEAD
    assert all(came_through)
