"""Commands that prepare: the database, the city, its reference tables, a demo city."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.cli.options import day_of

app = typer.Typer()
db = group(app, "db")
city = group(app, "city")
units = group(app, "units")
categories = group(app, "categories")
responsibility = group(app, "responsibility")

_MOST_SHOWN = 20
RULE = ("category", "level", "grid_code", "land_owner", "override", "unit_code", "valid_from", "valid_to")


@command(db, "start")
def db_start(run: State) -> Shown:
    """Start the private PostGIS, make the database and migrate it."""
    from gridmgmt.database import administration
    from gridmgmt.places.operations import drawing

    started = administration.start(run.settings, lambda line: typer.echo(line, err=True))
    drawn = drawing.draw_missing(run.work)
    yield run.said("db_started" if started else "db_running", {"url": administration.url(run.settings)})
    yield from (run.said("edition_drawn", {"edition": name}) for name in drawn)


@command(db, "stop")
def db_stop(run: State) -> Shown:
    """Stop the private PostGIS."""
    from gridmgmt.database import administration

    yield run.said("db_stopped" if administration.stop(run.settings) else "db_not_running")


@command(db, "status")
def db_status(run: State) -> View:
    """Where the database is and whether it answers."""
    from gridmgmt.database import administration

    found = administration.status(run.settings)
    rows = ([run.said(f"status_{name}"), _yes_no(run, value)] for name, value in found.items())
    return View(found, [Table(["", ""], rows)], failed=found.get("running") is False)


def _yes_no(run: State, value: object) -> object:
    return run.said("status_yes" if value else "status_no") if isinstance(value, bool) else value


@command(db, "url")
def db_url(run: State) -> Shown:
    """Print the address for psql, QGIS and GDAL."""
    from gridmgmt.database import administration

    yield administration.url(run.settings)


@command(db, "migrate")
def db_migrate(run: State) -> Shown:
    """Bring the tables to this release, and draw the editions that it draws otherwise."""
    from gridmgmt.database import administration
    from gridmgmt.places.operations import drawing

    yield administration.migrate(run.settings)
    yield from (run.said("edition_drawn", {"edition": name}) for name in drawing.draw_missing(run.work))


@command(db, "drop")
def db_drop(run: State, *, yes: bool = False) -> Shown:
    """Drop the database of the private server, with all that is in it."""
    from gridmgmt.database import administration

    s = run.settings
    if not yes or s.database_url is not None:
        typer.echo(run.said("db_drop_refused", {"db": s.database_url or s.db}), err=True)
        raise typer.Exit(2)
    administration.drop(s)
    return iter(())


@command(db, "backup")
def db_backup(run: State, file: Path) -> View:
    """Write the database and its photographs into one file, of one moment, with checksums."""
    from gridmgmt.access.operations import auditing
    from gridmgmt.assessing.operations import backups

    head = auditing.head(run.work)
    with run.progress() as tell:
        made = backups.backup(run.work.but(progress=tell), run.settings, file, head)
    lines = [run.said("backup_made", asdict(made)), *(run.said("backup_lost", {"sha256": x}) for x in made.lost)]
    return View(asdict(made), lines, failed=bool(made.lost))


@command(db, "restore")
def db_restore(run: State, file: Path) -> View:
    """Bring a backup back into an empty database, and compute every published assessment again."""
    from gridmgmt.assessing.operations import backups

    with run.progress() as tell:
        done = backups.restore(run.work.but(progress=tell), run.settings, file)
    lines = [run.said("restore_done", {"n_files": done.n_files, "revision": done.revision})]
    lines += [run.said("backup_lost", {"sha256": x}) for x in done.lost]
    codes = {True: "restore_same", False: "restore_differs", None: "restore_unproved"}
    lines += [run.said(codes[same], {"name": name}) for name, same in done.assessments.items()]
    return View(asdict(done), lines, failed=not done.is_sound)


@command(city, "init")
def city_init(run: State, file: Path) -> Shown:
    """Write the city's one row: names, levels, time zone, projection."""
    from gridmgmt.database import cities
    from gridmgmt.people.operations import reference

    made = reference.init_city(run.work, file)
    code = "city_ready" if made.changes is None else "city_changed" if made.changes else "city_unchanged"
    name = made.city.name(run.asked_lang or run.reader)
    yield run.said(code, {"code": made.city.code, "name": name, "changes": cities.told(made.changes or {})})


