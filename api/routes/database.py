"""/healthz, /readyz and /metrics: whether the application lives, can serve, and what it does."""

import asyncio
import hmac
import ipaddress
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.deps import Ask
from api.errors import refusal
from api.schemas import Health, Problem
from api.signing import OPEN, verb
from api.standing.metrics import Metrics
from api.standing.readiness import Readiness
from gridmgmt import __version__

router = APIRouter(tags=["health"])


@router.get("/healthz", openapi_extra=verb(OPEN))
async def healthz(ask: Annotated[Ask, Query()]) -> Health:
    """Answer 200 as long as the process answers at all; no database is asked."""
    return Health(version=__version__)


@router.get(
    "/readyz",
    openapi_extra=verb(OPEN),
    responses={503: {"model": Problem, "description": "The database does not answer"}},
)
async def readyz(ask: Annotated[Ask, Query()], request: Request) -> Health:
    """Answer 200 if the database answers with the tables of this release, else 503 with the reason."""
    readiness: Readiness = request.app.state.readiness
    await readiness.check()
    return Health(version=__version__)


@router.get("/metrics", include_in_schema=False, openapi_extra=verb(OPEN))
async def metrics(request: Request) -> Response:
    """Figures for Prometheus: to this machine, elsewhere to who has the token of ``GRIDMGMT_METRICS_TOKEN``."""
    if not _may_read(request, request.app.state.settings.metrics_token):
        return refusal(request, 403, "metrics_refused", {"setting": "GRIDMGMT_METRICS_TOKEN"})
    figures: Metrics = request.app.state.metrics
    return Response(await asyncio.to_thread(figures.page), media_type=CONTENT_TYPE_LATEST)


def _may_read(request: Request, token: str | None) -> bool:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if token is not None and kind.lower() == "bearer":
        return hmac.compare_digest(given.encode(), token.encode())
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
