"""Commands on people: who holds which post, and whether there are enough."""

from pathlib import Path

import typer

from gridmgmt.cli.base import JSON, State, show_json, show_table, state
from gridmgmt.cli.grids import day_of
from gridmgmt.errors import OptionInvalid
from gridmgmt.people.operations import people as operations
from gridmgmt.people.operations.people import StaffingReport
from gridmgmt.people.staffing import Staffing

people = typer.Typer(help="人员 · People; their names only where they are asked for.", no_args_is_help=True)
posts = typer.Typer(help="岗位 · Posts that people hold in units.", no_args_is_help=True)
staffing = typer.Typer(help="人员配置 · Whether there are enough people for the grids.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(people, name="people")
    app.add_typer(posts, name="posts")
    app.add_typer(staffing, name="staffing")


@people.command("import")
def people_import(context: typer.Context, file: Path) -> None:
    """Import people: columns code, name; where there are any valid_from, valid_to.

    Example: `gridmgmt people import people.csv`
    """
    run = state(context)
    typer.echo(run.word("people_imported", {"n": operations.import_people(run.engine, file)}))


@posts.command("import")
def posts_import(
    context: typer.Context,
    file: Path,
    reopen: bool = typer.Option(False, "--reopen", help="Let posts go on that have ended, as the table says."),
) -> None:
    """Import posts: columns person_code, unit_code, role; also level, grid_code, full_time, valid_from, valid_to.

    Example: `gridmgmt posts import posts.csv`
    """
    run = state(context)
    typer.echo(run.word("posts_imported", operations.import_posts(run.engine, file, reopen=reopen)))


@posts.command("list")
def posts_list(
    context: typer.Context,
    on: str = typer.Option(..., "--on", help="A day, such as 2026-03-05."),
    role: str = typer.Option(None, "--role", help="Only this role."),
    names: bool = typer.Option(False, "--names", help="Show the names, which are personal data."),
    as_json: bool = JSON,
) -> None:
    """The posts held on a day.

    Example: `gridmgmt posts list --on 2026-03-05 --role supervisor`
    """
    run = state(context)
    roles = operations.roles()
    if role is not None and role not in roles:
        raise OptionInvalid(name="--role", value=role, expected=" / ".join(roles))
    day = day_of(on, "--on")
    held = operations.list_posts(run.engine, day, role, names=names) if day else []
    fields = ("person_code", "unit_code", "role", "level", "grid_code", "is_full_time", "valid_from", "valid_to")
    if as_json:
        name = [{"name": h.name} if names else {} for h in held]
        show_json([{f: getattr(h.post, f) for f in fields} | n for h, n in zip(held, name, strict=True)])
        return
    rows = []
    for h in held:
        p = h.post
        level = run.city.levels[p.level - 1].key if p.level else ""
        who = [p.person_code, h.name] if names else [p.person_code]
        words = roles[p.role].model_dump() if p.role in roles else {}
        rows.append([*who, words.get(run.lang, p.role), p.unit_code, level, p.grid_code, p.valid_from, p.valid_to])
    show_table("", [""] * (8 if names else 7), rows)


@staffing.command("check")
def staffing_check(
    context: typer.Context,
    scheme: str = typer.Option(..., "--scheme", help="Id in data/staffing/rules.yaml."),
    on: str = typer.Option(..., "--on", help="A day, such as 2026-03-05."),
    level: str = typer.Option(None, "--level", help="By which level of grids (default: the scheme's)."),
    as_json: bool = JSON,
) -> None:
    """How many people a scheme demands for each area, how many there are, and how many are short.

    Example: `gridmgmt staffing check --scheme ningbo --on 2026-03-05`
    """
    run = state(context)
    day = day_of(on, "--on")
    if day is None:
        raise OptionInvalid(name="--on", value=on, expected="YYYY-MM-DD")
    found = operations.check(run.engine, scheme, day, level)
    if as_json:
        show_json(_as_dict(found))
    else:
        _show(run, found)


def _as_dict(found: StaffingReport) -> dict[str, object]:
    return {
        "scheme": found.scheme.title.model_dump(),
        "edition": found.edition,
        "on": found.day.isoformat(),
        "areas": [
            {
                "level": s.area[0],
                "code": s.area[1],
                "role": s.check.role,
                "people": s.check.people,
                "grids": s.check.grids,
                "n_grids": s.n_grids,
                "n_enterprise_grids": s.n_enterprise_grids,
                "needed": s.needed,
                "rounded_up": not s.check.is_whole(s.n_grids),
                "have": s.have,
                "have_full_time": s.have_full_time,
                "short": s.short,
            }
            for s in found.lines
        ],
        "unplaced": {c.role: len(found.heads.unplaced.get(c.role, ())) for c in found.scheme.checks},
    }


def _show(run: State, found: StaffingReport) -> None:
    roles = operations.roles()

    def role(key: str) -> str:
        return str(roles[key].model_dump()[run.lang]) if key in roles else key

    def row(s: Staffing) -> list[object]:
        zh, en = found.names[s.area[1]]
        name = (zh or en if run.lang == "zh" else en or zh) or ""
        ratio = run.word("staffing_ratio_of", {"people": s.check.people, "grids": s.check.grids})
        numbers = (s.n_grids, s.n_enterprise_grids, s.needed, s.have, s.have_full_time, s.short)
        return [f"{s.area[1]} {name}", role(s.check.role), ratio, *numbers]

    columns = ("area", "role", "ratio", "n_grids", "n_enterprise", "needed", "have", "full_time", "short")
    title = found.scheme.title.model_dump()[run.lang]
    facts = {"title": title, "day": found.day.isoformat(), "edition": found.edition}
    heads = [run.word(f"staffing_{c}") for c in columns]
    show_table(run.word("staffing_title", facts), heads, [row(s) for s in found.lines], right=range(3, 9))
    if any(not s.check.is_whole(s.n_grids) for s in found.lines):
        typer.echo(run.word("staffing_rounded"))
    for check in found.scheme.checks:
        if n := len(found.heads.unplaced.get(check.role, ())):
            typer.echo(run.word("staffing_unplaced", {"n": n, "role": role(check.role)}))
