"""A district of ten towns and streets, two communities each, with a layer for every object that `huiji` samples."""

import csv
import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from gridmgmt.assessing.operations import subjects
from gridmgmt.city import City, Level
from gridmgmt.database import batches, cities
from gridmgmt.database.work import Work
from gridmgmt.places import layers
from gridmgmt.places.store import layers as layer_store
from tests.postgis.towns import SIDE, SOUTH, WEST, add_edition, box

LEVELS = (
    Level(1, "city", "市", "City"),
    Level(2, "district", "区", "District"),
    Level(3, "street", "街道", "Street"),
    Level(4, "community", "社区", "Community"),
)
CITY = City("C", "小城", "Town", "Asia/Shanghai", 4547, levels=LEVELS, scheme="town")
UNITS = [f"S{n:02}" for n in range(10)]
TOWNS = UNITS[6:]
WITHOUT = {
    "S00": "no_air_defence",
    "S06": "no_air_defence",
    "S07": "no_air_defence",
    "S08": "no_market",
    "S09": "no_market",
}
"""1 street and 2 towns have no civil air defence works, 2 towns have no farm market."""

POINTS = {
    "sites": 1, "transfer_stations": 1, "toilets": 1, "markets": 1, "estates": 1, "five_small": 4, "villages": 2,
    "vector_points": 3, "gardens": 1, "air_defence": 1,
}  # fmt: skip
"""Layer → how many objects stand in each community."""


def grids() -> dict[str, tuple[str, str | None, shapely.Geometry]]:
    """The district's grids, west to east."""
    out: dict[str, tuple[str, str | None, shapely.Geometry]] = {
        "C": ("city", None, box(0, 0, 10, 2)), "D": ("district", "C", box(0, 0, 10, 2)),
    }  # fmt: skip
    for n, unit in enumerate(UNITS):
        out[unit] = ("street", "D", box(n, 0, 1, 2))
        for row in (0, 1):
            out[f"{unit}-{row}"] = ("community", unit, box(n, row))
    return out


def place(n: int, x: float, y: float) -> tuple[float, float]:
    """A point by sides from the south-west corner of unit n."""
    return WEST + (n + x) * SIDE, SOUTH + y * SIDE


def roads() -> dict[str, tuple[str, shapely.Geometry]]:
    """Code → class and line: of each class two in every unit, along its communities and across; one through all."""
    out: dict[str, tuple[str, shapely.Geometry]] = {
        "M-all": ("main", shapely.LineString([place(0, 0, 0.75), place(9, 1, 0.75)]))
    }
    for n, unit in enumerate(UNITS):
        for k, name in enumerate(("main", "secondary", "back")):
            x = 0.2 + 0.2 * k
            out[f"{name}-{unit}-long"] = (name, shapely.LineString([place(n, x, 0.1), place(n, x, 1.6)]))
            out[f"{name}-{unit}-short"] = (name, shapely.LineString([place(n, 0.1, 1.1 + x), place(n, 0.9, 1.1 + x)]))
    return out


def add_layer(
    work: Work,
    kind: str,
    rows: Mapping[str, tuple[str | None, shapely.Geometry]],
    first: dt.date = dt.date(2025, 1, 1),
) -> None:
    """Keep a layer: code → class and shape."""
    table = pd.DataFrame({"code": list(rows), "class": [c for c, _ in rows.values()]}, dtype=object)
    for column in ("name_en", "unit_code", "land_owner", "category"):
        table[column] = None
    named = table.assign(name_zh="名" + table["code"], buffer_m=float("nan"), attributes=[{}] * len(table))
    frame = gpd.GeoDataFrame(named, geometry=[shape for _, shape in rows.values()], crs=4490)
    with work.transaction() as connection:
        batch_id = batches.new_batch(connection, "layer", file=f"{kind}.gpkg", file_sha256=kind)
        layer_store.insert(
            connection, kind, kind, first, frame, sha256=layers.sha256(frame), batch_id=batch_id,
            known_at=batches.stamp_batch(connection, batch_id),
        )  # fmt: skip


def found(work: Work, path: Path, points: Mapping[str, int] = POINTS) -> None:
    """The district with its edition, its layers and the list of `huiji`."""
    with work.transaction() as connection:
        cities.save_city(connection, CITY)
    add_edition(work, path, grids=grids())
    add_layer(work, "roads", roads())
    for kind, count in points.items():
        rows: dict[str, tuple[str | None, shapely.Geometry]] = {
            f"{unit}-{row}-{k}": (None, shapely.Point(place(n, 0.1 + 0.8 * k / count, row + 0.33)))
            for n, unit in enumerate(UNITS)
            for row in (0, 1)
            for k in range(count)
        }
        add_layer(work, kind, rows)
    list_units(work, path)


def list_units(work: Work, path: Path) -> None:
    """The rulebook's list: six streets and four towns."""
    with (path / "units.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "name_zh", "group", "attributes"])
        for unit in UNITS:
            writer.writerow([unit, f"镇办{unit}", "town" if unit in TOWNS else "street", WITHOUT.get(unit, "")])
    subjects.import_subjects(work, "huiji", path / "units.csv")
