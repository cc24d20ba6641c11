"""The spatial join beside geopandas.sjoin, in one run on one machine: only the ratios carry over.

    python -m tests.benchmarks.bench_locator --polygons 4000 --vertices 190 --points 1000000

The coverage is synthetic: Voronoi cells, denser towards a centre, with every edge
cut into steps and bent, the same for both neighbours. The answers must be equal.
"""

import argparse
import sys
import time
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import shapely

from gridmgmt.places.locator import Locator


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


def timed(label: str, work: Callable[[], object], repeat: int) -> tuple[float, object]:
    """Best of some runs, in seconds, and the result."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    print(f"{label:<34} {best:8.3f} s")
    return best, result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--polygons", type=int, default=4000)
    parser.add_argument("--vertices", type=int, default=190, help="per polygon")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    grids = coverage(rng, asked.polygons, asked.vertices)
    xy = points(rng, grids, asked.points)
    lon, lat = np.ascontiguousarray(xy.T)
    places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat))
    n_vertices = int(shapely.get_num_coordinates(grids.geometry.to_numpy()).sum())
    print(f"{len(grids)} polygons, {n_vertices} vertices, {len(lon)} points")

    codes, geometries = grids["code"].tolist(), grids.geometry.to_numpy()
    build, made = timed("Locator.build", lambda: Locator.build(codes, geometries), asked.repeat)
    assert isinstance(made, Locator)
    join, owner = timed("Locator.owners", lambda: made.owners(lon, lat), asked.repeat)
    peer, expected = timed("geopandas.sjoin + smallest code", lambda: by_sjoin(places, grids), asked.repeat)
    wrong = int((np.asarray(owner) != np.asarray(expected)).sum())
    print(f"assigned {np.mean(np.asarray(owner) >= 0):.4f}, answers that differ: {wrong}")
    print(f"ratio: join {peer / join:.1f}, build + join {peer / (build + join):.1f} times as fast as geopandas.sjoin")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
