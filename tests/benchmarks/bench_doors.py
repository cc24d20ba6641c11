"""Grids over HTTP beside TiPg's, of the same table in the same PostGIS; and what it costs a figure to know who asks.

    TIPG_PYTHON=…/bin/python python -m tests.benchmarks --only doors

One process each, four connections, answers packed; each asks as somebody who is known (ours), or nobody is asked
(TiPg). TiPg keeps nothing: ours are told as they are kept, and as they are made anew. Figures are asked for in this
process: by the city's own person and by a street's, through the row policies of the role that requests have, beside
the database's worker who asks for the same.
"""

import dataclasses
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from gridmgmt.access.operations import users
from gridmgmt.database.work import Work, open_database
from gridmgmt.figures.operations import indicators
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings
from tests.benchmarks import bench_server, made_cities, servers
from tests.benchmarks.bench_server import CONNECTIONS, PERIOD, ask, serving
from tests.benchmarks.rows import Row, Size, in_turn
from tests.benchmarks.tipg import PEER, tipg

PACKED = "Accept-Encoding: gzip\r\n"
N_PAGE = 1_000
POINT, GRIDS, ROWS = 3, 5, 1.15
THEIRS = "/collections/public.grid/items?f=geojson&level=4"
PAGE = f"/v1/grids?level=community&limit={N_PAGE}"


def rows(size: Size) -> Iterator[Row]:
    """Points and pages of grids beside the peer, then figures under row security."""
    n_points, n_pages, runs = {"full": (1_000, 10, 5), "quick": (4, 1, 1)}[size]
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.settled("bench_doors", size) as settings,
        closing(open_database(settings)) as work,
    ):
        (bench_server.build if size == "full" else bench_server.build_small)(work, Path(folder))
        made_cities.analyse(work)
        bench_server.sign_in(settings)
        with serving(settings) as ours, tipg(settings) as theirs:
            yield _points(work, ours, theirs, n_points, runs)
            yield from _pages(ours, theirs, n_pages, runs)
        yield from _figures(settings, work, runs)


def _beside(ours: Callable[[], int], theirs: Callable[[], int] | None, runs: int) -> tuple[float | None, str]:
    """How many times as fast as the peer, and what each took for all that it was asked."""
    taken, sent = in_turn([ours] if theirs is None else [ours, theirs], runs)
    told = " beside ".join(f"{x:.2f} s, {y / 1e3:.1f} kB at most" for x, y in zip(taken, sent, strict=True))
    return (None, f"no peer: TIPG_PYTHON is not set; {told}") if theirs is None else (taken[1] / taken[0], told)


def _points(work: Work, ours: int, theirs: int | None, n: int, runs: int) -> Row:
    """Who is responsible here: ours tells all levels, the unit and neighbours; the peer the community alone."""
    paths = bench_server.places(work, n)
    at = [dict(x.split("=") for x in path.partition("?")[2].split("&")) for path in paths]
    box = "&bbox={lon},{lat},{lon},{lat}&properties=code,name_zh"
    other = [THEIRS + box.format(**x) for x in at]
    ratio, note = _beside(lambda: ask(ours, paths), theirs and (lambda: ask(theirs, other)), runs)
    what = f"one point, {CONNECTIONS} connections, {n} places"
    return Row("doors-point", what, PEER, ratio, POINT, True, note)


def _pages(ours: int, theirs: int | None, n: int, runs: int) -> Iterator[Row]:
    """A page of communities with their polygons; anew by a box that nobody asked for before."""
    paths = [f"{THEIRS}&limit={N_PAGE}&properties=code,parent_code,name_zh,name_en"] * n
    peer = theirs and (lambda: ask(theirs, paths, more=PACKED))

    def anew() -> int:
        west = [-179 + random.random() for _ in range(n)]
        return ask(ours, [f"{PAGE}&bbox={x:.9f},-89,179,89" for x in west], more=PACKED)

    for kind, own in (("kept", lambda: ask(ours, [PAGE] * n, more=PACKED)), ("anew", anew)):
        ratio, note = _beside(own, peer, runs)
        what = f"a page of {N_PAGE} grids with polygons, {kind}, {CONNECTIONS} connections"
        yield Row(f"doors-grids-{kind}", what, PEER, ratio, GRIDS, True, note)


def _figures(settings: Settings, work: Work, runs: int) -> Iterator[Row]:
    """A month's figures of all communities by who is everybody's, and by who has a street."""
    period = parse_period(PERIOD)
    street = _a_street(work)
    seen = {post: _as(settings, work, f"bench{n}", post) for n, post in enumerate(("city_centre", street))}
    asked = [lambda w=w: len(indicators.indicators(w, period, "community")[0]) for w in (work, *seen.values())]
    taken, n_rows = in_turn(asked, runs)
    for kind, k in (("city", 1), ("street", 2)):
        note = f"{n_rows[k]} grids {1e3 * taken[k]:.0f} ms beside {n_rows[0]} grids {1e3 * taken[0]:.0f} ms"
        what = f"a month's figures as the person of a {kind} under row security"
        yield Row(
            f"doors-figures-{kind}", what, "the worker's, of the whole city", taken[k] / taken[0], ROWS, note=note
        )
    for w in seen.values():
        w.close()


def _a_street(work: Work) -> str:
    """A post of the first street."""
    table, _ = indicators.indicators(work, parse_period(PERIOD), "street")
    return f"street@street:{sorted(code for code in table['code'] if code)[0]}"


def _as(settings: Settings, work: Work, login: str, post: str) -> Work:
    """The database as a request of somebody sees it."""
    users.add(work, login, [post])
    web = open_database(settings, "web")
    return dataclasses.replace(web, viewer=users.present(work, login), worker=work.engine)
