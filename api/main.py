"""The application: `create_app` puts routes, errors, pages and protections together; nothing is read at import."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.middleware.gzip import GZipMiddleware

from api import LOOPBACK, errors, signing
from api.kept import Kept
from api.open311 import Plain
from api.pages import sign_in, start
from api.routes import access, assessing, cases, city, database, figures, maps, oidc, open311, people, places
from gridmgmt import __version__, bounds
from gridmgmt.database.changes import Changes
from gridmgmt.database.engine import database_url
from gridmgmt.database.work import open_database
from gridmgmt.settings import Settings

_FIRST_S = 2.0
"""So long the start waits for the database; without it nothing is kept, and requests say what is wrong."""

_STATIC = Path(__file__).parent / "pages" / "static"

_PAGES_CSP = "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
_DOCS_CSP = _PAGES_CSP + "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"

_PROBLEM = {
    "description": "A problem (RFC 9457)",
    "content": {errors.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
"""What every route may answer instead; the schema comes in with /healthz."""

_DESCRIPTION = """
Grids, cases, indicators and explained scorecards of one city (数字化城市管理网格平台), read-only.

* Coordinates are longitude, latitude in degrees of EPSG:4490 (CGCS2000; the same numbers as WGS 84), unless `crs` says
  otherwise.
* Errors are problem details (RFC 9457): `application/problem+json`.
* Unknown query parameters are refused.
"""


def create_app(settings: Settings) -> FastAPI:
    """The application of one installation: one database, one city."""
    app = FastAPIOffline(
        title="gridmgmt",
        version=__version__,
        description=_DESCRIPTION,
        redoc_url=None,
        favicon_url="/static/icon.svg",
        lifespan=_lifespan,
        responses={"default": _PROBLEM},
        swagger_ui_parameters={"validatorUrl": None, "defaultModelsExpandDepth": 0},
    )
    app.state.settings = settings
    bounds.use(settings.bounds)
    for router in (
        database.router, access.router, oidc.router, sign_in.router, city.router, places.router, people.router,
        figures.router, cases.router, assessing.router, assessing.evidence, open311.router, maps.router, maps.of_facts,
        start.router,
    ):  # fmt: skip
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    errors.install(app)
    app.middleware("http")(_protect)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(Plain)  # the outermost: whatever writes a log comes after it
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One engine while the application runs, and one connection that hears what changes."""
    settings: Settings = app.state.settings
    worker = open_database(settings)
    app.state.work = open_database(settings, "web").but(worker=worker.engine, viewer=signing.ANYBODY)
    app.state.language = None
    changes = Changes(database_url(settings, "web"))
    app.state.kept = Kept(changes, bounds.most("kept_mb"))
    app.state.signed_in = signing.SignedIn(app.state.work, changes)
    following = asyncio.create_task(changes.follow())
    with suppress(TimeoutError):
        await asyncio.wait_for(changes.tried.wait(), _FIRST_S)
    yield
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    app.state.work.close()
    worker.close()


async def _protect(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Answer this machine's own names only, and let pages load from this application only.

    A page elsewhere could give its own name this machine's address and read
    along; the documentation page has a script of its own inside.
    """
    if request.url.hostname not in LOOPBACK:
        return errors.problem(request, 400, "host_refused", {"host": request.url.hostname or "", "known": [*LOOPBACK]})
    if "\0" in unquote(f"{request.scope['path']}?{request.url.query}"):
        return errors.problem(request, 400, "request_nul", {})
    response = await call_next(request)
    is_docs = request.url.path.startswith("/docs")
    response.headers.setdefault("Content-Security-Policy", _DOCS_CSP if is_docs else _PAGES_CSP)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
