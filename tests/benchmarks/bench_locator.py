"""The spatial join beside geopandas.sjoin, in one run on one machine: only the ratios carry over.

    python -m tests.benchmarks --only locator

The coverage is synthetic: Voronoi cells, denser towards a centre, with every edge
cut into steps and bent, the same for both neighbours. The answers must be equal.
"""

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import shapely

from gridmgmt.places.locator import Locator
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


def rows(size: Size) -> Iterator[Row]:
    """The join on one core, beside geopandas on one core; and the build beside such a join."""
    n_polygons, n_points = {"full": (4000, 1_000_000), "quick": (100, 5_000)}[size]
    rng = np.random.default_rng(1)
    grids = coverage(rng, n_polygons, 190)
    lon, lat = np.ascontiguousarray(points(rng, grids, n_points).T)
    places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat))
    codes, geometries = grids["code"].tolist(), grids.geometry.to_numpy()
    made = Locator.build(codes, geometries)
    works = [lambda: made.owners(lon, lat), lambda: by_sjoin(places, grids)]
    (join, peer), (owner, expected) = in_turn(works, {"full": 5, "quick": 1}[size])
    if wrong := int((np.asarray(owner) != np.asarray(expected)).sum()):
        raise RuntimeError(f"{wrong} places have another owner")
    (build,), _ = in_turn([lambda: Locator.build(codes, geometries)], {"full": 5, "quick": 1}[size])
    work = f"{n_points} points in {len(grids)} leaves"
    yield Row("locate", work, "geopandas.sjoin", peer / join, 27, least=True, note=f"{join:.3f} s")
    yield Row("locate-build", "the locator's index", "geopandas.sjoin of the points", build / peer, 0.3)
