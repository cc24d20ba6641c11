"""All levels located beside the leaf level alone joined by others, in one run: only the ratios carry over.

    python -m tests.benchmarks --only locator

Five million points, on all cores of the process; the peers have the same (geopandas can use one), join the first
million, and count by time per point. PostGIS is the checkout's own server. SedonaDB and DuckDB spatial are asked where
they can be imported: the product needs neither.

The coverage is synthetic: Voronoi cells, denser towards a centre, with every edge
cut into steps and bent, the same for both neighbours. The answers must be equal.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from sqlalchemy import text

from gridmgmt.database.copying import copy_in
from gridmgmt.database.work import Work
from gridmgmt.places.edition_locator import EditionLocator
from gridmgmt.places.locator import Locator
from gridmgmt.places.store import indexes
from tests.benchmarks import servers
from tests.benchmarks.rows import Row, Size, in_turn


def coverage(rng: np.random.Generator, n: int, vertices: int) -> gpd.GeoDataFrame:
    """About n grids of about so many vertices each; neighbours share their bent edges exactly."""
    seeds = np.clip(rng.normal(0.5, 0.22, (n, 2)), 0, 1) + rng.uniform(0, 1e-3, (n, 2))
    window = shapely.box(-0.1, -0.1, 1.1, 1.1)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=window))
    cells = shapely.intersection(cells, window)
    step = shapely.length(cells).sum() / (len(cells) * vertices)
    cells = shapely.segmentize(shapely.set_precision(cells, 1e-9), step)
    return gpd.GeoDataFrame({"code": [f"{i:012d}" for i in range(len(cells))]}, geometry=bend(cells, step))


def bend(cells: np.ndarray, step: float) -> np.ndarray:
    """Shift every vertex by a wave of its own place: a smooth map keeps shared vertices shared."""

    def wave(xy: np.ndarray) -> np.ndarray:
        return xy + 0.8 * step * np.sin(xy[:, ::-1] / (2 * step))

    return shapely.transform(cells, wave)


def points(rng: np.random.Generator, grids: gpd.GeoDataFrame, n: int) -> np.ndarray:
    """Clustered as cases are: most near some grid's centre, one in ten anywhere, some of them outside."""
    centres = shapely.get_coordinates(shapely.centroid(grids.geometry.to_numpy()))[rng.integers(0, len(grids), n)]
    near = centres + rng.normal(0, 0.01, (n, 2))
    return np.where(rng.random((n, 1)) < 0.1, rng.uniform(-0.15, 1.15, (n, 2)), near)


