"""Commands that prepare: the database, the city, its reference tables, a demo city."""

from dataclasses import asdict
from pathlib import Path

import typer

from gridmgmt import city as cities
from gridmgmt.cli.base import JSON, progress, show_json, show_table, state
from gridmgmt.cli.grids import day_of, rule_cells
from gridmgmt.database import administration
from gridmgmt.demo import make_demo_city
from gridmgmt.people.operations import reference
from gridmgmt.texts import both

db = typer.Typer(help="数据库 · The private PostGIS, or the one at GRIDMGMT_DATABASE_URL.", no_args_is_help=True)
city = typer.Typer(help="城市 · The database's one city.", no_args_is_help=True)
units = typer.Typer(help="责任单位 · Units.", no_args_is_help=True)
categories = typer.Typer(help="类别 · Categories.", no_args_is_help=True)
responsibility = typer.Typer(help="责任清单 · Who answers for what, where.", no_args_is_help=True)

MOST_SHOWN = 20
RULE = ("category", "level", "grid_code", "land_owner", "override", "unit_code", "valid_from", "valid_to")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(db, name="db")
    app.add_typer(city, name="city")
    app.add_typer(units, name="units")
    app.add_typer(categories, name="categories")
    app.add_typer(responsibility, name="responsibility")
    app.command("demo-city")(demo_city)


@db.command("start")
def db_start(context: typer.Context) -> None:
    """Start the private PostGIS, make the database and migrate it.

    Example: `gridmgmt --db demo db start`
    """
    s = state(context).settings
    started = administration.start(s, lambda line: typer.echo(line, err=True))
    typer.echo(both("db_started" if started else "db_running", {"url": administration.url(s)}))


@db.command("stop")
def db_stop(context: typer.Context) -> None:
    """Stop the private PostGIS.

    Example: `gridmgmt db stop`
    """
    typer.echo(both("db_stopped" if administration.stop(state(context).settings) else "db_not_running"))


@db.command("status")
def db_status(context: typer.Context, as_json: bool = JSON) -> None:
    """Where the database is and whether it answers.

    Example: `gridmgmt db status --json`
    """
    found = administration.status(state(context).settings)
    if as_json:
        show_json(found)
    else:
        show_table("", ["", ""], list(found.items()))
    if found.get("running") is False:
        raise typer.Exit(1)


@db.command("url")
def db_url(context: typer.Context) -> None:
    """Print the address for psql, QGIS and GDAL.

    Example: `psql "$(gridmgmt --db demo db url)"`
    """
    typer.echo(administration.url(state(context).settings))


@db.command("migrate")
def db_migrate(context: typer.Context) -> None:
    """Bring the tables to this release.

    Example: `gridmgmt db migrate`
    """
    typer.echo(administration.migrate(state(context).settings))


@db.command("drop")
def db_drop(context: typer.Context, yes: bool = typer.Option(False, "--yes", help="Really drop it.")) -> None:
    """Drop the database of the private server, with all that is in it.

    Example: `gridmgmt --db demo db drop --yes`
    """
    s = state(context).settings
    if not yes or s.database_url is not None:
        typer.echo(both("db_drop_refused", {"db": s.database_url or s.db}), err=True)
        raise typer.Exit(2)
    administration.drop(s)


@city.command("init")
def city_init(context: typer.Context, file: Path = typer.Argument(help="city.yaml")) -> None:
    """Write the city's one row: names, levels, time zone, projection.

    Example: `gridmgmt city init city.yaml`
    """
    made = reference.init_city(state(context).engine, file)
    typer.echo(both("city_ready", {"code": made.code, "name": made.name("zh")}))


