"""Commands on grids: editions in and out, where a place belongs."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from gridmgmt import texts
from gridmgmt.cli.base import JSON, State, progress, show_json, show_table, state
from gridmgmt.errors import OptionInvalid
from gridmgmt.people.operations import assigning, locating, reference
from gridmgmt.people.responsibility import Decision, Rule
from gridmgmt.places.lineage import changes
from gridmgmt.places.operations import editions
from gridmgmt.places.topology import TopologyReport

grids = typer.Typer(help="网格版本 · Editions of the grids.", no_args_is_help=True)
unassigned = typer.Typer(help="未落格 · Cases and samples in no grid.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(grids, name="grids")
    app.add_typer(unassigned, name="unassigned")
    app.command("assign")(assign)
    app.command("locate", context_settings={"ignore_unknown_options": True})(locate)


def day_of(text: str | None, name: str) -> dt.date | None:
    """A date option."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as e:
        raise OptionInvalid(name=name, value=text, expected="YYYY-MM-DD") from e


@grids.command("import")
def grids_import(
    context: typer.Context,
    files: list[str] = typer.Argument(help="FILE or FILE:LAYER, one or more."),
    edition: str = typer.Option(..., "--edition", help="Name of the new edition."),
    base: str = typer.Option(None, "--base", help="Complete a partial delivery (some districts) to a whole edition."),
    crs: str = typer.Option(None, "--crs", help="Coordinate system where the file has none or a wrong one."),
    code: str = typer.Option("code", "--code", help="Column of the code."),
    name: str = typer.Option(None, "--name", help="Column of the name."),
    name_en: str = typer.Option(None, "--name-en", help="Column of the English name."),
    level: str = typer.Option(None, "--level", help="Column of the level, or the one level of all rows."),
    parent: str = typer.Option(None, "--parent", help="Column of the parent's code."),
    replace: bool = typer.Option(False, "--replace", help="Load an inactive edition of that name again."),
    as_json: bool = JSON,
) -> None:
    """Load boundary files as an inactive edition and print its topology report.

    Example: `gridmgmt grids import grids.gpkg --edition 2025`
    """
    run = state(context)
    columns = editions.ColumnNames(code, name, name_en, level, parent)
    with progress() as tell:
        made = editions.import_grids(
            run.engine.but(progress=tell), files, edition, base=base, crs=crs, columns=columns, replace=replace
        )
    if as_json:
        show_json({"edition": made.name, "n_grids": made.n_grids, "report": made.report.to_dict()})
        return
    typer.echo(run.word("edition_loaded", {"name": made.name, "n": made.n_grids}))
    for m in made.mended:
        facts = {"code": m.code, "reason": m.reason, "change_m2": f"{m.area_change_m2:.3f}"}
        typer.echo("  " + run.word("grid_mended", facts))
    _show_report(run, made.report)


def _show_report(run: State, report: TopologyReport) -> None:
    names = _level_names(run)
    measured = [[names[m.level], f"{m.n_grids:,}", f"{m.area_m2 / 1e6:,.2f}"] for m in report.levels]
    show_table("", [run.word("level"), run.word("n_grids"), "km²"], measured, right=(1, 2))
    found = [[run.word(f"severity_{f.severity}"), names[f.level], f.text(run.lang)] for f in report.findings]
    if found:
        show_table(run.word("topology_findings"), ["", run.word("level"), ""], found)
    typer.echo(run.word("topology_blocks" if report.blocking else "topology_passes", {"n": len(report.blocking)}))


@grids.command("check")
def grids_check(context: typer.Context, name: str, as_json: bool = JSON) -> None:
    """Check an edition's topology again; exit status 1 if it may not be activated.

    Example: `gridmgmt grids check 2025`
    """
    run = state(context)
    report = editions.check(run.engine, name)
    if as_json:
        show_json(report.to_dict())
    else:
        _show_report(run, report)
    if report.blocking:
        raise typer.Exit(1)