@command(city, "show")
def city_show(run: State) -> View:
    """The city and what its database holds."""
    from gridmgmt.city import from_dict
    from gridmgmt.people.operations import reference

    found = reference.overview(run.work)
    shown = from_dict(found["city"])
    rows = [
        (run.word("overview_city"), f"{shown.code} {shown.name(run.lang)}"),
        (run.word("overview_levels"), " › ".join(x.zh if run.lang == "zh" else x.en for x in shown.levels)),
        (run.word("overview_editions"), ", ".join(found["editions"]) or run.word("nothing")),
    ]
    rows += [
        (f"{run.word(f'overview_{kind}')} · {run.word(f'located_{how}')}", f"{n:,}")
        for kind in ("cases", "samples")
        for how, n in sorted(found[kind].items())
    ]
    return View(found, [Table(["", ""], [*rows, (run.word("overview_quarantine"), f"{found['n_quarantined']:,}")])])


@command(units, "import")
def units_import(run: State, file: Path) -> Shown:
    """Import units: columns code, name_zh, name_en, kind, parent_code; where there are any level, grid_code."""
    from gridmgmt.people.operations import reference

    yield run.said("units_imported", asdict(reference.import_units(run.work, file)))


@command(units, "history")
def units_history(run: State, code: str | None = None) -> View:
    """What was ever said of a unit, or of all: names, kind, parent and place, since when and by whom."""
    from gridmgmt.files.wording import unit_kind_words
    from gridmgmt.people.operations import reference

    found = reference.past_of_units(run.work, code)
    rows = (
        [r["code"], run.name(r["name_zh"], r["name_en"]), unit_kind_words(r["kind"])[run.lang] if r["kind"] else None,
         r["parent_code"], r["grid_code"], run.time(r["known_at"]), r["actor"]]
        for r in found
    )  # fmt: skip
    names = ("code", "name", "kind", "parent", "grid", "known_at", "actor")
    return View(found, [Table(run.words(names, "history_"), rows)])


@command(categories, "history")
def categories_history(run: State, category: str | None = None) -> View:
    """What was ever said of a category (component:01001), or of all: its names, since when and by whom."""
    from gridmgmt.people.operations import reference

    found = reference.past_of_categories(run.work, category)
    rows = (
        [r["category"], run.name(r["name_zh"], r["name_en"]), run.name(r["major_zh"], r["major_en"]),
         run.time(r["known_at"]), r["actor"]]
        for r in found
    )  # fmt: skip
    return View(found, [Table(run.words(("code", "name", "major", "known_at", "actor"), "history_"), rows)])


@command(categories, "import")
def categories_import(run: State, file: Path) -> Shown:
    """Import categories: columns scheme, kind, code, major_code, major_zh, major_en, name_zh, name_en."""
    from gridmgmt.people.operations import reference

    yield run.said("rows_imported", {"n": reference.import_categories(run.work, file)})


@command(responsibility, "import")
def responsibility_import(run: State, file: Path, *, reopen: bool = False) -> View:
    """Import rules: columns category, level, grid_code, unit_code, valid_from, valid_to; also land_owner, override."""
    from gridmgmt.people.operations import reference

    report = reference.import_rules(run.work, file, reopen=reopen)
    counts = {"n": report.n_rows, "n_new": report.n_new, "n_ended": report.n_ended}
    lines = [run.said("rules_imported", {**counts, "n_reopened": len(report.reopened)})]
    lines += [run.said("rule_reopened", fault.told) for fault in report.reopened]
    lines += [run.said("rule_nowhere", fault.told) for fault in report.nowhere[:_MOST_SHOWN]]
    lines += [run.said("rules_nowhere", {"n": len(report.nowhere)})] if len(report.nowhere) > _MOST_SHOWN else []
    return View(asdict(report), lines)


@command(responsibility, "list")
def responsibility_list(run: State, *, on: str | None = None, as_of: str | None = None) -> View:
    """The responsibility table in the order in which its rules decide."""
    from gridmgmt.cli.grids import rule_cells
    from gridmgmt.people.operations import reference

    found = reference.list_rules(run.work, day_of(on, "--on"), run.instant(as_of))
    data = [{"kind": rule.kind, **{name: getattr(rule, name) for name in RULE}} for rule in found]
    rows = ([*rule_cells(run, rule, {}), rule.valid_from, rule.valid_to] for rule in found)
    names = ("kind", "category", "place", "land_owner", "unit", "from", "to")
    return View(data, [Table(run.words(names, "rules_"), rows)])


@command(app, "demo-city")
def demo_city(
    run: State,
    *,
    out: Path,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 7,
    size: str = "small",
    unit_grids: bool = False,
    cases: Annotated[int | None, typer.Option("--cases", min=1_000)] = None,
    format_: Annotated[str | None, typer.Option("--format")] = None,
) -> View:
    """Write a synthetic city's files: boundaries, units, categories, twelve months of cases, inspections."""
    from gridmgmt.cli import watching
    from gridmgmt.demo import make_demo_city

    with watching.progress(lambda: run.spoken) as tell:
        made = make_demo_city(
            out, seed=seed, size=size, unit_grids=unit_grids, cases=cases, file_format=format_, progress=tell
        )
    return View(made.manifest, [str(made.folder / name) for name in made.files])
