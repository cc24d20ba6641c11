"""Commands on the time-limit table: `gridmgmt limits import | list`."""

from dataclasses import asdict
from pathlib import Path

import typer

from gridmgmt.casework.operations import time_limits
from gridmgmt.cli.base import JSON, show_json, show_table, state

limits = typer.Typer(no_args_is_help=True, help="时限表 · Time limits by class, unit and stage.")


def add_to(app: typer.Typer) -> None:
    """Hang the group `limits` into the command."""
    app.add_typer(limits, name="limits")


@limits.command("import")
def limits_import(
    context: typer.Context, file: Path = typer.Argument(help="CSV or Excel: category, stage, amount, unit …")
) -> None:
    """Import time limits; rows are added, a change needs a later valid_from (docs/deadlines.md).

    Example: `gridmgmt limits import data/time_limits/sample.csv`
    """
    run = state(context)
    typer.echo(run.word("limits_imported", {"n": time_limits.import_limits(run.engine, file)}))


@limits.command("list")
def limits_list(context: typer.Context, as_json: bool = JSON) -> None:
    """The time-limit table as it stands.

    Example: `gridmgmt limits list`
    """
    run = state(context)
    found = time_limits.list_limits(run.engine)
    if as_json:
        show_json([asdict(x) for x in found])
        return
    part = "part_zh" if run.lang == "zh" else "part_en"
    rows = [
        [x.category, x.unit_code, run.word(f"clock_{x.stage}"), x.part, getattr(x, part), f"{float(x.amount):g}",
         run.word(f"time_unit_{x.unit}"), x.valid_from, x.valid_to]
        for x in found
    ]  # fmt: skip
    columns = ("category", "unit", "stage", "part", "part_name", "amount", "time_unit", "valid_from", "valid_to")
    show_table("", [run.word(f"limits_{c}") for c in columns], rows, right=(3, 5))
