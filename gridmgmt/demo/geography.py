"""The ground of the demo city: an outline, a river, dense and thin parts, and who belongs together.

The smallest pieces are cells (later the unit grids, 单元网格). Districts,
streets and communities are connected groups of cells, so every level is a
union of the next by construction.
"""

from dataclasses import dataclass

import numpy as np

from gridmgmt.demo.mesh import Bools, Floats, Ints, Mesh, Paths, relax, roughen, voronoi

CENTRE_M = (470_000.0, 3_330_000.0)
"""Easting and northing of the city centre in EPSG:4547 (about 113.7° E, 30.1° N)."""

CELLS_PER_COMMUNITY = 6
_LLOYD_ROUNDS = 2


def stream(seed: int, *part: int) -> np.random.Generator:
    """A generator of its own for each part of the city, so that parts change independently.

    A part within a part is numbered from 1: a 0 at the end would change nothing.
    """
    return np.random.Generator(np.random.PCG64([seed, *part]))


@dataclass(frozen=True)
class Ground:
    """The ground plan.

    Points are metres from the centre, shape (n, 2).

    Attributes
    ----------
    radius_m
        Mean radius of the city.
    outline, river
        Amplitudes and phases of the waves that bend the outline and the river.
    towns
        Sub-centres: x, y, weight, shape (t, 3).
    angle
        Direction of the river, radians.
    """

    radius_m: float
    outline: Floats
    river: Floats
    towns: Floats
    angle: float

    def reach_m(self, xy: Floats) -> Floats:
        """How far the city reaches from its centre in the direction of each point."""
        theta = np.arctan2(xy[:, 1], xy[:, 0])[:, None]
        k = np.arange(2, 2 + len(self.outline))
        waves = self.outline[:, 0] * np.cos(k * theta + self.outline[:, 1])
        return np.asarray(self.radius_m * (1 + waves.sum(axis=1)))

    def depth(self, xy: Floats) -> Floats:
        """0 at the centre, 1 on the outline, more beyond."""
        return np.hypot(xy[:, 0], xy[:, 1]) / self.reach_m(xy)

    def along(self, xy: Floats) -> Floats:
        """Coordinates along and across the river's general direction."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.asarray(xy @ np.array([[c, -s], [s, c]]))

    def course_m(self, x: Floats) -> Floats:
        """The river's offset across its direction, at positions along it."""
        waves = self.river
        return np.asarray((waves[:, 0] * np.sin(waves[:, 1] * x[:, None] / self.radius_m + waves[:, 2])).sum(axis=1))

    def north_bank(self, xy: Floats) -> Bools:
        """Which points lie left of the river."""
        uv = self.along(xy)
        return np.asarray(uv[:, 1] > self.course_m(uv[:, 0]))

    def to_xy(self, uv: Floats) -> Floats:
        """Back from :meth:`along`."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.asarray(uv @ np.array([[c, s], [-s, c]]))

    def density(self, xy: Floats) -> Floats:
        """How many cells stand here, as a share of the densest place."""
        return np.asarray(0.022 + 0.978 * self.urban(xy) ** 1.3)

    def urban(self, xy: Floats) -> Floats:
        """Density of life, 0…1: the core, the sub-centres and a thin countryside."""
        core = 1.5 * np.exp(-((np.hypot(xy[:, 0], xy[:, 1]) / (0.25 * self.radius_m)) ** 1.7))
        x, y, weight = self.towns.T
        far = np.hypot(xy[:, :1] - x, xy[:, 1:] - y) / (0.075 * self.radius_m)
        return np.asarray(np.minimum(1.0, core + (weight * np.exp(-(far**2))).sum(axis=1)))


def survey(radius_m: float, n_towns: int, rng: np.random.Generator) -> Ground:
    """Draw the ground plan."""
    k = np.arange(2, 12)
    outline = np.column_stack([rng.uniform(0.4, 1, len(k)) * 0.26 / k**0.9, rng.uniform(0, 2 * np.pi, len(k))])
    river = np.array([[0.11, 2.1], [0.045, 5.3], [0.02, 11.0]])
    river = np.column_stack([river[:, 0] * radius_m, river[:, 1], rng.uniform(0, 2 * np.pi, 3)])
    theta = np.linspace(0, 2 * np.pi, n_towns, endpoint=False) + rng.normal(0, 0.25, n_towns)
    r = rng.uniform(0.5, 0.78, n_towns) * radius_m
    towns = np.column_stack([r * np.cos(theta), r * np.sin(theta), rng.uniform(0.3, 0.7, n_towns)])
    return Ground(radius_m, outline, river, towns, float(rng.uniform(-0.7, 0.7)))


def _scatter(ground: Ground, n: int, rng: np.random.Generator) -> tuple[Floats, float]:
    """About ``n`` sites in the city, more in a margin around it, as dense as life is.

    Returns the sites and how many stand on a square metre of the densest place.
    """
    edge = 1.75 * ground.radius_m
    found: list[Floats] = []
    inside, drawn = 0, 0
    while inside < n:
        xy = rng.uniform(-edge, edge, (20_000, 2))
        drawn += len(xy)
        xy = xy[(rng.random(len(xy)) < ground.density(xy)) & (ground.depth(xy) < 1.35)]
        inside += int((ground.depth(xy) < 1).sum())
        found.append(xy)
    return np.concatenate(found), drawn / (2 * edge) ** 2


def _lay_out(ground: Ground, sites: Floats, peak: float, rng: np.random.Generator) -> tuple[Floats, Bools]:
    """Lay street blocks into the core and line the river with a site on each bank, so that edges follow them.

    Returns all sites and which of them are fixed.
    """
    pairs: list[Floats] = []
    x = -1.6 * ground.radius_m
    while x < 1.6 * ground.radius_m:
        y, ahead = ground.course_m(np.array([x, x + 1.0]))
        tangent = np.array([1.0, ahead - y]) / np.hypot(1.0, ahead - y)
        middle = np.array([x, y])
        gap = 0.8 / np.sqrt(peak * ground.density(ground.to_xy(middle[None]))[0])
        side = gap / 2 * np.array([-tangent[1], tangent[0]])
        pairs.append(ground.to_xy(np.array([middle + side, middle - side])))
        x += 0.8 * gap * tangent[0]
    river = np.concatenate(pairs)
    river = river[ground.depth(river) < 1.35]
    blocks = _city_blocks(ground, peak, rng)
    rural = sites[ground.density(sites) < 1]
    free = np.concatenate([rural, blocks])
    uv = ground.along(free)
    away = np.abs(uv[:, 1] - ground.course_m(uv[:, 0])) * np.sqrt(peak * ground.density(free))
    fixed = np.arange(len(free)) >= len(rural)
    near = away < 0.75
    return np.concatenate([free[~near], river]), np.concatenate([fixed[~near], np.ones(len(river), dtype=bool)])


def _city_blocks(ground: Ground, peak: float, rng: np.random.Generator) -> Floats:
    """Sites on a bent street grid along the river, where the city is densest."""
    gap = 1 / np.sqrt(peak)
    n = int(np.ceil(ground.radius_m / gap))
    u, v = np.meshgrid(np.arange(-n, n + 1) * gap * 1.15, np.arange(-n, n + 1) * gap / 1.15)
    u, v = u.ravel(), v.ravel()
    u, v = u + 1.2 * gap * np.sin(v / gap / 5), v + ground.course_m(u)
    xy = ground.to_xy(np.column_stack([u, v])) + rng.normal(0, 0.05 * gap, (len(u), 2))
    return xy[ground.density(xy) >= 1]


@dataclass(frozen=True)
class Land:
    """The finished ground: cells with rough edges, and which of them are the city.

    Attributes
    ----------
    mesh, paths
        Cells and their edges' natural courses, in EPSG:4547.
    cells
        The city's cells (positions in ``mesh.sites``), connected.
    outside
        Cells of the margin, for places beyond the outline.
    north
        Bank of each of ``cells``.
    urban
        Density of life of each of ``cells``, 0…1.
    rim
        Which of ``cells`` touch the outline.
    depth
        0 at the centre, 1 on the outline, of each of ``cells``.
    """

    mesh: Mesh
    paths: Paths
    cells: Ints
    outside: Ints
    north: Bools
    urban: Floats
    rim: Bools
    depth: Floats

    @property
    def sites(self) -> Floats:
        """Sites of the city's cells, metres in EPSG:4547."""
        return self.mesh.sites[self.cells]

    def neighbours(self) -> Ints:
        """Pairs of the city's cells that share an edge, as positions in ``cells``."""
        position = np.full(len(self.mesh.sites), -1, dtype=np.int64)
        position[self.cells] = np.arange(len(self.cells))
        pairs = np.where(self.mesh.sides >= 0, position[self.mesh.sides], -1)
        return pairs[(pairs >= 0).all(axis=1)]


