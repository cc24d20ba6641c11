"""The command `gridmgmt simulate`: a working month driven through the same operations as people's."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridmgmt import texts
from gridmgmt.cli.base import Shown, State, Table, View, command
from gridmgmt.cli.casework import states_table
from gridmgmt.errors import FindingsMissing

if TYPE_CHECKING:
    from gridmgmt.casework.operations.requests import Request
    from gridmgmt.city import City
    from gridmgmt.demo import workday
    from gridmgmt.periods import Period

app = typer.Typer()


@command(app, "simulate")
def simulate(
    run: State,
    *,
    seed: Annotated[int, typer.Option("--seed", min=0)],
    period: str,
    cases: Annotated[int, typer.Option("--cases", min=1)] = 400,
    inspect: str | None = None,
) -> View:
    """Simulate a working month: cases are opened, dispatched, sent back, extended, postponed, checked, closed, visited.

    With --inspect the month's samples are drawn, the inspectors' forms taken, notices issued and checked.
    """
    from gridmgmt.casework.operations import cases as casework
    from gridmgmt.casework.operations import lookup
    from gridmgmt.demo import operations, workday
    from gridmgmt.periods import parse_period

    wanted = parse_period(period)
    city, leaves, known = operations.ground(run.work, wanted)
    steps = workday.script(leaves, _classes(known), wanted, city.zone, seed, cases)
    taken: Counter[str] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    with run.progress() as tell:
        for outcome in casework.take(run.work.but(progress=tell), [*_requests(steps)]):
            if outcome.fault is not None:
                why = str(outcome.fault.facts.get("why") or outcome.fault.code)
                refused[outcome.request.kind, why] += 1
            elif outcome.case is not None:
                taken[outcome.request.kind] += 1
    inspected = _inspect(run, inspect, wanted, city, seed) if inspect else {}
    refusals = [{"step": k, "why": w, "n": x} for (k, w), x in sorted(refused.items())]
    told = {"n_steps": len(steps), "taken": dict(taken), "refused": refusals, "inspected": inspected}
    told["states"] = lookup.by_state(run.work)
    return View(told, _told(run, told, {"period": wanted.label, "n": cases}))


def _told(run: State, told: Mapping[str, Any], facts: Mapping[str, Any]) -> Shown:
    taken = told["taken"]
    yield run.word("simulated", {**facts, "steps": sum(taken.values())})
    yield Table(
        run.words(("docket_step", "docket_times")), [[run.word(f"step_{k}"), f"{x:,}"] for k, x in taken.items()], (1,)
    )
    if told["inspected"]:
        yield run.word("simulated_inspections", told["inspected"])
    for x in told["refused"]:
        code = f"refused_{x['why']}"
        reason = run.word(code) if code in texts.catalogue() else x["why"]
        yield run.word("simulated_refused", {**x, "why": reason})
    yield states_table(run, {s: x for s, x in told["states"].items() if x}, {})


def _inspect(run: State, rulebook: str, period: Period, city: City, seed: int) -> dict[str, int]:
    """Draw the month's samples, hand in the inspectors' form, issue notices on what was found and check them."""
    from tempfile import TemporaryDirectory

    import numpy as np

    from gridmgmt.demo import workday
    from gridmgmt.demo.names import table
    from gridmgmt.inspections.exports import field_forms
    from gridmgmt.inspections.operations import draws, findings, notices

    rules, rng = table("simulation")["inspection"], np.random.default_rng([seed, 28])
    made = draws.make_draw(run.work, rulebook, period.label, str(seed))
    form = json.loads(field_forms.geojson(findings.form_of(run.work, made.name)))
    filled = workday.filled_form(form, period, city.zone, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{made.name}.geojson"
        path.write_text(json.dumps(filled, ensure_ascii=False), "utf-8")
        taken = findings.take(run.work, path)
    end = period.bounds(city.zone)[1]
    n_notices = n_checked = 0
    for unit in sorted({f["properties"]["unit"] for f in filled["features"] if f["properties"]["results"]}):
        due = end + dt.timedelta(days=rules["notice_days"])
        with suppress(FindingsMissing):  # all of the unit's findings stand in a notice already
            notice = notices.issue_notice(run.work.but(actor="simulate"), made.name, unit, due, issued_at=end)
            n_notices += 1
            if rng.random() < rules["checked"]:
                at = end + dt.timedelta(days=float(rng.uniform(1, 1.5 * rules["notice_days"])))
                notices.check_notice(run.work.but(actor="simulate"), notice["notice_no"], "done", checked_at=at)
                n_checked += 1
    n = len(filled["features"])
    return {"n_drawn": n, "n_taken": taken.n_loaded, "n_notices": n_notices, "n_checked": n_checked}


def _classes(known: list[str]) -> list[tuple[str, float]]:
    """The demo's classes with their weights where the city has them, else all of the city's alike."""
    from gridmgmt.demo.names import table

    weighted = [(f"{kind}:{code}", float(weight)) for kind, code, weight, *_ in table("casework")["classes"]]
    return [x for x in weighted if x[0] in set(known)] or [(name, 1.0) for name in known]


def _requests(steps: Iterable[workday.Scripted]) -> Iterator[Request]:
    from gridmgmt.casework.operations.requests import Request

    for s in steps:
        yield Request(
            s.kind, s.actor, s.case_no, s.at, reason=s.reason, facts=s.facts, ref=f"{s.case_no} {s.at} {s.kind}"
        )
