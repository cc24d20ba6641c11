"""Boundary files: which layers are read, and every format comes out in storage coordinates."""

import gzip
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gridmgmt import bounds
from gridmgmt.bounds import Bounds
from gridmgmt.errors import (
    CrsLooksProjected,
    CrsMissing,
    CrsUnknown,
    FileUnreadable,
    FormatForeign,
    GeometryTooLarge,
    LimitExceeded,
)
from gridmgmt.files import geofiles
from gridmgmt.files.tabular import open_rows
from gridmgmt.places.readers import boundaries
from gridmgmt.places.readers.boundaries import Source


def squares(crs: object = 4490) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"code": ["1", "2"]}, geometry=[shapely.box(114 + i, 22, 115 + i, 23) for i in (0, 1)], crs=crs
    )


def layers(path: Path) -> list[str | None]:
    return [s.layer for s in boundaries.layers_of(Source.parse(str(path)))]


def test_file_and_layer(tmp_path: Path) -> None:
    plain, odd = tmp_path / "a.gpkg", tmp_path / "b:c.gpkg"
    for path in (plain, odd):
        squares().to_file(path, layer="街道")
    assert Source.parse(str(plain)) == Source(plain, None)
    assert Source.parse(f"{plain}:街道") == Source(plain, "街道")
    assert Source.parse(str(odd)) == Source(odd, None)
    assert Source.parse(f"{odd}:街道").label == "b:c.gpkg:街道"
    assert Source.parse("absent.gpkg:x") == Source(Path("absent.gpkg:x"), None)


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.parquet", "a.GeoParquet"])
def test_every_format_comes_out_in_storage_coordinates(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frame = squares(4326 if "json" in name else 4490).to_crs(4326 if "json" in name else 4547)
    if "parquet" in name.lower():
        frame.rename_geometry("边界").to_parquet(path)
    else:
        frame.to_file(path)
    (source,) = boundaries.layers_of(Source.parse(str(path)))
    found = boundaries.read(source)
    assert found.crs.to_epsg() == 4490
    assert found.geometry.name == "geometry"
    assert found["code"].tolist() == ["1", "2"]
    assert found.total_bounds == pytest.approx([114, 22, 116, 23], abs=1e-6)


def test_the_layers_that_hold_polygons_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    points = gpd.GeoDataFrame({"code": ["p"]}, geometry=[shapely.Point(114, 22)], crs=4490)
    points.to_file(path, layer="采集点")
    assert layers(path) == [None]
    squares().to_file(path, layer="街道")
    assert layers(path) == ["街道"]
    assert len(boundaries.read(boundaries.layers_of(Source(path, None))[0])) == 2
    squares().to_file(path, layer="社区")
    assert layers(path) == ["街道", "社区"]
    assert layers(Path(f"{path}:采集点")) == ["采集点"]
    with pytest.raises(FileUnreadable) as e:
        layers(Path(f"{path}:区县"))
    assert e.value.reason == {"code": "unreadable_no_layer", "layer": "区县", "known": ["采集点", "街道", "社区"]}


def test_several_layers_without_a_polygon_are_refused(tmp_path: Path) -> None:
    points = gpd.GeoDataFrame({"code": ["p"]}, geometry=[shapely.Point(114, 22)], crs=4490)
    for name in ("a", "b"):
        points.to_file(tmp_path / "a.gpkg", layer=name)
    with pytest.raises(FileUnreadable):
        layers(tmp_path / "a.gpkg")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gpkg").write_bytes(b"SQLite")
    pd.DataFrame({"code": ["1"]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("code\n1\n")
    kinds = {"a.gpkg": FormatForeign, "a.csv": FormatForeign, "absent.gpkg": FileUnreadable}
    for name, kind in kinds.items():
        with pytest.raises(kind):
            layers(tmp_path / name)
    with pytest.raises(FileUnreadable):
        boundaries.read(Source(tmp_path / "a.parquet", None))


def test_a_given_system_overrides_the_label_and_none_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    squares().to_crs(4547).set_crs(4490, allow_override=True).to_file(path)
    with pytest.raises(CrsLooksProjected):
        boundaries.read(Source(path, None))
    assert boundaries.read(Source(path, None), "epsg:4547").total_bounds == pytest.approx([114, 22, 116, 23], abs=1e-6)
    with pytest.raises(CrsUnknown):
        boundaries.read(Source(path, None), "epsg:1")
    bare = tmp_path / "bare.parquet"
    squares(None).to_parquet(bare)
    with pytest.raises(CrsMissing):
        boundaries.read(Source(bare, None))


@pytest.mark.parametrize("name", ["a.geojson.gz", "a.gpkg.gz", "a.zip", "folder.zip"])
def test_compressed_files_are_read(tmp_path: Path, name: str) -> None:
    path, inside = tmp_path / name, tmp_path / name.removesuffix(".gz")
    if name.endswith(".gz"):
        squares(4326 if "json" in name else 4490).to_file(inside)
        path.write_bytes(gzip.compress(inside.read_bytes()))
    else:
        squares().to_file(tmp_path / "b.shp")
        with zipfile.ZipFile(path, "w") as archive:
            for file in tmp_path.glob("b.*"):
                archive.write(file, f"{name[:-4]}/{file.name}")
    (source,) = boundaries.layers_of(Source(path, None))
    assert boundaries.read(source).total_bounds == pytest.approx([114, 22, 116, 23], abs=1e-6)


VRT = '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.vrt", VRT), ("a.gpkg", VRT), ("a.kml", "<?xml version='1.0'?>\n" + VRT), ("a.geojson", VRT), ("a.json", "[]"),
     ("a.geojson", '{{"type": "gdal_streamed_alg", "command_line": "gdal vector convert {} x"}}'),
     ("a.gml", "<OGRWFSDataSource><URL>http://localhost/{}</URL></OGRWFSDataSource>"),
     ("a.tab", "!table\nDefinition Table\n Type LINKED\n{}"), ("a.shp", "{}"), ("a.csv", "code\n{}")],
)  # fmt: skip
def test_what_points_elsewhere_or_is_not_what_its_name_says_is_not_opened(
    tmp_path: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    squares().to_file(tmp_path / "other.gpkg")
    (tmp_path / name).write_text(text.format(tmp_path / "other.gpkg"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(tmp_path / name, name)
    monkeypatch.setattr("pyogrio.list_layers", lambda path: pytest.fail("GDAL opened it"))
    for file in (name, "b.zip"):
        with pytest.raises(FormatForeign):
            layers(tmp_path / file)


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../out.geojson", "{}")
    with pytest.raises(FormatForeign):
        layers(tmp_path / "a.zip")


def limited(monkeypatch: pytest.MonkeyPatch, **changes: int) -> None:
    found = geofiles.limits().model_copy(update=changes)
    monkeypatch.setattr(geofiles, "limits", lambda: found)


@pytest.mark.parametrize(
    ("limit", "what", "n", "row"),
    [({"max_features": 1}, "features", 2, None), ({"max_ring": 6}, "ring", 7, 2), ({"max_feature": 6}, "feature", 7, 2),
     ({"max_vertices": 11}, "vertices", 12, None)],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.gpkg", "a.parquet"])
def test_a_larger_file_is_refused_in_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    limit: dict[str, int],
    what: str,
    n: int,
    row: int | None,
) -> None:
    frame = squares()
    frame.loc[1, "geometry"] = shapely.Polygon([(115, 22), (116, 22), (116, 22.5), (116, 23), (115, 23), (115, 22.5)])
    (frame.to_parquet if name == "a.parquet" else frame.to_file)(tmp_path / name)
    for key, most in limit.items():
        limited(monkeypatch, **{key: most + 1})
        boundaries.read(Source(tmp_path / name, None))
    limited(monkeypatch, **limit)
    with pytest.raises(GeometryTooLarge) as e:
        boundaries.read(Source(tmp_path / name, None))
    assert (e.value.what, e.value.n, e.value.row) == (what, n, row)


@pytest.mark.parametrize("limit", ["file_mb", "rows", "columns", "unpacked_mb"])
def test_geoparquet_is_refused_by_what_it_says_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """100 000 rows of one and the same: small as a file, and none of them is read."""
    bounds.use(replace(Bounds(), **{limit: 0}))
    path = tmp_path / "a.parquet"
    frame = gpd.GeoDataFrame(
        {"code": np.arange(100_000.0), "name": "甲"}, geometry=[shapely.Point(114, 22)] * 100_000, crs=4490
    )
    frame.to_parquet(path)
    monkeypatch.setattr("pyarrow.parquet.ParquetFile.read", lambda *_, **__: pytest.fail("its rows were read"))
    try:
        for read in (
            lambda: boundaries.read_as_is(Source(path, None)),
            lambda: _rows(path, "geometry.x"),
            lambda: _rows(path, "code"),
        ):
            with pytest.raises(LimitExceeded) as told:
                read()
            assert (told.value.limit, told.value.setting) == (limit, f"GRIDMGMT_MAX_{limit.upper()}")
            assert told.value.found > 0
    finally:
        bounds.use(Bounds())
    monkeypatch.undo()
    assert len(boundaries.read_as_is(Source(path, None))) == 100_000


def _rows(path: Path, column: str) -> object:
    return list(open_rows(path, ("utf-8",), [column]).chunks)


def test_points_of_geoparquet_are_limited_like_those_of_other_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpd.GeoDataFrame({"a": ["1", "2"]}, geometry=[shapely.Point(114, 22)] * 2, crs=4490).to_parquet(
        tmp_path / "a.parquet"
    )
    limited(monkeypatch, max_features=1)
    with pytest.raises(GeometryTooLarge):
        _rows(tmp_path / "a.parquet", "geometry.x")


def test_what_a_gz_unpacks_to_is_counted_while_it_unpacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.geojson.gz").write_bytes(gzip.compress(b"{" + b" " * 10_000_000))
    limited(monkeypatch, max_bytes=2_000_000)
    with pytest.raises(GeometryTooLarge) as e:
        layers(tmp_path / "a.geojson.gz")
    assert e.value.what == "bytes"


def test_a_tangled_ring_is_refused_at_once(tmp_path: Path) -> None:
    """3 000 corners at random cross each other a million times: mending them took minutes and gigabytes."""
    corners = np.random.default_rng(1).uniform((114, 22), (115, 23), (3000, 2))
    gpd.GeoDataFrame({"code": ["1"]}, geometry=[shapely.Polygon(corners)], crs=4490).to_file(tmp_path / "a.gpkg")
    begun = time.process_time()
    with pytest.raises(GeometryTooLarge) as e:
        boundaries.read(Source(tmp_path / "a.gpkg", None))
    assert (e.value.what, e.value.row) == ("crossings", 1)
    assert time.process_time() - begun < 5