def by_sjoin(places: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> np.ndarray:
    """The same rule with geopandas, in its fastest form: polygons on the left are prepared, points are not."""
    joined = grids.sjoin(places, predicate="covers")
    owner = np.full(len(places), -1)
    owner[joined["index_right"].to_numpy()[::-1]] = joined.index.to_numpy()[::-1]  # grids stand in code order
    return owner


def edition(grids: gpd.GeoDataFrame, per_side: int) -> pd.DataFrame:
    """Leaves, streets of about twelve, districts of about nine streets, the city: an edition's frame.

    The upper ones are hulls of their leaves: only points in no leaf are looked up in them.
    """
    leaves = grids.geometry.to_numpy()
    middle = shapely.get_coordinates(shapely.centroid(leaves)).clip(0, 0.999)
    parts, above = [], np.full(len(grids), "city", dtype=object)
    for level, side in ((2, max(per_side // 3, 1)), (3, per_side)):
        column, row = (middle * side).astype(int).T
        code = np.array([f"{level}{c:03d}{r:03d}" for c, r in zip(column, row, strict=True)], dtype=object)
        member = pd.DataFrame({"code": code, "parent_code": above}).drop_duplicates("code")
        shapes = [_hull(leaves[code == x]) for x in member["code"]]
        parts.append(member.assign(level=level, geometry=shapes))
        above = code
    parts.append(pd.DataFrame({"level": 4, "code": grids["code"], "parent_code": above, "geometry": grids.geometry}))
    city = pd.DataFrame({"level": [1], "code": ["city"], "parent_code": [None], "geometry": [_hull(leaves)]})
    return pd.concat([city, *parts], ignore_index=True)


def _hull(shapes: np.ndarray) -> shapely.Geometry:
    return shapely.convex_hull(shapely.geometrycollections(shapes))


def sedona(wkb: list[bytes], lon: np.ndarray, lat: np.ndarray, n_cores: int) -> Callable[[], object]:
    """The join by SedonaDB, its tables made before."""
    made = import_module("sedonadb").connect()
    made.sql(f"set datafusion.execution.target_partitions = {n_cores}")
    made.create_data_frame(pa.table({"p": np.arange(lon.size), "x": lon, "y": lat})).to_view("xy")
    made.create_data_frame(pa.table({"g": np.arange(len(wkb)), "w": wkb})).to_view("wkb")
    made.sql("select g, ST_GeomFromWKB(w) as geom from wkb").to_memtable().to_view("polys")
    made.sql("select p, ST_Point(x, y) as geom from xy").to_memtable().to_view("pts")
    ask = "select pts.p, polys.g from pts join polys on ST_Covers(polys.geom, pts.geom)"
    return lambda: made.sql(ask).to_arrow_table()


def duckdb(wkb: list[bytes], lon: np.ndarray, lat: np.ndarray, n_cores: int) -> Callable[[], object]:
    """The join by DuckDB spatial, its tables made before; the extension must be installed."""
    made = import_module("duckdb").connect(config={"threads": n_cores})
    made.execute("load spatial")
    made.register("xy", pa.table({"p": np.arange(lon.size), "x": lon, "y": lat}))
    made.register("wkb", pa.table({"g": np.arange(len(wkb)), "w": wkb}))
    made.execute("create table polys as select g, ST_GeomFromWKB(w) as geom from wkb")
    made.execute("create table pts as select p, ST_Point(x, y) as geom from xy")
    ask = "select pts.p, polys.g from pts join polys on ST_Covers(polys.geom, pts.geom)"
    return lambda: made.execute(ask).fetch_arrow_table()


def postgis(work: Work, wkb: list[bytes], lon: np.ndarray, lat: np.ndarray, n_cores: int) -> Callable[[], object]:
    """The join by PostGIS, its tables and their index made before; the pairs are counted, not sent."""
    frames = {"polys": pd.DataFrame({"g": np.arange(len(wkb)), "geom": [x.hex() for x in wkb]})}
    frames["pts"] = pd.DataFrame({"p": np.arange(lon.size), "geom": shapely.to_wkb(shapely.points(lon, lat), hex=True)})
    with work.engine.begin() as connection:
        for name, frame in frames.items():
            connection.execute(text(f"CREATE TABLE {name} ({frame.columns[0]} bigint, geom geometry)"))
            copy_in(connection, name, frame)
            connection.execute(text(f"CREATE INDEX ON {name} USING gist (geom)"))
            connection.execute(text(f"ANALYZE {name}"))
    ask = text("SELECT count(*), sum(polys.g) FROM pts JOIN polys ON ST_Covers(polys.geom, pts.geom)")

    def joined() -> object:
        with work.engine.begin() as connection:
            connection.execute(text(f"SET LOCAL max_parallel_workers_per_gather = {n_cores}"))
            return connection.execute(ask).one()

    return joined


def beside(size: Size, n_leaves: int) -> Iterator[Row]:
    """All levels of a city of so many leaves, and the build, beside each peer that is there."""
    with servers.database("bench_locator", size) as work:
        yield from _beside(work, size, n_leaves)


def _beside(database: Work, size: Size, n_leaves: int) -> Iterator[Row]:
    n_points, n_joined, runs = {"full": (5_000_000, 1_000_000, 5), "quick": (5_000, 1_000, 1)}[size]
    rng = np.random.default_rng(1)
    grids = coverage(rng, n_leaves, 190)
    frame = edition(grids, max(round((n_leaves / 12) ** 0.5), 1))
    lon, lat = np.ascontiguousarray(points(rng, grids, n_points).T)
    places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon[:n_joined], lat[:n_joined]))
    made = EditionLocator(frame, 4)
    (join, peer), (found, expected) = in_turn([lambda: made.locate(lon, lat), lambda: by_sjoin(places, grids)], runs)
    rank = np.append(np.arange(-len(frame) + len(grids), len(grids)), -1)  # the leaves stand at the frame's end
    if wrong := int((np.where(found[:n_joined, 3] < 0, -1, rank[found[:n_joined, 3]]) != expected).sum()):
        raise RuntimeError(f"{wrong} places have another owner")
    work, note = f"{n_points} points, {len(grids)} leaves, 4 levels", f"{join:.3f} s"
    share = n_points / n_joined
    yield Row(f"locate-{n_leaves}", work, "geopandas.sjoin, leaves", peer * share / join, 60, least=True, note=note)
    wkb = [bytes(x) for x in shapely.to_wkb(grids.geometry.to_numpy())]
    for name, prepare in (("PostGIS", partial(postgis, database)), ("SedonaDB", sedona), ("DuckDB spatial", duckdb)):
        row = Row(f"locate-{n_leaves}-{name.split()[0].lower()}", work, f"{name}, leaves", None, 60, True)
        try:
            other = prepare(wkb, lon[:n_joined], lat[:n_joined], len(os.sched_getaffinity(0)))
        except Exception as why:  # a peer that is not there or not as it was says so in its row
            yield replace(row, note=f"{type(why).__name__}: {why}".splitlines()[0][:80])
            continue
        (join, other_join), _ = in_turn([lambda: made.locate(lon, lat), other], runs)
        yield replace(row, ratio=other_join * share / join, note=f"{join:.3f} s")
    codes, geometries = grids["code"].tolist(), grids.geometry.to_numpy()
    (build,), _ = in_turn([lambda: Locator.build(codes, geometries)], runs)
    sjoin = f"geopandas.sjoin of {n_joined} points"
    yield Row(f"locate-build-{n_leaves}", f"the index of {len(grids)} leaves", sjoin, build / peer, 0.3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"kept{indexes.ENDING}"
        indexes.write(path, made.levels())
        (opened, laid), _ = in_turn([lambda: opened_at(path, frame, lon, lat), lambda: laid_at(frame, lon, lat)], runs)
        size_mb = path.stat().st_size / 1e6
    work = f"the kept index of {len(grids)} leaves, 4 levels, opened, 1 place"
    yield Row(
        f"locate-open-{n_leaves}", work, "laying it", opened / laid, 0.1, note=f"{opened:.3f} s, {size_mb:.0f} MB"
    )


def opened_at(path: Path, frame: pd.DataFrame, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """The grids of the first place, by the file."""
    laid = indexes.read(path)
    if laid is None:
        raise RuntimeError("the kept index is not as it was written")
    return EditionLocator(frame, 4, laid).line_at(lon[0], lat[0])


def laid_at(frame: pd.DataFrame, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """The same by an index of all levels laid in memory."""
    made = EditionLocator(frame, 4)
    made.levels()
    return made.line_at(lon[0], lat[0])


def rows(size: Size) -> Iterator[Row]:
    """A city of middle size and a large one."""
    for n_leaves in {"full": (4_000, 17_000), "quick": (100,)}[size]:
        yield from beside(size, n_leaves)