@city.command("show")
def city_show(context: typer.Context, as_json: bool = JSON) -> None:
    """The city and what its database holds.

    Example: `gridmgmt city show`
    """
    found = reference.overview(state(context).engine)
    if as_json:
        show_json(found)
        return
    shown = cities.from_dict(found["city"])
    levels = " › ".join(x.zh for x in shown.levels)
    rows = [
        ("city", f"{shown.code} {shown.zh} {shown.en}"),
        ("levels", levels),
        ("editions", ", ".join(found["editions"])),
    ]
    rows += [(f"{kind} {k}", f"{n:,}") for kind in ("cases", "samples") for k, n in sorted(found[kind].items())]
    show_table("", ["", ""], [*rows, ("quarantine", found["n_quarantined"])])


@units.command("import")
def units_import(context: typer.Context, file: Path) -> None:
    """Import units: columns code, name_zh, name_en, kind, parent_code; where there are any level, grid_code.

    Example: `gridmgmt units import units.csv`
    """
    typer.echo(both("rows_imported", {"n": reference.import_units(state(context).engine, file)}))


@categories.command("import")
def categories_import(context: typer.Context, file: Path) -> None:
    """Import categories: columns scheme, kind, code, major_code, major_zh, major_en, name_zh, name_en.

    Example: `gridmgmt categories import categories.csv`
    """
    typer.echo(both("rows_imported", {"n": reference.import_categories(state(context).engine, file)}))


@responsibility.command("import")
def responsibility_import(
    context: typer.Context,
    file: Path,
    reopen: bool = typer.Option(False, "--reopen", help="Let rules go on that have ended, as the table says."),
    as_json: bool = JSON,
) -> None:
    """Import rules: columns category, level, grid_code, unit_code, valid_from, valid_to; also land_owner, override.

    Example: `gridmgmt responsibility import responsibility.csv`
    """
    run = state(context)
    report = reference.import_rules(run.engine, file, reopen=reopen)
    if as_json:
        show_json(asdict(report))
        return
    counts = {"n": report.n_rows, "n_new": report.n_new, "n_ended": report.n_ended}
    typer.echo(both("rules_imported", {**counts, "n_reopened": len(report.reopened)}))
    for fault in report.reopened:
        typer.echo(both("rule_reopened", fault.told))
    for fault in report.nowhere[:MOST_SHOWN]:
        typer.echo(both("rule_nowhere", fault.told))
    if len(report.nowhere) > MOST_SHOWN:
        typer.echo(both("rules_nowhere", {"n": len(report.nowhere)}))


@responsibility.command("list")
def responsibility_list(
    context: typer.Context,
    on: str = typer.Option(None, "--on", help="Only the rules that hold on this day."),
    as_of: str = typer.Option(None, "--as-of", help="As the table was known at this moment (default: now)."),
    as_json: bool = JSON,
) -> None:
    """The responsibility table in the order in which its rules decide.

    Example: `gridmgmt responsibility list --on 2026-03-05`
    """
    run = state(context)
    found = reference.list_rules(run.engine, day_of(on, "--on"), run.instant(as_of))
    if as_json:
        show_json([{"kind": rule.kind, **{name: getattr(rule, name) for name in RULE}} for rule in found])
        return
    rows = [[*rule_cells(run, rule, {}), rule.valid_from, rule.valid_to] for rule in found]
    names = ("kind", "category", "place", "land_owner", "unit", "from", "to")
    show_table("", [run.word(f"rules_{name}") for name in names], rows)


def demo_city(
    out: Path = typer.Option(..., "--out", help="Folder to write to."),
    seed: int = typer.Option(7, help="Same seed, same city."),
    size: str = typer.Option("small", help="small | medium | large"),
    unit_grids: bool = typer.Option(False, "--unit-grids", help="Add the 15-character unit grids below communities."),
    as_json: bool = JSON,
) -> None:
    """Write a synthetic city's files: boundaries, units, categories, twelve months of cases, inspections.

    Example: `gridmgmt demo-city --seed 7 --size small --out demo/`
    """
    with progress() as tell:
        made = make_demo_city(
            out, seed=seed, size=size, unit_grids=unit_grids, progress=lambda step, share: tell(both(step), 0)
        )
    if as_json:
        show_json(made.manifest)
    else:
        for name in made.files:
            typer.echo(str(made.folder / name))
