"""Commands on the time-limit table: `gridmgmt limits import | list`."""

from dataclasses import asdict
from pathlib import Path

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group

app = typer.Typer()
limits = group(app, "limits")


@command(limits, "import")
def limits_import(run: State, file: Path) -> Shown:
    """Import time limits; rows are added, a change needs a later valid_from (docs/deadlines.md)."""
    from gridmgmt.casework.operations import time_limits

    yield run.word("limits_imported", {"n": time_limits.import_limits(run.work, file)})


@command(limits, "list")
def limits_list(run: State) -> View:
    """The time-limit table as it stands."""
    from gridmgmt.casework.operations import time_limits

    found = time_limits.list_limits(run.work)
    rows = (
        [x.category, x.unit_code, run.word(f"clock_{x.stage}"), x.part, getattr(x, f"part_{run.lang}"),
         f"{float(x.amount):g}", run.word(f"time_unit_{x.unit}"), x.valid_from, x.valid_to]
        for x in found
    )  # fmt: skip
    columns = ("category", "unit", "stage", "part", "part_name", "amount", "time_unit", "valid_from", "valid_to")
    return View([asdict(x) for x in found], [Table(run.words(columns, "limits_"), rows, right=(3, 5))])
