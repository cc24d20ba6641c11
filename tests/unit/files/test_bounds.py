"""What a file may hold: a small file that would become large is refused in little memory, with the setting."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gridmgmt import bounds
from gridmgmt.bounds import Bounds
from gridmgmt.city import read as load_city
from gridmgmt.errors import CityInvalid, FileUnreadable, GridmgmtError, LimitExceeded, ProfileInvalid, RulebookInvalid
from gridmgmt.files.forms import read_sheets
from gridmgmt.files.tabular import open_rows
from gridmgmt.intake.readers import profiles
from gridmgmt.rulebooks.load import load as load_rulebook
from gridmgmt.texts import LANGUAGES, word

SHEET = "xl/worksheets/sheet1.xml"
HEAD, TAIL = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>',
    b"</sheetData></worksheet>",
)


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    bounds.use(Bounds())


def workbook(path: Path, blocks: Iterator[bytes] | list[bytes], name: str = SHEET) -> Path:
    """A workbook whose one part is written block by block, the other parts as openpyxl writes them."""
    plain = path.with_name("plain.xlsx")
    openpyxl.Workbook().save(plain)
    with ZipFile(plain) as source, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as made:
        for part in source.namelist():
            if part != name:
                made.writestr(part, source.read(part))
        with made.open(name, "w", force_zip64=True) as out:
            for block in blocks:
                out.write(block)
    return path


def long_text(path: Path) -> Path:
    """One cell of 64 million characters."""
    cell = b'<row r="1"><c r="A1" t="inlineStr"><is><t>', b"</t></is></c></row>"
    return workbook(path / "cell.xlsx", [HEAD, cell[0], *[b"x" * 1_000_000] * 64, cell[1], TAIL])


def empty_rows(path: Path) -> Path:
    """Six million rows without a value."""
    return workbook(path / "rows.xlsx", [HEAD, *[b"<row/>" * 100_000] * 60, TAIL])


def far_row(path: Path) -> Path:
    """One row that calls itself the thirty-millionth."""
    return workbook(path / "far.xlsx", [HEAD, b'<row r="30000000"><c><v>1</v></c></row>', TAIL])


def packed_texts(path: Path) -> Path:
    """A part of 300 million bytes that is read as a whole."""
    return workbook(path / "part.xlsx", [b"<sst>", *[b" " * 1_000_000] * 300, b"</sst>"], "xl/sharedStrings.xml")


def wide(path: Path) -> Path:
    """A CSV file of 100 000 columns."""
    made = path / "wide.csv"
    made.write_text(",".join(f"c{n}" for n in range(100_000)) + "\n" + "," * 99_999 + "\n", "utf-8")
    return made


def gz_bomb(path: Path) -> Path:
    """A packed CSV file of 3 thousand million bytes."""
    made, block = path / "bomb.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 5_000_000)
    made.write_bytes(block * 150)
    return made


def _shared(made: Path, text: str, n_rows: int) -> Path:
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * n_rows, pa.int32()), pa.array([text]))
    pq.write_table(pa.table({"a": shared}), made, dictionary_pagesize_limit=1 << 30)
    return made


def shared_text(path: Path) -> Path:
    """A Parquet file of 80 thousand bytes whose 5 000 rows have one text of 900 000 characters."""
    return _shared(path / "shared.parquet", "x" * 900_000, 5_000)


def long_shared_text(path: Path) -> Path:
    """One of whose rows each has a text of 4 million characters; its size by itself says 4 million for all of them."""
    return _shared(path / "long.parquet", "x" * 4_000_000, 5_000)


READ = """
import json, resource, sys
from pathlib import Path
from gridmgmt.files.tabular import open_rows
from gridmgmt.errors import GridmgmtError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for chunk in open_rows(Path(sys.argv[1]), ("utf-8",), ["a"] if sys.argv[1].endswith("gz") else []).chunks:
        pass
    found = None
except GridmgmtError as e:
    found = {"code": e.code, **e.facts}