def make_land(radius_m: float, n_cells: int, n_towns: int, seed: int) -> Land:
    """Make the ground of a city of about ``n_cells`` cells."""
    rng = stream(seed, 0)
    ground = survey(radius_m, n_towns, rng)
    sites, peak = _scatter(ground, n_cells, rng)
    sites = relax(*_lay_out(ground, sites, peak, rng), _LLOYD_ROUNDS)
    mesh = voronoi(sites + CENTRE_M)
    depth, north, urban = ground.depth(sites), ground.north_bank(sites), ground.urban(sites)
    inside = depth < 1
    sides = mesh.sides
    both = (sides >= 0).all(axis=1)
    inside = _largest_part(inside, sides[both])
    rim = np.zeros(len(sites), dtype=bool)
    rim[sides[inside[sides].sum(axis=1) == 1]] = True
    rough = 0.03 + 0.23 * (1 - urban[sides].mean(axis=1)) ** 3
    rough[north[sides[:, 0]] != north[sides[:, 1]]] = 0.07
    cells = np.flatnonzero(inside)
    return Land(
        mesh=mesh,
        paths=roughen(mesh, rough, rng),
        cells=cells,
        outside=np.flatnonzero(~inside & (depth > 1.03) & (depth < 1.2)),
        north=north[cells],
        urban=urban[cells],
        rim=rim[cells],
        depth=depth[cells],
    )


