"""Requests a second of the server beside an empty route behind the same middleware, which answers as many bytes.

    python -m tests.benchmarks --only server

One process, as `gridmgmt serve` starts it, on the demo city. A few connections that stay open ask one question after
the other, in turn with the empty route: places are other ones each time, pages the same, and nothing changes. The last
rows open a map, six readers beside one, while another process brings in facts: one that must be drawn anew, all at
once; and one that is kept, each looking at it for a tenth of a second.
"""

import asyncio
import csv
import datetime as dt
import gc
import multiprocessing
import random
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fastapi import Depends, FastAPI, Request, Response
from sqlalchemy import text

from gridmgmt.assessing.operations import scoring
from gridmgmt.database.work import Work, open_database
from gridmgmt.demo import SIZES, make_demo_city
from gridmgmt.intake.operations import imports
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import editions
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import bearer
from tests.benchmarks import servers
from tests.benchmarks.rows import Row, Size, in_turn

HOST, PERIOD = "127.0.0.1", "2025-12"
CONNECTIONS, READERS = 4, 6
MAP = "/maps/choropleth"
_FORKING = multiprocessing.get_context("fork")
"""All is imported once; each process connects to the database by itself."""

PAGES = {
    "indicators": (f"/v1/indicators?period={PERIOD}&level=community", "a month of indicators of all communities"),
    "grids": ("/v1/grids?level=community&limit=1000", "a page of 1 000 grids"),
    "ranking": ("/v1/assessments/latest/scorecards?level=community", "the ranking of all communities"),
    "choropleth": (MAP, "a choropleth"),
    "heat": ("/maps/heat", "a heat map"),
}


def build_small(work: Work, folder: Path) -> list[Path]:
    """Eight communities and fourteen cases: whether all of this still runs."""
    small_city.build(work, folder)
    return [folder / "cases.csv"]


def build(work: Work, folder: Path) -> list[Path]:
    """The demo city of 2 500 communities with one assessment and most of its cases; the others as files for later."""
    with patch.dict(SIZES, {"medium": replace(SIZES["medium"], second_edition=False)}):
        make_demo_city(folder, seed=7, size="medium")
    reference.init_city(work, folder / "city.yaml")
    reference.import_units(work, folder / "units.csv")
    reference.import_rules(work, folder / "responsibility.csv")
    editions.import_grids(work, [str(folder / "grids.gpkg")], "first")
    editions.activate(work, "first", dt.date(2020, 1, 1))
    first, *later = parts(folder / "cases.csv")
    imports.import_file(work, first, "demo_cases")
    scoring.score(work, "grid_baseline", parse_period(PERIOD))
    return later


def parts(path: Path, n_later: int = 5, n_rows: int = 50) -> list[Path]:
    """A table as some files: the most of it, and a few of so many rows."""
    with path.open(encoding="gb18030", newline="") as file:
        head, *rows = csv.reader(file)
    ends = [len(rows) - n_rows * k for k in range(n_later, -1, -1)]
    out = []
    for first, last in zip([0, *ends], ends, strict=False):
        out.append(path.with_name(f"part_{first}.csv"))
        with out[-1].open("w", encoding="gb18030", newline="") as file:
            csv.writer(file).writerows([head, *rows[first:last]])
    return out


# --- processes -------------------------------------------------------------------------------------------------------


def serve(settings: Settings, port: int) -> None:
    """The server, with an empty route that answers as many bytes as it is asked for."""
    from api import main, signing  # only in the process that serves
    from api.standing import serving

    gc.set_threshold(100_000)  # as the command does
    made, bodies = main.create_app, dict[str, bytes]()

    async def empty(request: Request) -> Response:
        n = request.query_params["n"]
        return Response(bodies.setdefault(n, bytes(int(n))))

    def with_empty(*given: Any) -> FastAPI:
        app = made(*given)
        asks = [Depends(signing.viewer)]
        app.add_api_route("/empty", empty, dependencies=asks, openapi_extra=signing.verb(signing.ANY))
        return app

    with patch("api.main.create_app", with_empty):
        serving.server(serving.Serving(HOST, port), settings, lambda: None).run()


def bring_facts(settings: Settings, files: Sequence[Path], ended: Event) -> None:
    """Import small files until told to end: five times a second if the machine is as quick as that."""
    work = open_database(settings)
    while True:
        for path in files:
            imports.import_file(work, path, "demo_cases")
            if ended.wait(0.2):
                return


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """A server in a process of its own; gives its port."""
    with socket.create_server((HOST, 0)) as free:
        port = int(free.getsockname()[1])
    process = _FORKING.Process(target=serve, args=(settings, port))
    process.start()
    try:
        while not _answers(port):
            if not process.is_alive():
                raise RuntimeError("the server does not start")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.join()


def _answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex((HOST, port)) == 0


@contextmanager
def facts_coming_in(settings: Settings, files: Sequence[Path]) -> Iterator[None]:
    """While another process imports."""
    ended = _FORKING.Event()
    process = _FORKING.Process(target=bring_facts, args=(settings, files, ended))
    process.start()
    try:
        yield
    finally:
        ended.set()
        process.join()


# --- asking ----------------------------------------------------------------------------------------------------------


_known = ""
"""The line of a head by which whoever asks is known."""


def sign_in(settings: Settings) -> None:
    """Ask from here on as somebody of the city."""
    global _known
    _known = "".join(f"{name}: {shown}\r\n" for name, shown in bearer(settings).items())


