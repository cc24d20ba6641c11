"""The application: `create_app` puts routes, errors, pages and protections together; nothing is read at import."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline

from api import errors, signing
from api.kept import Kept
from api.listening import Listeners
from api.open311 import Plain
from api.routing import ROUTERS
from api.standing import memory, telling
from api.standing.doors import Bounded, Doors
from api.standing.exported import Exported
from api.standing.load import Load
from api.standing.methods import Methods
from api.standing.metrics import Metrics
from api.standing.observing import HEADER, Observed
from api.standing.packing import Packed
from api.standing.readiness import Readiness
from gridmgmt import __version__, bounds
from gridmgmt.database.changes import Changes
from gridmgmt.database.engine import database_url
from gridmgmt.database.work import open_database
from gridmgmt.settings import Settings

_FIRST_S = 2.0
"""So long the start waits for the database; without it nothing is kept, and requests say what is wrong."""

_STATIC = Path(__file__).parent / "pages" / "static"

_PROBLEM = {
    "description": "A problem (RFC 9457)",
    "content": {errors.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
"""What every route may answer instead; the schema comes in with /healthz."""

_DESCRIPTION = """
Grids, cases, indicators and explained scorecards of one city (数字化城市管理网格平台).

* Sign in by a session (`POST /v1/sessions`), a token or a key (`Authorization: Bearer …`); each sees what his posts
  cover.
* Coordinates are longitude, latitude in degrees of EPSG:4490 (CGCS2000; the same numbers as WGS 84), unless `crs` says
  otherwise.
* Errors are problem details (RFC 9457): `application/problem+json`.
* Unknown query parameters are refused.
"""


def create_app(settings: Settings, metrics_folder: Path | None = None) -> FastAPI:
    """The application of one installation: one database, one city; ``metrics_folder``: where workers share figures."""
    app = FastAPIOffline(
        title="gridmgmt",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        responses={"default": _PROBLEM},
    )
    app.state.settings = settings
    bounds.use(settings.bounds)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    errors.install(app)
    _stand(app, settings, metrics_folder)
    return app


def _stand(app: FastAPI, settings: Settings, metrics_folder: Path | None) -> None:
    """What is asked of every request before any route, from the inside out."""
    metrics = app.state.metrics = Metrics(metrics_folder)
    app.add_middleware(Exported)
    app.add_middleware(Bounded, bounds=settings.bounds, metrics=metrics)
    app.add_middleware(Packed)
    app.add_middleware(Methods, router=app.router)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "Range", HEADER],
            expose_headers=["Accept-Ranges", "Content-Range", "ETag", "Link", "Retry-After", HEADER],
        )
    app.add_middleware(Doors, hosts=settings.hosts, per_minute=settings.bounds.per_minute, metrics=metrics)
    app.add_middleware(Observed, metrics=metrics)
    app.add_middleware(Plain)  # whatever writes a log comes after it


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One engine while the application runs, and one connection that hears what changes."""
    settings: Settings = app.state.settings
    worker = open_database(settings)
    app.state.work = open_database(settings, "web").but(worker=worker.engine, viewer=signing.ANYBODY)
    app.state.language = None
    changes = Changes(database_url(settings, "web"))
    app.state.kept = Kept(changes, bounds.most("kept_mb"))
    app.state.load = Load(settings.bounds, app.state.metrics)
    app.state.readiness = Readiness(app.state.work)
    app.state.signed_in = signing.SignedIn(app.state.work, changes)
    app.state.listeners = Listeners(app.state.signed_in, changes, settings.bounds.streams)
    beside = [
        asyncio.create_task(changes.follow()),
        asyncio.create_task(memory.look_after(app.state.load, app.state.metrics)),
        asyncio.create_task(telling.every_minute(worker, settings.bounds.event_days)),
        asyncio.create_task(telling.to_hooks(app.state.work, changes)),
    ]
    with suppress(TimeoutError):
        await asyncio.wait_for(changes.tried.wait(), _FIRST_S)
    yield
    for task in beside:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    app.state.work.close()
    worker.close()