print(json.dumps([found, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024]))
"""


@pytest.mark.parametrize(
    ("make", "limit", "setting"),
    [
        (long_text, "text_kb", "GRIDMGMT_MAX_TEXT_KB"),
        (empty_rows, "sheet_rows", "GRIDMGMT_MAX_SHEET_ROWS"),
        (far_row, "sheet_rows", "GRIDMGMT_MAX_SHEET_ROWS"),
        (packed_texts, "part_mb", "GRIDMGMT_MAX_PART_MB"),
        (wide, "columns", "GRIDMGMT_MAX_COLUMNS"),
        (gz_bomb, "rows", "GRIDMGMT_MAX_ROWS"),
        (shared_text, "unpacked_mb", "GRIDMGMT_MAX_UNPACKED_MB"),
        (long_shared_text, "text_kb", "GRIDMGMT_MAX_TEXT_KB"),
    ],
)
def test_a_file_that_grows_is_refused_in_little_memory(
    tmp_path: Path, make: Callable[[Path], Path], limit: str, setting: str
) -> None:
    done = subprocess.run([sys.executable, "-c", READ, make(tmp_path)], capture_output=True, text=True, check=True)
    found, grown_mb = json.loads(done.stdout)
    assert (found["code"], found["limit"], found["setting"]) == ("limit_exceeded", limit, setting)
    assert found["found"] > found["most"]
    assert grown_mb < 120
    for lang in LANGUAGES:
        told = word("limit_exceeded", {k: v for k, v in found.items() if k != "code"}, lang)
        assert setting in told
        assert f"{found['most']:,}" in told


def test_texts_that_rows_share_are_read_within_the_bounds(tmp_path: Path) -> None:
    """Also inside lists and structs, where they are found as well when they are too many."""
    shared = pa.DictionaryArray.from_arrays(pa.array([0, 0, 1, None], pa.int32()), pa.array(["x" * 900, "y"]))
    lists = pa.ListArray.from_arrays(pa.array(range(5), pa.int32()), shared)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": shared, "b": lists, "c": pa.StructArray.from_arrays([shared], ["d"])}), path)
    assert bounds.check_parquet(path) == 4
    (chunk,) = open_rows(path, ("utf-8",), ["a"], also=()).chunks
    assert [len(text) for text in chunk["a"].dropna()] == [900, 900, 1]
    bounds.use(replace(Bounds(), text_kb=0))
    for column in ("a", "b", "c"):
        pq.write_table(pq.read_table(path, columns=[column]), tmp_path / f"only_{column}.parquet")
        with pytest.raises(LimitExceeded, match="text_kb"):
            bounds.check_shared(tmp_path / f"only_{column}.parquet", None)


def _varint(value: int, length: int = 0) -> bytes:
    """A whole number as a Parquet footer has it; as many bytes as are asked for."""
    left, out = value << 1, []
    while left or len(out) < max(length, 1):
        out.append(left & 127 | 128)
        left >>= 7
    return bytes([*out[:-1], out[-1] & 127])


def lying(path: Path, said: int, *, of: str) -> Path:
    """A file of two million zeros in one packed page, whose footer says another size of it, or number of rows."""
    pq.write_table(
        pa.table({"a": pa.array([0] * 2_000_000, pa.int64())}), path, compression="zstd", use_dictionary=False,
        data_page_size=1 << 30, max_rows_per_page=1 << 30, row_group_size=1 << 22, write_statistics=False,
        store_schema=False,
    )  # fmt: skip
    group = pq.read_metadata(path).row_group(0)
    data = path.read_bytes()
    at = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    sizes = {group.total_byte_size, group.column(0).total_uncompressed_size} if of == "bytes" else {group.num_rows}
    foot = data[at:]
    for true in map(_varint, sizes):
        assert true in foot
        foot = foot.replace(true, _varint(said, len(true)), -1 if of == "bytes" else 1)  # the file's rows stand first
    path.write_bytes(data[:at] + foot)
    return path


def test_what_the_foot_of_a_parquet_file_says_is_not_believed(tmp_path: Path) -> None:
    """16 MB in 1 kB whose footer says 900 bytes; two million rows whose footer says there are three."""
    small = lying(tmp_path / "bytes.parquet", 900, of="bytes")
    assert small.stat().st_size < 5_000
    assert pq.read_metadata(small).row_group(0).total_byte_size == 900
    bounds.use(replace(Bounds(), unpacked_mb=15))
    with pytest.raises(LimitExceeded) as told:
        list(open_rows(small, ("utf-8",), ["a"]).chunks)
    assert (told.value.limit, told.value.found >= 16_000_000) == ("unpacked_mb", True)
    few = lying(tmp_path / "rows.parquet", 3, of="rows")
    assert pq.read_metadata(few).num_rows == 3
    bounds.use(replace(Bounds(), rows=1_999_999))
    with pytest.raises(LimitExceeded) as told:
        list(open_rows(few, ("utf-8",), ["a"]).chunks)
    assert (told.value.limit, told.value.found) == ("rows", 2_000_000)


def test_numbers_in_lists_are_counted_however_small_they_are_packed(tmp_path: Path) -> None:
    """Two rows with a million zeros each: a few bytes that become 16 MB."""
    path = tmp_path / "lists.parquet"
    pq.write_table(pa.table({"a": pa.array([[0] * 1_000_000] * 2, pa.list_(pa.int64()))}), path)
    assert path.stat().st_size < 5_000
    bounds.use(replace(Bounds(), unpacked_mb=15))
    with pytest.raises(LimitExceeded, match="unpacked_mb"):
        list(open_rows(path, ("utf-8",), ["a"]).chunks)


@pytest.mark.parametrize(
    "form", [{}, {"data_page_version": "2.0"}, {"compression": "zstd", "write_page_checksum": True}]
)
def test_pages_are_found_as_they_were_written(tmp_path: Path, form: dict[str, Any]) -> None:
    """All of them, and as large as the honest footer says but for their heads; a broken one is said."""
    path = tmp_path / "pages.parquet"
    texts = [f"t{n}" for n in range(20_000)]
    pq.write_table(pa.table({"n": range(20_000), "t": texts}), path, row_group_size=7_000, data_page_size=2_000, **form)
    assert bounds.check_parquet(path) == 20_000
    group = pq.read_metadata(path).row_group(0)
    data = bytearray(path.read_bytes())
    bounds.use(replace(Bounds(), unpacked_mb=0))
    with pytest.raises(LimitExceeded):
        bounds.check_shared(path, ["n"])
    bounds.use(Bounds())
    assert sum(len(chunk) for chunk in open_rows(path, ("utf-8",), ["n"]).chunks) == 20_000
    data[group.column(1).data_page_offset] = 255
    path.write_bytes(data)
    with pytest.raises(FileUnreadable):
        open_rows(path, ("utf-8",), ["t"])


def test_a_bound_that_is_raised_lets_the_file_in(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n2\n3\n", "utf-8")
    bounds.use(replace(Bounds(), rows=3))
    with pytest.raises(LimitExceeded):
        open_rows(path, ("utf-8",), ["a"])
    bounds.use(replace(Bounds(), rows=4))
    assert [len(chunk) for chunk in open_rows(path, ("utf-8",), ["a"]).chunks] == [3]


def test_a_workbook_without_a_sheet_and_an_impossible_cell_are_said(tmp_path: Path) -> None:
    cell = workbook(tmp_path / "far.xlsx", [HEAD, b'<row r="1"><c r="ZZZZZ1"><v>1</v></c></row>', TAIL])
    book = openpyxl.Workbook()
    book.create_chartsheet("picture")
    book.remove(book.worksheets[0])
    book.save(tmp_path / "none.xlsx")
    for path in (cell, tmp_path / "none.xlsx"):
        with pytest.raises(GridmgmtError, match="file_unreadable"):
            read_sheets(path, {"entries": ["code"]})
        with pytest.raises(FileUnreadable):
            list(open_rows(path, ("utf-8",), ["a"]).chunks)


BOMB = "a0: &a0 [1, 1]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
DOCUMENTS = {
    "aliases": BOMB,
    "depth": "a: " + "[" * 500 + "]" * 500,
    "deep keys": "".join("  " * n + "a:\n" for n in range(400)),
    "deeper than any stack": "a: " + "[" * 60_000,
    "digits": f"a: {'9' * 6000}",
    "size": "# " + "x" * 8_000_001,
}


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize(
    ("read", "error"),
    [
        (load_city, CityInvalid),
        (lambda path: load_rulebook(str(path)), RulebookInvalid),
        (lambda path: profiles.load(str(path)), ProfileInvalid),
    ],
)
def test_a_document_without_end_is_refused(
    tmp_path: Path, read: Callable[[Path], object], error: type[GridmgmtError], text: str
) -> None:
    path = tmp_path / "rulebook.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises((error, LimitExceeded)):
        read(path)