async def _ask(port: int, paths: Sequence[str], more: str = "", pause: float = 0.0) -> tuple[int, list[float]]:
    """Ask one question after the other on one connection; gives the last answer's bytes, and how long each took."""
    reader, writer = await asyncio.open_connection(HOST, port, limit=1 << 24)
    length, taken = 0, []
    with closing(writer):
        for path in paths:
            began = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAccept: */*\r\n{_known}{more}\r\n".encode())
            status, *headers = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            length = int(next(h for h in headers if h.startswith(b"content-length:")).partition(b":")[2])
            body = await reader.readexactly(length)
            taken.append(time.perf_counter() - began)
            if b" 200 " not in status:
                raise RuntimeError(f"{path}: {body.decode(errors='replace')}")
            if pause:  # people do not act in step
                await asyncio.sleep(random.uniform(pause / 2, pause * 3 / 2))
    await writer.wait_closed()
    return length, taken


def opened(port: int, readers: int, times: int) -> float:
    """How long a reader waits for a map, as browsers take it (packed), who looks at each for a tenth of a second."""

    async def whole() -> list[list[float]]:
        asked = (_ask(port, [MAP] * times, "Accept-Encoding: gzip\r\n", pause=0.1) for _ in range(readers))
        return [taken for _, taken in await asyncio.gather(*asked)]

    return statistics.median(second for taken in asyncio.run(whole()) for second in taken)


def ask(port: int, paths: Sequence[str], connections: int = CONNECTIONS, more: str = "") -> int:
    """Ask all questions, shared by some connections; gives the bytes of an answer."""

    async def whole() -> int:
        found = await asyncio.gather(*(_ask(port, paths[k::connections], more) for k in range(connections)))
        return max(length for length, _ in found)

    return asyncio.run(whole())


def beside_empty(port: int, paths: Sequence[str], runs: int) -> tuple[float, int]:
    """How many times as many requests a second as the empty route answers, and the bytes of an answer."""
    n_bytes = ask(port, paths[:CONNECTIONS])
    empty = [f"/empty?n={n_bytes}"] * len(paths)
    (route, peer), _ = in_turn([lambda: ask(port, paths), lambda: ask(port, empty)], runs)
    return peer / route, n_bytes


def places(work: Work, n: int) -> list[str]:
    """So many places in the city, at random in communities at random."""
    inside = (
        "SELECT ST_X(p.geom), ST_Y(p.geom) FROM grid AS g "
        "CROSS JOIN LATERAL ST_Dump(ST_GeneratePoints(g.geom, :each, 7)) AS p "
        "WHERE g.level = (SELECT max(level) FROM grid) ORDER BY random() LIMIT :n"
    )
    with work.connect() as connection:
        n_leaves = connection.execute(text("SELECT count(*) FROM grid WHERE level = (SELECT max(level) FROM grid)"))
        each = 1 + n // n_leaves.scalar_one()
        found = connection.execute(text(inside), {"n": n, "each": each})
        return [f"/v1/locate?lon={lon:.7f}&lat={lat:.7f}" for lon, lat in found]


def change_places(work: Work) -> None:
    """Something by which all maps must be drawn anew."""
    with work.transaction() as connection:
        connection.execute(text("UPDATE city SET document = document"))


def rows(size: Size) -> Iterator[Row]:
    """Each route beside the empty one, then six readers beside one."""
    n_places, n_pages, runs = {"full": (3_000, 200, 5), "quick": (8, 4, 1)}[size]
    with (
        tempfile.TemporaryDirectory() as name,
        servers.settled("bench_server", size) as settings,
        closing(open_database(settings)) as work,
    ):
        later = (build if size == "full" else build_small)(work, Path(name))
        sign_in(settings)
        with serving(settings) as port:
            ratio, n_bytes = beside_empty(port, places(work, n_places), runs)
            yield Row("server-locate", "one point in the server", "an empty route", ratio, 1 / 2, True, f"{n_bytes} B")
            for key, (path, what) in list(PAGES.items())[: len(PAGES) if size == "full" else 3]:
                ratio, n_bytes = beside_empty(port, [path] * n_pages, runs)
                note = f"{n_bytes / 1e3:.0f} kB"
                yield Row(f"server-{key}", f"{what} over HTTP", "an empty route", ratio, 1 / 4, True, note)
            with facts_coming_in(settings, later):
                yield _six_of_a_new_map(work, port, runs)
                yield _six_of_a_kept_map(port, n_pages // 4)


def _six_of_a_new_map(work: Work, port: int, runs: int) -> Row:
    """All at once, right after a change by which it must be drawn anew: until the last one has it."""

    def opening(readers: int) -> Callable[[], int]:
        def changed() -> int:
            change_places(work)
            return ask(port, [MAP] * readers, readers)

        return changed

    (one, six), _ = in_turn([opening(1), opening(READERS)], runs)
    what = f"{READERS} readers open a choropleth at once that must be drawn, while facts come in"
    return Row("server-six-drawn", what, "one reader", six / one, 2, note=f"{six:.3f} s, {one:.3f} s")


def _six_of_a_kept_map(port: int, times: int) -> Row:
    """Each opens it, looks at it, and opens it again: how long one waits."""
    _, (one, six) = in_turn([lambda: opened(port, 1, times), lambda: opened(port, READERS, times)], 1)
    what = f"{READERS} readers open a kept choropleth again and again, while facts come in"
    return Row("server-six-kept", what, "one reader", six / one, 2, note=f"{1e3 * six:.1f} ms, {1e3 * one:.1f} ms")
