"""A plane divided into cells that share their edges: Voronoi cells with rough, natural edges.

Every edge is roughened once and both cells are built from the same points, so
neighbours agree to the last bit and any union of cells is exact.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from gridmgmt.city import STORAGE_EPSG

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

METRIC_EPSG = 4547
"""CGCS2000 / 3-degree Gauss-Kruger, central meridian 114° E: the plane of the demo city."""

MAX_PULL = 0.42
"""No edge point moves further than this share of the way to a cell's site."""

_PIECE_M = 70.0
"""Edges are roughened down to pieces of about this length."""

_MAX_DEPTH = 4
"""At most 2⁴ = 16 pieces an edge."""


def to_degrees(xy: Floats, decimals: int = 9) -> Floats:
    """Metric coordinates, shape (n, 2), as CGCS2000 lon, lat.

    Nine decimals are 0.1 mm and 12 significant digits: they survive CSV and
    Excel (15 digits) unchanged, so a stored corner can be met exactly.
    """
    lon, lat = Transformer.from_crs(METRIC_EPSG, STORAGE_EPSG, always_xy=True).transform(xy[:, 0], xy[:, 1])
    return np.round(np.column_stack([lon, lat]), decimals)


@dataclass(frozen=True)
class Mesh:
    """Voronoi cells as rings of shared edges.

    Attributes
    ----------
    sites
        Cell sites, metres, shape (n, 2).
    vertices
        Where edges meet, metres, shape (v, 2).
    edges
        Start and end vertex of each edge, start < end, shape (e, 2).
    sides
        The two cells of each edge (-1 = none), shape (e, 2).
    ring_cell, ring_edge, ring_forward
        The rings: cell, edge and direction, in order around each cell.
    """

    sites: Floats
    vertices: Floats
    edges: Ints
    sides: Ints
    ring_cell: Ints
    ring_edge: Ints
    ring_forward: Bools

    @property
    def lengths_m(self) -> Floats:
        """Length of each straight edge."""
        return np.asarray(np.hypot(*(self.vertices[self.edges[:, 1]] - self.vertices[self.edges[:, 0]]).T))

    @cached_property
    def ring_starts(self) -> Ints:
        """Where each cell's ring starts in the ``ring_*`` arrays; one entry more than cells."""
        return np.searchsorted(self.ring_cell, np.arange(len(self.sites) + 1))


def voronoi(sites: Floats) -> Mesh:
    """Build the Voronoi cells of sites, shape (n, 2), metres.

    Vertices are snapped to the millimetre so that neighbours share them.
    """
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(sites), ordered=True))
    xy, cell = shapely.get_coordinates(cells, return_index=True)
    keys, vertex = np.unique(np.round(xy[:, 0], 3) + 1j * np.round(xy[:, 1], 3), return_inverse=True)
    step = (cell[:-1] == cell[1:]) & (vertex[:-1] != vertex[1:])
    start, end, ring_cell = vertex[:-1][step], vertex[1:][step], cell[:-1][step]
    pair = np.minimum(start, end) * len(keys) + np.maximum(start, end)
    pairs, ring_edge = np.unique(pair, return_inverse=True)
    sides = np.full((len(pairs), 2), -1, dtype=np.int64)
    forward = start < end
    sides[ring_edge[forward], 0] = ring_cell[forward]
    sides[ring_edge[~forward], 1] = ring_cell[~forward]
    return Mesh(
        sites=sites,
        vertices=np.column_stack([keys.real, keys.imag]),
        edges=np.column_stack([pairs // len(keys), pairs % len(keys)]),
        sides=sides,
        ring_cell=ring_cell,
        ring_edge=ring_edge,
        ring_forward=forward,
    )


def relax(sites: Floats, fixed: Bools, rounds: int) -> Floats:
    """Move free sites to their cell's centroid, ``rounds`` times (Lloyd); fixed ones stay."""
    for _ in range(rounds):
        cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(sites), ordered=True))
        sites = np.where(fixed[:, None], sites, shapely.get_coordinates(shapely.centroid(cells)))
    return sites


