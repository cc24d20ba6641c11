"""The small city with all that map software reads: a second edition, layers with a predecessor, samples, odd names.

Edition 2025 holds from 2024-01-01, edition 2026 from 2026-03-01: the first community has another name then. The layer
of roads has two roads, from 2026-02-01 three. Samples s/1 and s 2 have numbers that an address must quote.
"""

import csv
import datetime as dt
from pathlib import Path

import geopandas as gpd
import shapely

from gridmgmt.database.work import Work
from gridmgmt.intake.operations import imports
from gridmgmt.places.operations import editions, layers
from tests.api import small_city
from tests.api.small_city import NASTY, SIDE, SOUTH, WEST, centre

RENAMED = "望湖新社区"
KNOWN = (114.005, 30.005)
"""Where ten cases lie: longitude, latitude; and the same point by PROJ in metres, north before east."""
KNOWN_M = (3320667.6708, 500482.4072)


def build(work: Work, folder: Path) -> None:
    """The city with everything."""
    small_city.build(work, folder)
    grids = gpd.read_file(folder / "grids.gpkg", engine="pyogrio")
    grids.loc[grids["name"] == small_city.NAMES[0], "name"] = RENAMED
    grids.to_file(folder / "later.gpkg", engine="pyogrio")
    editions.import_grids(work, [str(folder / "later.gpkg")], "2026")
    editions.activate(work, "2026", dt.date(2026, 3, 1))
    for n, first in ((2, dt.date(2025, 1, 1)), (3, dt.date(2026, 2, 1))):
        _roads(n).to_file(folder / f"roads{n}.gpkg", engine="pyogrio")
        layers.import_layer(work, folder / f"roads{n}.gpkg", "roads", name="主干 道/A", valid_from=first)
    _sites().to_file(folder / "sites.gpkg", engine="pyogrio")
    layers.import_layer(work, folder / "sites.gpkg", "sites", valid_from=dt.date(2025, 1, 1))
    _write_samples(folder / "samples.csv")
    report = imports.import_file(work, folder / "samples.csv", "demo_samples")
    assert (report.n_new, report.n_quarantined) == (5, 0), report


def _roads(n: int) -> gpd.GeoDataFrame:
    lines = [shapely.LineString([(WEST, y), (WEST + 0.0123456789, y)]) for y in (SOUTH + 0.001 * i for i in range(n))]
    rows = {
        "code": [f"R{i}" for i in range(n)],
        "name": [NASTY, *(f"路{i}" for i in range(1, n))],
        "class": ["main", "back", "secondary"][:n],
        "surface": ["沥青"] * n,
    }
    return gpd.GeoDataFrame(rows, geometry=lines, crs=4490)


def _sites() -> gpd.GeoDataFrame:
    shapes = [shapely.Point(*centre(3)), shapely.box(WEST, SOUTH, WEST + SIDE / 2, SOUTH + SIDE / 2)]
    return gpd.GeoDataFrame({"code": ["S1", "S2"], "name": ["一号工地", "二号工地"]}, geometry=shapes, crs=4490)


def _write_samples(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["样本编号", "检查时间", "样本类型", "检查对象", "得分", "检查发现", "经度", "纬度", "坐标系"])
        for n, number in enumerate(["s/1", "s 2", "s3", "s4", "s5"]):
            at = f"2025-12-{10 + n} 10:00:00"
            writer.writerow([number, at, "site", "main_road", 80.5 + n, "", *centre(n), "CGCS2000"])
