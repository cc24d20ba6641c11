"""Boundary files: which layers are read, and every format comes out in storage coordinates."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from gridmgmt.errors import CrsLooksProjected, CrsMissing, CrsUnknown, FileUnreadable
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
    for name in ("a.gpkg", "absent.gpkg"):
        with pytest.raises(FileUnreadable):
            layers(tmp_path / name)
    for name in ("a.parquet", "a.csv"):
        with pytest.raises(FileUnreadable):
            boundaries.read(Source(tmp_path / name, None))


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
