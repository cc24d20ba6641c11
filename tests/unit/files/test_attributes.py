"""The texts of a shapefile are read in the encoding of their bytes, whatever its .cpg says or leaves out."""

import struct
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from gridmgmt.errors import FileUnreadable
from gridmgmt.files.rows import X, Y
from gridmgmt.files.tabular import open_rows
from gridmgmt.places.readers import boundaries
from gridmgmt.places.readers.boundaries import Source

NAMES = ["社区甲", "解放路 1 号", "plain"]


def shapefile(
    folder: Path, encoding: str, cpg: str | None, header: bytes | None = None, value: bytes | None = None
) -> Path:
    """Points with a column of names, written byte by byte as old programs do."""
    shapes = [shapely.Point(114 + i, 30) for i in range(3)]
    gpd.GeoDataFrame({"x": ["1", "2", "3"]}, geometry=shapes, crs=4490).to_file(folder / "a.shp")
    width = 18
    values = [name.encode(encoding).ljust(width) for name in NAMES]
    if value is not None:
        values[0] = value.ljust(width)
    name = ("名称".encode(encoding) if header is None else header).ljust(11, b"\0")
    field = name + b"C" + b"\0" * 4 + bytes([width, 0]) + b"\0" * 14
    head = struct.pack("<BBBBIHH20x", 3, 125, 1, 1, 3, 32 + 32 + 1, width + 1)
    (folder / "a.dbf").write_bytes(head + field + b"\r" + b"".join(b" " + v for v in values) + b"\x1a")
    (folder / "a.cpg").unlink()
    if cpg is not None:
        (folder / "a.cpg").write_text(cpg)
    return folder / "a.shp"


def names(path: Path) -> dict[str, list[str]]:
    frame = boundaries.read_as_is(Source(path, None)).drop(columns="geometry")
    return {str(c): frame[c].tolist() for c in frame.columns}


@pytest.mark.parametrize(
    ("encoding", "cpg"),
    [
        ("gbk", None),
        ("utf-8", None),
        ("gbk", "GBK"),
        ("gbk", "936"),
        ("utf-8", "UTF-8"),
        ("gbk", "OEM 936"),
        ("gbk", "?"),
    ],
)
def test_headers_and_values_in_their_own_encoding(tmp_path: Path, encoding: str, cpg: str | None) -> None:
    path = shapefile(tmp_path, encoding, cpg)
    assert names(path) == {"名称": [NAMES[0], NAMES[1], NAMES[2]]}
    rows = open_rows(path, ("utf-8", "gb18030"), ("名称", X, Y))
    assert next(rows.chunks)["名称"].tolist() == NAMES


@pytest.mark.parametrize(
    ("encoding", "cpg"), [("gbk", "UTF-8"), ("utf-8", "GBK"), ("gbk", "ISO-8859-1"), ("utf-8", "1252")]
)
def test_a_cpg_that_lies_is_told_and_overruled_only_by_who_hands_the_file_in(
    tmp_path: Path, encoding: str, cpg: str
) -> None:
    path = shapefile(tmp_path, encoding, cpg)
    with pytest.raises(FileUnreadable) as e:
        names(path)
    assert isinstance(e.value.reason, dict)
    assert (e.value.reason["code"], e.value.reason["found"]) == (
        "unreadable_cpg",
        "utf-8" if encoding == "utf-8" else "gb18030",
    )
    assert boundaries.read_as_is(Source(path, None), encoding)["名称"].tolist() == NAMES


def test_western_texts_with_a_western_cpg_stand(tmp_path: Path) -> None:
    path = shapefile(tmp_path, "utf-8", "ISO-8859-1", header=b"name", value="Caf\xe9 d\xfc".encode("latin-1"))
    (tmp_path / "a.dbf").write_bytes(
        (tmp_path / "a.dbf").read_bytes().replace(NAMES[1].encode().ljust(12)[:12], b"B" * 12)
    )
    assert names(path)["name"][0] == "Café dü"


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_what_is_cut_inside_a_character_loses_that_piece(tmp_path: Path, encoding: str) -> None:
    header, value = "网格单元名称甲".encode(encoding), "x甲乙丙丁戊己庚辛壬".encode(encoding)
    odd = header[:10] if encoding == "utf-8" else header[:9]
    found = names(shapefile(tmp_path, encoding, None, header=odd, value=value[:18]))
    assert [*found] == ["网格单" if encoding == "utf-8" else "网格单元"]
    assert next(iter(found.values()))[0] == ("x甲乙丙丁戊" if encoding == "utf-8" else "x甲乙丙丁戊己庚辛")


def test_texts_in_no_encoding_are_told_and_one_given_is_the_only_one_tried(tmp_path: Path) -> None:
    path = shapefile(tmp_path, "gbk", None, value=b"\xff\xff A")
    for given in (None, "utf-8"):
        with pytest.raises(FileUnreadable) as e:
            boundaries.read_as_is(Source(path, None), given)
        assert isinstance(e.value.reason, dict)
        assert e.value.reason["encodings"] == (["utf-8"] if given else ["utf-8", "gb18030"])
