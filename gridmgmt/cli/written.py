"""The command log (操作记录): who wrote what, and when."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from gridmgmt.cli.base import State, Table, View, command
from gridmgmt.errors import OptionInvalid

app = typer.Typer()


@command(app, "log")
def log(
    run: State,
    *,
    by: str | None = None,
    kind: str | None = None,
    object_: Annotated[str | None, typer.Option("--object")] = None,
    from_: Annotated[str | None, typer.Option("--from")] = None,
    to: str | None = None,
    limit: int = 100,
) -> View:
    """Who wrote what and when, newest first: hand-overs, steps, editions, scoring, publishing, appeals."""
    from gridmgmt.database.actors import KINDS
    from gridmgmt.people.operations import reference

    if kind is not None and kind not in KINDS:
        raise OptionInvalid(name="--kind", value=kind, expected=" / ".join(KINDS))
    asked: dict[str, Any] = {"by": by, "kind": kind, "object": object_}
    asked |= {"start": run.instant(from_), "end": run.instant(to)}
    found = reference.written(run.work, limit=limit, **asked)
    rows = (
        [run.time(x.at, seconds=True), run.word(f"written_{x.kind}"), x.object, x.n, _who(run, x.actor, x.means),
         x.os_user, x.job]
        for x in found
    )  # fmt: skip
    names = ("at", "kind", "object", "n", "actor", "os_user", "job")
    return View([asdict(x) for x in found], [Table(run.words(names, "log_"), rows, right=(3,))])


def _who(run: State, actor: str | None, means: str | None) -> str:
    """The name with how it is known; nobody where the row is older than the table of actors."""
    return run.word("log_nobody") if actor is None else f"{actor} ({run.word(f'log_{means}')})"
