"""Commands on grids: editions in and out, where a place belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridmgmt import texts
from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.cli.options import a_day, day_of, encoding_of
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from gridmgmt.people.operations.locating import Located
    from gridmgmt.people.responsibility import Decision, Rule
    from gridmgmt.places.operations.editions import Imported
    from gridmgmt.places.topology import TopologyReport

app = typer.Typer()
grids = group(app, "grids")
unassigned = group(app, "unassigned")


@command(grids, "import")
def grids_import(
    run: State,
    files: Sequence[str],
    *,
    edition: str,
    base: str | None = None,
    crs: str | None = None,
    code: str = "code",
    name: str | None = None,
    name_en: str | None = None,
    level: str | None = None,
    parent: Sequence[str] = (),
    swap_xy: bool = False,
    dissolve: bool = False,
    overlaps: str | None = None,
    first: Sequence[str] = (),
    by: str | None = None,
    why: str | None = None,
    replace: bool = False,
    encoding: str | None = None,
) -> View:
    """Load boundary files as an inactive edition and print its topology report."""
    from gridmgmt.places.contested import settlement
    from gridmgmt.places.grids import GridColumns
    from gridmgmt.places.operations import editions

    columns = GridColumns(code, level or "", name, name_en, next(iter(parent), None), above=tuple(parent[1:]))
    writer = run.work.writer
    settled = settlement(overlaps, by or writer.name or writer.os_user, why, first)
    with run.progress() as tell:
        made = editions.import_grids(
            run.work.but(progress=tell, actor=by),
            files,
            edition,
            base=base,
            crs=crs,
            columns=columns,
            swap=swap_xy,
            dissolve=dissolve,
            settled=settled,
            replace=replace,
            encoding=encoding_of(encoding),
        )
    return View(made.as_dict(), _made(run, made))


def _made(run: State, made: Imported) -> Shown:
    yield run.word("edition_loaded", {"name": made.name, "n": made.n_grids})
    for m in made.mended:
        facts = {"code": m.code, "reason": m.reason, "change_m2": f"{m.area_change_m2:.3f}"}
        yield "  " + run.word("grid_mended", facts)
    yield from _report(run, made.report)


def _report(run: State, report: TopologyReport) -> Shown:
    names = _level_names(run)
    measured = [[names[m.level], f"{m.n_grids:,}", f"{m.area_m2 / 1e6:,.2f}"] for m in report.levels]
    yield Table(run.words(("level", "n_grids", "km²")), measured, right=(1, 2))
    found = [[run.word(f"severity_{f.severity}"), names[f.level], f.text(run.lang)] for f in report.findings]
    if found:
        yield Table(["", run.word("level"), ""], found, title=run.word("topology_findings"))
    yield run.word("topology_blocks" if report.blocking else "topology_passes", {"n": len(report.blocking)})


@command(grids, "check")
def grids_check(run: State, name: str) -> View:
    """Check an edition's topology again; exit status 1 if it may not be activated."""
    from gridmgmt.places.operations import editions

    report = editions.check(run.work, name)
    return View(report.to_dict(), _report(run, report), failed=bool(report.blocking))


@command(grids, "activate")
def grids_activate(run: State, name: str, *, from_: str, shrinks: bool = False) -> Shown:
    """Make an edition valid from a day on; the one before ends on that day."""
    from gridmgmt.places.operations import editions

    done = editions.activate(run.work, name, a_day(from_, "--from"), shrinks=shrinks)
    code = "edition_activated" if done["is_new"] else "edition_was_active"
    yield run.word(code, {**done, "predecessor": done["predecessor"] or "–"})


@command(grids, "list")
def grids_list(run: State) -> View:
    """Every edition with its days."""
    from gridmgmt.places.operations import editions

    names = ["name", "from", "to", "source"]
    found = [editions.as_json(e) for e in editions.list_editions(run.work)]
    return View(found, [Table(run.words(names, "edition_col_"), [[e[n] for n in names] for e in found])])