def parts(labels: Ints, pairs: Ints) -> Ints:
    """Connected part of each cell: the smallest cell that equal-labelled neighbours lead to."""
    part = np.arange(len(labels))
    a, b = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]].T
    while True:
        low = np.minimum(part[a], part[b])
        new = part.copy()
        np.minimum.at(new, part[a], low)
        np.minimum.at(new, part[b], low)
        new = new[new]
        if np.array_equal(new, part):
            return part
        part = new


def _largest_part(member: Bools, pairs: Ints) -> Bools:
    """The largest connected part of the member cells."""
    part = parts(member.astype(np.int64), pairs)
    return np.asarray(member & (part == np.bincount(part[member]).argmax()))


def connect(labels: Ints, parents: Ints, pairs: Ints) -> Ints:
    """Give stray parts of a group to a neighbouring group of the same parent."""
    labels = labels.copy()
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[parents[both[:, 0]] == parents[both[:, 1]]]
    while True:
        part = parts(labels, pairs)
        size = np.bincount(part, minlength=len(labels))
        order = np.lexsort((part, -size[part], labels))
        groups, first = np.unique(labels[order], return_index=True)
        main = dict(zip(groups.tolist(), part[order[first]].tolist(), strict=True))
        stray = part != np.array([main[x] for x in labels.tolist()])
        door = both[stray[both[:, 0]] & ~stray[both[:, 1]]]
        if not len(door):
            return labels
        cell, first = np.unique(door[:, 0], return_index=True)
        labels[cell] = labels[door[first, 1]]


def cluster(xy: Floats, k: int, rng: np.random.Generator, rounds: int = 12) -> Ints:
    """Divide points into ``k`` compact, non-empty groups (k-means)."""
    centres = xy[[int(rng.integers(len(xy)))]]
    nearest = np.full(len(xy), np.inf)
    while len(centres) < k:
        nearest = np.minimum(nearest, ((xy - centres[-1]) ** 2).sum(axis=1))
        centres = np.concatenate([centres, xy[[int(rng.choice(len(xy), p=nearest / nearest.sum()))]]])
    labels = np.zeros(len(xy), dtype=np.int64)
    for _ in range(rounds):
        squares = ((xy[:, None] - centres[None]) ** 2).sum(axis=2)
        labels = squares.argmin(axis=1)
        for empty in np.setdiff1d(np.arange(k), labels):
            crowd = np.flatnonzero(labels == np.bincount(labels).argmax())
            labels[crowd[squares[crowd, labels[crowd]].argmax()]] = empty
        n = np.bincount(labels, minlength=k)
        centres = np.column_stack([np.bincount(labels, xy[:, i], k) / n for i in (0, 1)])
    return labels


def members(labels: Ints) -> list[Ints]:
    """The cells of each group, by group number."""
    ends = np.cumsum(np.bincount(labels))
    return np.split(np.argsort(labels, kind="stable"), ends[:-1])


def shares(weights: Floats, total: int, least: int = 1) -> Ints:
    """Divide ``total`` whole things by weight, each group at least ``least`` (largest remainder)."""
    free = total - least * len(weights)
    exact = weights / weights.sum() * free
    whole = np.floor(exact).astype(np.int64)
    whole[np.argsort(whole - exact, kind="stable")[: free - int(whole.sum())]] += 1
    return np.asarray(whole + least)


def bend(xy: Floats, rng: np.random.Generator) -> Floats:
    """Warp the plane smoothly, so that groups get curved and not straight borders."""
    span = np.ptp(xy, axis=0).max()
    out = xy.copy()
    for waves in (2, 4, 9, 17):
        direction, phase = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0, 2 * np.pi, 2)
        for axis in (0, 1):
            u = xy @ np.array([np.cos(direction[axis]), np.sin(direction[axis])])
            out[:, axis] += span * 0.05 / waves * np.sin(2 * np.pi * waves * u / span / 1.3 + phase[axis])
    return out


def divide(land: Land, n_districts: int, n_streets: int, n_communities: int, seed: int) -> Ints:
    """Group the cells into districts, streets and communities, each level within its parent.

    Returns
    -------
    Ints
        Shape (cells, 3): city-wide group numbers from 0, every group connected.
    """
    rng = stream(seed, 1)
    xy = bend(land.sites, rng)
    pairs = land.neighbours()
    out = np.zeros((len(xy), 3), dtype=np.int64)
    parents = land.north.astype(np.int64)
    for level, n in enumerate((n_districts, n_streets, n_communities)):
        size = np.bincount(parents).astype(np.float64)
        quota = shares(size, n)
        labels = np.zeros(len(xy), dtype=np.int64)
        for parent, k in enumerate(quota.tolist()):
            here = np.flatnonzero(parents == parent)
            labels[here] = quota[:parent].sum() + cluster(xy[here], k, rng)
        labels = connect(labels, parents, pairs)
        if level == 0:
            labels = connect(labels, np.zeros_like(parents), pairs)
        out[:, level] = parents = labels
    return out
