"""All routes (路由): those of each subject, in the order in which an address is compared with them."""

from collections.abc import Sequence

from fastapi import APIRouter

from api.pages import docs, sign_in, start
from api.routes import (
    access,
    assessing,
    cases,
    city,
    database,
    duties,
    editions,
    entries,
    exports,
    figures,
    inspections,
    intake,
    jobs,
    layers,
    live,
    locating,
    maps,
    notices,
    ogc,
    oidc,
    open311,
    people,
    photographs,
    places,
    reference,
    repeats,
    results,
    rulebooks,
    staff,
    steps,
    tiles,
    upkeep,
)

_ACCESS = (database.router, access.router, access.managing, oidc.router, sign_in.router)
_PLACES = (
    city.router, places.router, people.router, reference.router, staff.router, editions.router, editions.reports,
    layers.router, locating.router,
)  # fmt: skip
_FACTS = (
    figures.router, upkeep.router, cases.router, steps.router, photographs.router, inspections.router, notices.router,
    repeats.router, live.router, live.hooks,
)  # fmt: skip
_RESULTS = (
    assessing.router, assessing.evidence, results.router, rulebooks.router, entries.router, duties.router, maps.router,
    maps.of_facts,
)  # fmt: skip
_JOBS = (jobs.router, intake.router, exports.router)
_SPOKEN = (ogc.router, *tiles.routers, open311.router)
_PAGES = (start.router, docs.router)

ROUTERS: Sequence[APIRouter] = (*_ACCESS, *_PLACES, *_FACTS, *_RESULTS, *_SPOKEN, *_JOBS, *_PAGES)