@command(grids, "export")
def grids_export(
    run: State, *, out: Path, edition: str | None = None, on: str | None = None, level: Sequence[str] = ()
) -> View:
    """Write an edition's grids as GeoPackage, GeoParquet or GeoJSON."""
    from gridmgmt.places.operations import editions

    name, n = editions.export_grids(run.work, out, edition=edition, day=day_of(on, "--on"), levels=level)
    told = {"edition": name, "n": n, "file": str(out)}
    return View(told, run.says("grids_written", told))


@command(grids, "diff")
def grids_diff(run: State, a: str, b: str) -> View:
    """Which codes of edition A became which of B, by share of area."""
    from gridmgmt.places.operations import editions

    found = editions.difference(run.work, a, b)
    heads = (run.word("level"), a, b, "", run.word("share_of_area"))
    return View(found, [Table(heads, (_moved(run, row) for row in found["changes"]), right=(4,))])


def _moved(run: State, row: Mapping[Any, Any]) -> list[Any]:
    words = run.words([row["change"], *(["reparented"] if row["reparented"] else [])], "change_")
    became = ", ".join(row["codes_b"])
    share = "" if row["share_a"] is None else f"{row['share_a']:.2%}"
    return [_level_names(run)[row["level"]], row["code_a"], became, " · ".join(words), share]


@command(app, "assign")
def assign(run: State, *, reassign: bool = False, edition: str | None = None) -> View:
    """Assign cases and samples again after an edition change, only what the change touches."""
    from gridmgmt.people.operations import assigning

    if not reassign:
        raise OptionInvalid(name="--reassign", value="", expected=texts.expected("reassign"))
    with run.progress() as tell:
        done = assigning.reassign(run.work.but(progress=tell), edition)
    return View(done, run.says("reassigned", done))


@command(app, "locate", ignore_unknown_options=True)
def locate(
    run: State,
    lon: float,
    lat: float,
    *,
    crs: str = "epsg:4490",
    on: str | None = None,
    category: str | None = None,
) -> View:
    """Who is responsible for a place: its grids, the unit and why, its areas, and what is near the border."""
    from gridmgmt.people.operations import locating

    found = locating.locate(run.work, lon, lat, crs=crs, day=day_of(on, "--on"), category=category)
    return View(as_dict(found), _located(run, found))


def _located(run: State, found: Located) -> Shown:
    if not found.is_assigned:
        facts = {"lon": f"{found.lon:.6f}", "lat": f"{found.lat:.6f}", "edition": found.edition}
        yield run.word("place_outside", facts)
        if found.is_swapped:
            yield run.word("place_swapped", {"lon": f"{found.lat:.6f}", "lat": f"{found.lon:.6f}"})
    else:
        names = _level_names(run)
        rows = [[names[g["level"]], g["code"], g["name_zh"], g["name_en"], g["responsible"]] for g in found.grids]
        title = f"{found.lon:.6f}, {found.lat:.6f} ({found.datum}) · {found.edition}"
        yield Table([""] * 5, rows, title=title)
        yield from _decision(run, found)
    for n in found.neighbours:
        facts = {"code": n["code"], "name": n["name_zh"] or n["name_en"], "m": n["distance_m"]}
        yield run.word("place_near", facts) + (f" · {_unit_name(run, n['unit'])}" if n["unit"] else "")


def _decision(run: State, found: Located) -> Shown:
    """The unit that answers, the areas, the rule that decided, and those it beat and why."""
    if found.unit is not None:
        name = run.name(found.unit["name_zh"], found.unit["name_en"])
        yield run.word("place_unit", {"code": found.unit["code"], "name": name})
    else:
        yield run.word("place_no_unit")
    for area in found.areas:
        yield run.word("place_area", {"code": area.code, "name": run.name(area.name_zh, area.name_en)})
    if found.decision.land_owner:
        yield run.word("place_land_owner", {"owner": found.decision.land_owner})
    if (winner := found.decision.rule) is None:
        return
    rows = [[run.word("rule_role_decides"), *rule_cells(run, winner, found.units)]]
    for b in found.decision.beaten:
        why = run.word(f"rule_why_{b.why}", {"winner": winner.kind, "loser": b.rule.kind})
        rows.append([why, *rule_cells(run, b.rule, found.units)])
    yield Table([""] * 6, rows, title=run.word("rule_decided"))