@grids.command("activate")
def grids_activate(
    context: typer.Context,
    name: str,
    first: str = typer.Option(..., "--from", help="First day of validity."),
    shrinks: bool = typer.Option(False, "--shrinks", help="The city did become smaller."),
) -> None:
    """Make an edition valid from a day on; the one before ends on that day.

    Example: `gridmgmt grids activate 2025 --from 2025-01-01`
    """
    run = state(context)
    day = day_of(first, "--from") or dt.date.min
    done = editions.activate(run.engine, name, day, shrinks=shrinks)
    code = "edition_activated" if done["is_new"] else "edition_was_active"
    typer.echo(run.word(code, {**done, "predecessor": done["predecessor"] or "–"}))


@grids.command("list")
def grids_list(context: typer.Context, as_json: bool = JSON) -> None:
    """Every edition with its days.

    Example: `gridmgmt grids list`
    """
    run = state(context)
    found = [editions.as_json(e) for e in editions.list_editions(run.engine)]
    if as_json:
        show_json(found)
    else:
        show_table("", ["name", "from", "to", "source"], [[e["name"], e["from"], e["to"], e["source"]] for e in found])


@grids.command("diff")
def grids_diff(context: typer.Context, a: str, b: str, as_json: bool = JSON) -> None:
    """Which codes of edition A became which of B, by share of area.

    Example: `gridmgmt grids diff 2025 2026`
    """
    run = state(context)
    pairs, before, after = editions.diff(run.engine, a, b)
    what = changes(pairs, before, after)
    moved = what[(what["change"] != "unchanged") | what["reparented"]]
    if as_json:
        plain = pairs.astype(object).where(pairs.notna(), None)
        show_json({"changes": moved.to_dict("records"), "pairs": plain.to_dict("records")})
        return
    rows = []
    for r in moved.to_dict("records"):
        words = [run.word(f"change_{r['change']}")] + ([run.word("change_reparented")] if r["reparented"] else [])
        became = ", ".join(r["codes_b"]) if isinstance(r["codes_b"], list | tuple) else r["codes_b"]
        share = "" if r["share_a"] != r["share_a"] else f"{r['share_a']:.2%}"
        rows.append([run.city.levels[r["level"] - 1].key, r["code_a"], became, " · ".join(words), share])
    show_table("", [run.word("level"), a, b, "", run.word("share_of_area")], rows, right=(4,))


def assign(
    context: typer.Context,
    reassign: bool = typer.Option(False, "--reassign", help="Assign again what belongs to another edition now."),
    edition: str = typer.Option(None, "--edition", help="Only rows that go to this edition."),
    as_json: bool = JSON,
) -> None:
    """Assign cases and samples again after an edition change, only what the change touches.

    Example: `gridmgmt assign --reassign`
    """
    run = state(context)
    if not reassign:
        raise OptionInvalid(name="--reassign", value="", expected=texts.expected("reassign"))
    with progress() as tell:
        done = assigning.reassign(run.engine.but(progress=tell), edition)
    if as_json:
        show_json(done)
    else:
        typer.echo(run.word("reassigned", done))