def _pulls(depth: int, roughness: Floats, rng: np.random.Generator) -> Floats:
    """Midpoint displacement: how far each point of an edge leaves the straight line.

    Returns shape (edges, 2**depth + 1), ends 0: the share of the way to the
    left (positive) or right (negative) cell's site.
    """
    w = np.zeros((len(roughness), 2**depth + 1))
    for level in range(depth):
        step = 2 ** (depth - level)
        middle = (w[:, :-1:step] + w[:, step::step]) / 2
        w[:, step // 2 :: step] = middle + rng.standard_normal(middle.shape) * roughness[:, None] * 0.56**level
    return np.clip(w, -MAX_PULL, MAX_PULL)


@dataclass(frozen=True)
class Paths:
    """The roughened edges: node ids of each edge, flat, and the nodes' coordinates."""

    nodes: Floats
    ids: Ints
    starts: Ints
    pieces: Ints

    def straightened(self, mesh: Mesh, edges: Bools) -> "Paths":
        """The same paths, but some edges straight again."""
        pieces = np.where(edges, 1, self.pieces)
        starts = np.concatenate([[0], np.cumsum(pieces + 1)[:-1]])
        owner = np.repeat(np.arange(len(pieces)), pieces + 1)
        k = np.arange(len(owner)) - starts[owner]
        ids = self.ids[self.starts[owner] + np.where(edges[owner], k * self.pieces[owner], k)]
        return Paths(self.nodes, ids, starts, pieces)


def roughen(mesh: Mesh, roughness: Floats, rng: np.random.Generator) -> Paths:
    """Give every edge its one natural course.

    A point is pulled towards the site of one of its two cells, so the edge
    stays in the two triangles (edge, site): those of different edges are
    disjoint, hence courses cannot cross one another.
    """
    long = mesh.lengths_m / _PIECE_M
    depth = np.clip(np.round(np.log2(np.maximum(long, 1))), 0, _MAX_DEPTH).astype(np.int64)
    depth[(mesh.sides < 0).any(axis=1)] = 0
    pieces = 2**depth
    starts = np.concatenate([[0], np.cumsum(pieces + 1)[:-1]])
    ids = np.empty(int((pieces + 1).sum()), dtype=np.int64)
    ids[starts], ids[starts + pieces] = mesh.edges[:, 0], mesh.edges[:, 1]
    nodes = [mesh.vertices]
    n_nodes = len(mesh.vertices)
    for d in range(1, _MAX_DEPTH + 1):
        e = np.flatnonzero(depth == d)
        w = _pulls(d, roughness[e], rng)[:, 1:-1, None]
        t = (np.arange(1, 2**d) / 2**d)[None, :, None]
        line = mesh.vertices[mesh.edges[e, 0]][:, None] * (1 - t) + mesh.vertices[mesh.edges[e, 1]][:, None] * t
        site = np.where(w > 0, mesh.sites[mesh.sides[e, 0]][:, None], mesh.sites[mesh.sides[e, 1]][:, None])
        nodes.append((line + np.abs(w) * (site - line)).reshape(-1, 2))
        ids[starts[e][:, None] + np.arange(1, 2**d)] = n_nodes + np.arange(w.size).reshape(w.shape[:2])
        n_nodes += w.size
    return Paths(np.concatenate(nodes), ids, starts, pieces)


def polygons(mesh: Mesh, paths: Paths, coordinates: Floats, cells: Ints) -> NDArray[Any]:
    """Polygons of some cells, built from the shared nodes' ``coordinates``."""
    position = np.full(len(mesh.sites), -1, dtype=np.int64)
    position[cells] = np.arange(len(cells))
    used = np.flatnonzero(position[mesh.ring_cell] >= 0)
    edge, forward = mesh.ring_edge[used], mesh.ring_forward[used]
    n = paths.pieces[edge]
    first = np.concatenate([[0], np.cumsum(n)[:-1]])
    owner = np.repeat(np.arange(len(edge)), n)
    k = np.arange(len(owner)) - first[owner]
    at = paths.starts[edge][owner] + np.where(forward[owner], k, n[owner] - k)
    ring = position[mesh.ring_cell[used]][owner]
    order = np.argsort(ring, kind="stable")
    rings = shapely.linearrings(coordinates[paths.ids[at]][order], indices=ring[order])
    return np.asarray(shapely.polygons(rings))


def coverage(mesh: Mesh, paths: Paths, cells: Ints) -> NDArray[Any]:
    """Polygons in degrees of some cells, as an exact coverage (无缝不重叠).

    Where a rough course would spoil a ring or the coverage, the cell's edges
    fall back to straight lines; straight Voronoi cells are always valid.
    """
    degrees = to_degrees(paths.nodes)
    while True:
        found = polygons(mesh, paths, degrees, cells)
        bad = ~shapely.is_valid(found)
        if not bad.any():
            bad = ~shapely.is_empty(shapely.coverage_invalid_edges(found))
        if not bad.any():
            return found
        edges: Bools = np.asarray(np.isin(mesh.sides, cells[bad]).any(axis=1))
        if not (paths.pieces[edges] > 1).any():
            raise AssertionError("straight Voronoi cells are no coverage")
        paths = paths.straightened(mesh, edges)
