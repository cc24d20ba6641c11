"""What the command line can do HTTP can do: each command has a route, or a reason why it has none."""

import re
from collections.abc import Iterator
from typing import Any

import typer
from fastapi.routing import APIRoute

from api.main import create_app
from api.once import OnceRoute
from api.routing import ROUTERS
from gridmgmt.cli import app
from gridmgmt.settings import Settings

ROUTES: dict[str, str] = {
    "appeal decide": "POST /v1/appeals/{number}/decision", "appeal list": "GET /v1/appeals",
    "appeal open": "POST /v1/appeals", "assessments list": "GET /v1/assessments", "assign": "POST /v1/assignments",
    "audit export": "GET /v1/audit/lines", "audit list": "GET /v1/audit", "audit verify": "GET /v1/audit/chain",
    "case clock": "GET /v1/cases/{case_no}/clock", "case list": "GET /v1/cases", "case open": "POST /v1/cases",
    "case renew": "POST /v1/deadlines/renewal", "case show": "GET /v1/cases/{case_no}",
    "case states": "GET /v1/cases/by-state", "case step": "POST /v1/cases/{case_no}/steps",
    "case steps": "POST /v1/steps/files", "case template": "GET /v1/steps/template",
    "cases import": "POST /v1/imports", "cases propose": "POST /v1/imports/proposals",
    "categories history": "GET /v1/categories/history", "categories import": "POST /v1/categories",
    "city init": "POST /v1/city", "city show": "GET /v1/city", "consequences": "GET /v1/consequences",
    "correct": "POST /v1/assessments/{name}/correction", "due": "GET /v1/duties/due",
    "entries import": "POST /v1/entries", "entries list": "GET /v1/entries", "explain": "GET /v1/explain",
    "files add": "POST /v1/cases/{case_no}/photographs",
    "files export": "GET /v1/cases/{case_no}/photographs.zip", "files lacking": "GET /v1/photographs/lacking",
    "files list": "GET /v1/cases/{case_no}/photographs",
    "grids activate": "POST /v1/editions/{name}/activation", "grids check": "GET /v1/editions/{name}/topology",
    "grids diff": "GET /v1/editions/{a}/diff/{b}", "grids export": "POST /v1/exports",
    "grids import": "POST /v1/editions", "grids list": "GET /v1/editions", "hook add": "POST /v1/hooks",
    "hook list": "GET /v1/hooks", "hook remove": "DELETE /v1/hooks/{number}", "indicators": "GET /v1/indicators",
    "key list": "GET /v1/keys", "key new": "POST /v1/keys", "key revoke": "DELETE /v1/keys/{number}",
    "layers export": "POST /v1/exports", "layers import": "POST /v1/layers", "layers list": "GET /v1/layers",
    "layers show": "GET /v1/layers/{kind}", "limits import": "POST /v1/limits", "limits list": "GET /v1/limits",
    "locate": "GET /v1/locate", "log": "GET /v1/changes", "map choropleth": "GET /maps/choropleth",
    "map heat": "GET /maps/heat", "map repeats": "GET /maps/repeats", "people history": "GET /v1/people/{code}/history",
    "people import": "POST /v1/people", "posts history": "GET /v1/people/{code}/posts",
    "posts import": "POST /v1/posts", "posts list": "GET /v1/posts",
    "publish": "POST /v1/assessments/{name}/publication", "quarantine export": "POST /v1/exports",
    "quarantine list": "GET /v1/quarantine", "quarantine retry": "POST /v1/quarantine/retry",
    "rank": "GET /v1/assessments/{name}/ranks", "recompute": "POST /v1/assessments/{name}/recomputation",
    "repeats": "GET /v1/repeats", "reports charge": "POST /v1/duties/{scheme}/charges",
    "reports enter": "POST /v1/duties/{scheme}/reports", "reports event": "POST /v1/duties/{scheme}/events",
    "reports list": "GET /v1/duties/{scheme}/reports",
    "reports withdraw": "POST /v1/duties/{scheme}/withdrawals",
    "responsibility import": "POST /v1/responsibility", "responsibility list": "GET /v1/responsibility",
    "rulebook check": "POST /v1/rulebooks/check", "rulebook diff": "POST /v1/rulebooks/diff",
    "rulebook evaluate": "POST /v1/rulebooks/{rulebook}/evaluation",
    "rulebook inputs": "GET /v1/rulebooks/{rulebook}/inputs", "rulebook list": "GET /v1/rulebooks",
    "rulebook new": "GET /v1/rulebooks/template", "rulebook samples": "GET /v1/rulebooks/{rulebook}/samples",
    "rulebook schema": "GET /v1/rulebooks/schema", "rulebook show": "GET /v1/rulebooks/{rulebook}",
    "samples draw": "POST /v1/draws", "samples form": "GET /v1/draws/{name}/form",
    "samples import": "POST /v1/imports", "samples notices check": "POST /v1/notices/{number}/checks",
    "samples notices issue": "POST /v1/notices", "samples notices list": "GET /v1/notices",
    "samples notices show": "GET /v1/notices/{number}", "samples plan": "GET /v1/draws/plan",
    "samples show": "GET /v1/draws/{name}", "samples take": "POST /v1/findings",
    "samples verify": "GET /v1/draws/{name}/verification", "score": "POST /v1/scorings",
    "scorecards": "POST /v1/exports", "staff import": "POST /v1/staff", "staffing check": "GET /v1/staffing",
    "steps import": "POST /v1/imports", "subjects import": "POST /v1/subjects", "subjects list": "GET /v1/subjects",
    "unassigned list": "GET /v1/unassigned", "units history": "GET /v1/units/{code}/history",
    "units import": "POST /v1/units", "user add": "POST /v1/users", "user disable": "PATCH /v1/users/{login}",
    "user link": "PUT /v1/users/{login}/identity", "user list": "GET /v1/users",
    "user password": "POST /v1/users/{login}/password", "user post": "PATCH /v1/users/{login}",
    "whatif": "POST /v1/whatif",
}  # fmt: skip
"""Command → the route that does it."""

AT_THE_MACHINE = re.compile(
    r"db \w+|serve|worker|bulk \w+"  # what starts, stops and saves the platform; files of the machine, by cluster
    r"|demo-city|simulate"  # made-up cities: into folders and databases of one's own
    r"|files check"  # looks through a folder of the machine
)


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all commands that do something."""
    context = group.context_class(group, info_name="gridmgmt")
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if hasattr(found, "list_commands"):
            yield from _commands(found, (*path, name))
        else:
            yield " ".join((*path, name))


def test_what_a_command_does_a_route_does(small_settings: Settings) -> None:
    commands = set(_commands(typer.main.get_command(app)))
    left = {name for name in commands if AT_THE_MACHINE.fullmatch(name)}
    assert commands - left == ROUTES.keys()
    assert {"serve", "db backup", "files check"} <= left
    document = create_app(small_settings).openapi()
    routes = {f"{how.upper()} {path}" for path, ways in document["paths"].items() for how in ways}
    assert {name: route for name, route in ROUTES.items() if route not in routes} == {}


DONE_AS_OFTEN_AS_ASKED = {"/v1/sessions", "/v1/tokens", "/v1/locate"}
"""Signing in, and a question that is too long for an address: they change nothing that a key would keep."""


def test_whatever_is_posted_is_done_once_by_its_key() -> None:
    routes = [r for router in ROUTERS for r in router.routes if isinstance(r, APIRoute) and "POST" in r.methods]
    assert len(routes) > 40
    assert {r.path for r in routes if not isinstance(r, OnceRoute)} == DONE_AS_OFTEN_AS_ASKED