def locate(
    context: typer.Context,
    lon: float = typer.Argument(help="Longitude (or easting)."),
    lat: float = typer.Argument(help="Latitude (or northing)."),
    crs: str = typer.Option("epsg:4490", "--crs", help="epsg:NNNN | gcj02 | bd09"),
    on: str = typer.Option(None, "--on", help="Day whose edition counts (default: today)."),
    category: str = typer.Option(None, "--category", help="component:01001 and the like."),
    as_json: bool = JSON,
) -> None:
    """Who is responsible for a place: its grids, the unit and why, its areas, and what is near the border.

    Example: `gridmgmt locate 114.3055 30.5928 --crs gcj02 --category component:01001`
    """
    run = state(context)
    found = locating.locate(run.engine, lon, lat, crs=crs, day=day_of(on, "--on"), category=category)
    if as_json:
        show_json(as_dict(found))
    elif not found.is_assigned:
        typer.echo(
            run.word("place_outside", {"lon": f"{found.lon:.6f}", "lat": f"{found.lat:.6f}", "edition": found.edition})
        )
    else:
        rows = [
            [_level_names(run)[g["level"]], g["code"], g["name_zh"], g["name_en"], g["responsible"]]
            for g in found.grids
        ]
        show_table(f"{found.lon:.6f}, {found.lat:.6f} ({found.datum}) · {found.edition}", ["", "", "", "", ""], rows)
        _show_decision(run, found)
    if not as_json:
        for n in found.neighbours:
            facts = {"code": n["code"], "name": n["name_zh"] or n["name_en"], "m": n["distance_m"]}
            typer.echo(run.word("place_near", facts) + (f" · {_unit_name(run, n['unit'])}" if n["unit"] else ""))


def _show_decision(run: State, found: locating.Located) -> None:
    """The unit that answers, the areas, the rule that decided, and those it beat and why."""
    if found.unit is not None:
        typer.echo(run.word("place_unit", {"code": found.unit["code"], "name": _name_of(run, found.unit)}))
    else:
        typer.echo(run.word("place_no_unit"))
    for area in found.areas:
        name = (area.name_zh if run.lang == "zh" else area.name_en) or area.name_zh or area.name_en or ""
        typer.echo(run.word("place_area", {"code": area.code, "name": name}))
    if found.decision.land_owner:
        typer.echo(run.word("place_land_owner", {"owner": found.decision.land_owner}))
    if (winner := found.decision.rule) is None:
        return
    rows = [[run.word("rule_role_decides"), *rule_cells(run, winner, found.units)]]
    for b in found.decision.beaten:
        why = run.word(f"rule_why_{b.why}", {"winner": winner.kind, "loser": b.rule.kind})
        rows.append([why, *rule_cells(run, b.rule, found.units)])
    show_table(run.word("rule_decided"), [""] * 6, rows)


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
    return f"{unit['code']} {_name_of(run, unit)}".strip()


def _name_of(run: State, row: Mapping[str, Any]) -> str:
    zh, en = row["name_zh"], row["name_en"]
    return str((zh or en if run.lang == "zh" else en or zh) or "")


def as_dict(found: locating.Located) -> dict[str, object]:
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
        "category": found.category,
        "grids": [
            {k: g[k] for k in ("level", "code", "name_zh", "name_en", "kind", "responsible")} for g in found.grids
        ],
        "unit": unit(found.unit),
        "decision": decision_as_dict(found.decision),
        "areas": [asdict(a) for a in found.areas],
        "neighbours": [{**n, "unit": unit(n["unit"])} for n in found.neighbours],
    }


def decision_as_dict(decision: Decision) -> dict[str, object]:
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


@unassigned.command("list")
def unassigned_list(
    context: typer.Context,
    limit: int = typer.Option(100, help="At most this many of each kind."),
    out: Path = typer.Option(None, "--out", help="Write a CSV instead."),
    as_json: bool = JSON,
) -> None:
    """Cases and samples in no leaf grid, with the nearest grid and its distance.

    Example: `gridmgmt unassigned list --limit 20`
    """
    run = state(context)
    found = reference.unassigned(run.engine, limit)
    if as_json:
        show_json(found)
    elif out is not None:
        pd.DataFrame(found).to_csv(out, index=False, encoding="utf-8-sig")
    else:
        rows = [
            [
                r["kind"],
                r["number"],
                run.word(f"located_{r['located']}"),
                r["lon"],
                r["lat"],
                r["nearest_code"],
                r["distance_m"],
            ]
            for r in found
        ]
        show_table("", ["", "", "", "lon", "lat", run.word("nearest_grid"), "m"], rows, right=(6,))
