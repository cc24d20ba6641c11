"""The command `gridmgmt simulate`: a working month driven through the same operations as people's."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer

from gridmgmt.casework.operations import cases, lookup
from gridmgmt.casework.operations.cases import Request
from gridmgmt.city import City
from gridmgmt.cli.base import JSON, State, progress, show_json, show_table, state
from gridmgmt.demo import operations, workday
from gridmgmt.demo.names import table
from gridmgmt.errors import FindingsMissing
from gridmgmt.inspections.exports import field_forms
from gridmgmt.inspections.operations import draws, findings
from gridmgmt.periods import Period, parse_period


def add_to(app: typer.Typer) -> None:
    """Hang the command into the root."""
    app.command("simulate")(simulate)


def simulate(
    context: typer.Context,
    seed: int = typer.Option(..., "--seed", help="The same seed on the same city gives the same month."),
    period: str = typer.Option(..., "--period", help="The month, e.g. 2026-01; it must be over."),
    n: int = typer.Option(400, "--cases", help="How many cases are reported."),
    rulebook: str = typer.Option(None, "--inspect", help="Also draw and take the month's samples of this rulebook."),
    as_json: bool = JSON,
) -> None:
    """Simulate a working month: cases are opened, dispatched, sent back, extended, postponed, checked, closed, visited.

    With --inspect the month's samples are drawn, the inspectors' forms taken, notices issued and checked.

    Example: `gridmgmt simulate --seed 7 --period 2026-01 --cases 400 --inspect huiji`
    """
    run = state(context)
    wanted = parse_period(period)
    city, leaves, known = operations.ground(run.engine, wanted)
    steps = workday.script(leaves, _classes(known), wanted, city.zone, seed, n)
    taken: Counter[str] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    with progress() as tell:
        for outcome in cases.take(run.engine.but(progress=tell), _requests(steps)):
            if outcome.fault is not None:
                why = str(outcome.fault.facts.get("why") or outcome.fault.code)
                refused[outcome.request.kind, why] += 1
            elif outcome.case is not None:
                taken[outcome.request.kind] += 1
    inspected = _inspect(run, rulebook, wanted, city, seed) if rulebook else {}
    states = lookup.by_state(run.engine)
    if as_json:
        refusals = [{"step": k, "why": w, "n": x} for (k, w), x in sorted(refused.items())]
        told = {"n_steps": len(steps), "taken": dict(taken), "refused": refusals}
        show_json({**told, "inspected": inspected, "states": states})
        return
    rows = [[run.word(f"step_{k}"), f"{x:,}"] for k, x in taken.items()]
    typer.echo(run.word("simulated", {"period": wanted.label, "n": n, "steps": sum(taken.values())}))
    show_table("", [run.word("docket_step"), run.word("docket_times")], rows, (1,))
    if inspected:
        typer.echo(run.word("simulated_inspections", inspected))
    for (kind, why), x in sorted(refused.items()):
        reason = run.word(f"refused_{why}") if run.word(f"refused_{why}") != f"refused_{why}" else why
        typer.echo(run.word("simulated_refused", {"n": x, "step": kind, "why": reason}))
    rows = [[run.word(f"state_{s}") if s else run.word("state_untold"), f"{x:,}"] for s, x in states.items() if x]
    show_table("", [run.word("state"), run.word("docket_cases")], rows, (1,))


def _inspect(run: State, rulebook: str, period: Period, city: City, seed: int) -> dict[str, int]:
    """Draw the month's samples, hand in the inspectors' form, issue notices on what was found and check them."""
    rules, rng = table("simulation")["inspection"], np.random.default_rng([seed, 28])
    made = draws.make_draw(run.engine, rulebook, period.label, str(seed))
    form = json.loads(field_forms.geojson(findings.form_of(run.engine, made.name)))
    filled = workday.filled_form(form, period, city.zone, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{made.name}.geojson"
        path.write_text(json.dumps(filled, ensure_ascii=False), "utf-8")
        taken = findings.take(run.engine, path)
    end = period.bounds(city.zone)[1]
    n_notices = n_checked = 0
    for unit in sorted({f["properties"]["unit"] for f in filled["features"] if f["properties"]["results"]}):
        due = end + dt.timedelta(days=rules["notice_days"])
        with suppress(FindingsMissing):  # all of the unit's findings stand in a notice already
            notice = findings.issue_notice(run.engine.but(actor="simulate"), made.name, unit, due, issued_at=end)
            n_notices += 1
            if rng.random() < rules["checked"]:
                at = end + dt.timedelta(days=float(rng.uniform(1, 1.5 * rules["notice_days"])))
                findings.check_notice(run.engine.but(actor="simulate"), notice["notice_no"], "done", checked_at=at)
                n_checked += 1
    n = len(filled["features"])
    return {"n_drawn": n, "n_taken": taken.n_loaded, "n_notices": n_notices, "n_checked": n_checked}


def _classes(known: list[str]) -> list[tuple[str, float]]:
    """The demo's classes with their weights where the city has them, else all of the city's alike."""
    weighted = [(f"{kind}:{code}", float(weight)) for kind, code, weight, *_ in table("casework")["classes"]]
    return [x for x in weighted if x[0] in set(known)] or [(name, 1.0) for name in known]


def _requests(steps: Iterable[workday.Scripted]) -> Iterator[Request]:
    for s in steps:
        yield Request(
            s.kind, s.actor, s.case_no, s.at, reason=s.reason, facts=s.facts, ref=f"{s.case_no} {s.at} {s.kind}"
        )