def rule_cells(run: State, rule: Rule, units: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A rule as a row of a table: its kind, category, grid or area, land owner, unit."""
    where = run.word("rule_where_everywhere")
    if rule.area is not None:
        where = rule.area.code
    elif rule.level is not None:
        where = f"{_level_names(run)[rule.level]} {rule.grid_code}"
    unit = units.get(rule.unit_code)
    name = _unit_name(run, unit) if unit else rule.unit_code
    return [run.word(f"rule_kind_{rule.kind}"), rule.category, where, rule.land_owner or "", name]


def _level_names(run: State) -> dict[int, str]:
    return {x.number: x.zh if run.lang == "zh" else x.en for x in run.city.levels}


def _unit_name(run: State, unit: Mapping[str, Any]) -> str:
    return f"{unit['code']} {run.name(unit['name_zh'], unit['name_en'])}".strip()


def as_dict(found: Located) -> dict[str, object]:
    """The answer as JSON."""
    names = ("code", "name_zh", "name_en", "kind")

    def unit(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return {k: row[k] for k in names} if row else None

    return {
        "lon": found.lon,
        "lat": found.lat,
        "datum": found.datum,
        "edition": found.edition,
        "assigned": found.is_assigned,
        "swapped": found.is_swapped,
        "category": found.category,
        "grids": [
            {k: g[k] for k in ("level", "code", "name_zh", "name_en", "kind", "responsible")} for g in found.grids
        ],
        "unit": unit(found.unit),
        "decision": _decision_as_dict(found.decision),
        "areas": [asdict(a) for a in found.areas],
        "neighbours": [{**n, "unit": unit(n["unit"])} for n in found.neighbours],
    }


def _decision_as_dict(decision: Decision) -> dict[str, object]:
    """Who answers and why as JSON; reasons as codes and in both languages."""
    winner = decision.rule
    beaten = []
    for b in decision.beaten:
        facts = {"winner": winner.kind if winner else None, "loser": b.rule.kind}
        reason = {x: texts.word(f"rule_why_{b.why}", facts, x) for x in texts.LANGUAGES}
        beaten.append({**_rule_as_dict(b.rule), "why": b.why, "reason": reason})
    return {
        "unit_code": decision.unit_code,
        "kind": decision.kind,
        "land_owner": decision.land_owner,
        "rule": _rule_as_dict(winner) if winner else None,
        "beaten": beaten,
    }


def _rule_as_dict(rule: Rule) -> dict[str, object]:
    names = ("category", "level", "grid_code", "land_owner", "unit_code")
    days = {"valid_from": None if rule.area else str(rule.valid_from), "valid_to": rule.valid_to and str(rule.valid_to)}
    area = rule.area.code if rule.area else None
    return {"kind": rule.kind, **{k: getattr(rule, k) for k in names}, "area": area, **days}


@command(unassigned, "list")
def unassigned_list(
    run: State, *, limit: Annotated[int, typer.Option("--limit", min=1)] = 100, out: Path | None = None
) -> View:
    """Cases and samples in no leaf grid, with the nearest grid and its distance."""
    from gridmgmt.people.operations import reference

    found = reference.unassigned(run.work, limit)
    if out is not None:
        return View(found, _written(found, out))
    rows = (
        [run.word(f"overview_{r['kind']}"), r["number"], run.word(f"located_{r['located']}"), r["lon"], r["lat"],
         r["nearest_code"], r["distance_m"]]
        for r in found
    )  # fmt: skip
    return View(
        found,
        [
            Table(
                run.words(("unassigned_what", "number", "unassigned_why", "lon", "lat", "nearest_grid", "m")),
                rows,
                right=(6,),
            )
        ],
    )


def _written(found: Sequence[Mapping[str, Any]], out: Path) -> Shown:
    import pandas as pd

    from gridmgmt.files.writing import whole

    with whole(out) as draft:
        pd.DataFrame(found).to_csv(draft, index=False, encoding="utf-8-sig")
    yield from ()
