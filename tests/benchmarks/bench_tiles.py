"""Vector tiles over HTTP beside TiPg's, made of the same table in the same PostGIS.

    TIPG_PYTHON=…/bin/python python -m tests.benchmarks --only tiles

TiPg (`pip install tipg uvicorn` into an environment of its own) is asked for the communities of the edition with the
same four columns; it keeps nothing, so each of its tiles is as new as its first. One process each, answers packed, as
clients take them. Ours are warm – kept, four connections ask – or cold: nobody asked for that tile before, of a city
whose grids are at hand; one connection asks for one after the other. The note tells too what the first tile takes after
places have changed, when names and grids are read again.
"""

import datetime as dt
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from gridmgmt.database.work import Work, open_database
from gridmgmt.places.operations import tiles
from gridmgmt.places.tiles import Tile, cut, rounded
from tests import tiling
from tests.benchmarks import made_cities, servers
from tests.benchmarks.bench_server import CONNECTIONS, ask, change_places, serving, sign_in
from tests.benchmarks.rows import Row, Size, in_turn
from tests.benchmarks.tipg import PEER, tipg

ZOOMS = (9, 11)
EDITION = "first"
WARM, COLD = 8, 1.5
LEVEL = 4
SOME = 5
"""An answer of fewer communities is too small to be packed."""
OURS = "/tiles/grids-community/{z}/{x}/{y}.mvt?edition=first"
COLUMNS = "code,parent_code,name_zh,name_en"
TIPG = f"/collections/public.grid/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}?level={LEVEL}&properties={COLUMNS}"
PACKED = "Accept-Encoding: gzip\r\n"
DAYS = (dt.date(made_cities.YEAR, 1, 1) + dt.timedelta(k) for k in itertools.count())
"""The edition is named, so a day says nothing; but nobody asked so before."""


def covering(work: Work, z: int) -> list[Tile]:
    """The tiles of a zoom in which some communities stand, from the middle of the city on."""
    ground = tiles.ground(work, EDITION, LEVEL)
    return [t for t in tiling.around(ground, z) if len(cut(rounded(ground, z), t).rows) >= SOME]


def asked_anew(port: int, paths: Sequence[str]) -> int:
    """Ask for all, one after the other, each as nobody asked before."""
    return ask(port, [f"{path}&on={next(DAYS)}" for path in paths], 1, PACKED)


def first_after_a_change(work: Work, port: int, path: str, runs: int) -> float:
    """Seconds that a tile takes right after places have changed."""
    taken = []
    for _ in range(runs):
        change_places(work)
        began = time.perf_counter()
        ask(port, [path], 1, PACKED)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def rows(size: Size) -> Iterator[Row]:
    """Warm and cold tiles of two zooms."""
    times, runs = {"full": (50, 5), "quick": (1, 1)}[size]
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.settled("bench_tiles", size) as settings,
        closing(open_database(settings)) as work,
    ):
        made_cities.place(work, Path(folder), size)
        made_cities.analyse(work)
        sign_in(settings)
        with serving(settings) as ours, tipg(settings) as theirs:
            for z in ZOOMS:
                yield from _of_zoom(work, ours, theirs, [vars(t) for t in covering(work, z)], times, runs)


def _of_zoom(
    work: Work, ours: int, theirs: int | None, at: Sequence[Mapping[str, int]], times: int, runs: int
) -> Iterator[Row]:
    """A zoom's tiles, as often as wanted where they are kept, once where they are not."""
    own, other = ([form.format(**t) for t in at] for form in (OURS, TIPG))
    z, n = at[0]["z"], len(at)
    what, first = f"{n} tiles of z{z}, communities", first_after_a_change(work, ours, own[0], runs)
    works = [lambda: ask(ours, own * times, more=PACKED), lambda: asked_anew(ours, own)]
    peers = [lambda: ask(theirs or 0, other * times, more=PACKED), lambda: ask(theirs or 0, other, 1, PACKED)]
    kinds = (("warm", f"kept, {CONNECTIONS} connections", WARM, times), ("cold", "made anew, 1 connection", COLD, 1))
    for (kind, how, wanted, k), work_of, peer_of in zip(kinds, works, peers, strict=True):
        taken, sent = in_turn([work_of] if theirs is None else [work_of, peer_of], runs)
        told = " beside ".join(
            f"{1e3 * x / n / k:.2f} ms, {y / 1e3:.0f} kB at most" for x, y in zip(taken, sent, strict=True)
        )
        note = told + (f"; the first after a change {1e3 * first:.0f} ms" if kind == "cold" else "")
        ratio = None if theirs is None else taken[1] / taken[0]
        note = f"no peer: TIPG_PYTHON is not set; {note}" if theirs is None else note
        yield Row(f"tiles-{kind}-z{z}", f"{what}, {how}", PEER, ratio, wanted, True, note)
