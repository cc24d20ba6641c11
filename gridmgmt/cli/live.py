"""Commands on what is told to other systems: hooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group

app = typer.Typer()
hook = group(app, "hook")


@command(hook, "add")
def hook_add(
    run: State, login: str, name: str, url: str, *, form: str = "json", kind: Sequence[str] = (),
    secret: str | None = None,
) -> View:  # fmt: skip
    """Send what happens in an account's scope to an address; a secret that is made for it is told once."""
    from gridmgmt.live.operations import hooking

    made = hooking.add(run.work, login, name, url, form=form, kinds=kind, secret=secret)
    facts = {"id": made.id, "secret": made.secret}

    def said() -> Iterator[str]:
        yield run.said("hook_added" if made.secret is None else "hook_added_secret", facts)

    return View(facts, said())


@command(hook, "list")
def hook_list(run: State) -> View:
    """Hooks, and how they fare."""
    from gridmgmt.live.operations import hooking

    found = hooking.every(run.work)
    rows = (
        [h.id, h.login, h.name, h.shown_url, h.form, ", ".join(h.kinds), h.n_failed, h.n_lost, h.failure or ""]
        for h in found
    )
    names = ("id", "login", "name", "url", "form", "kinds", "n_failed", "n_lost", "failure")
    data = [{name: getattr(h, "shown_url" if name == "url" else name) for name in names} for h in found]
    return View(data, [Table(run.words(names, "hook_column_"), rows)])


@command(hook, "remove")
def hook_remove(run: State, number: int) -> Shown:
    """Send nothing more to a hook."""
    from gridmgmt.live.operations import hooking

    hooking.remove(run.work, number)
    yield run.said("hook_removed", {"id": number})
