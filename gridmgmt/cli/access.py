"""Commands on who may do what: accounts, keys of programs, the audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from gridmgmt.access.operations.users import Account

app = typer.Typer()
user = group(app, "user")
key = group(app, "key")
audit = group(app, "audit")


def _says(run: State, code: str, facts: Mapping[str, Any]) -> Iterator[str]:
    yield run.said(code, facts)


def _password(run: State, *, given: bool) -> str:
    """A password from standard input, asked for twice at a terminal; or a random one."""
    import sys

    from gridmgmt.access import credentials

    if not given:
        return credentials.make_password()
    if sys.stdin.isatty():
        return str(typer.prompt(run.said("ask_password"), hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


@command(user, "add")
def user_add(
    run: State, login: str, *, post: Sequence[str] = (), name: str | None = None, ask: bool = False,
    no_password: bool = False,
) -> Shown:  # fmt: skip
    """Add an account with posts; its random password is told once, or asked for (--ask)."""
    from gridmgmt.access.operations import users

    password = None if no_password else _password(run, given=ask)
    users.add(run.work, login, post, name=name, password=password)
    told = password if password is not None and not ask else None
    yield run.said("user_added" if told is None else "user_added_password", {"login": login, "password": told})


@command(user, "post")
def user_post(run: State, login: str, *, post: Sequence[str] = ()) -> Shown:
    """Give an account these posts in place of those it has."""
    from gridmgmt.access.operations import users

    users.change(run.work, login, posts=post)
    yield run.said("user_posts_set", {"login": login, "n": len(post)})


@command(user, "list")
def user_list(run: State) -> View:
    """Accounts with their posts."""
    from gridmgmt.access.operations import roles, users

    found, known = users.every(run.work), roles.load_roles().roles
    rows = (
        [a.login, a.name, _posts(run, a, {k: run.name(r.zh, r.en) for k, r in known.items()}), _state(run, a)]
        for a in found
    )
    data = [
        {"login": a.login, "name": a.name, "posts": [vars(p) for p in a.posts], "disabled_at": a.disabled_at}
        for a in found
    ]
    return View(data, [Table(run.words(("login", "name", "posts", "state"), "user_"), rows)])


def _posts(run: State, account: Account, names: dict[str, str]) -> str:
    shown = []
    for p in account.posts:
        level = next((x.key for x in run.city.levels if x.number == p.level), "")
        where = f" {run.level_name(level)} {p.grid_code}" if p.grid_code else f" {p.unit_code}" if p.unit_code else ""
        shown.append(f"{names.get(p.role, p.role)}{where}")
    return "\n".join(shown)


def _state(run: State, account: Account) -> str:
    return run.said("user_disabled" if account.disabled_at else "user_active")


@command(user, "disable")
def user_disable(run: State, login: str, *, again: bool = False) -> Shown:
    """Disable an account, with its sessions and keys; --again: let it sign in again."""
    from gridmgmt.access.operations import users

    users.change(run.work, login, is_disabled=not again)
    yield run.said("user_again" if again else "user_off", {"login": login})


@command(user, "password")
def user_password(run: State, login: str, *, ask: bool = False) -> Shown:
    """Set a new password: a random one, told once, or asked for (--ask)."""
    from gridmgmt.access.operations import users

    password = _password(run, given=ask)
    users.set_password(run.work, login, password)
    yield run.said("password_set" if ask else "password_told", {"login": login, "password": password})


@command(user, "link")
def user_link(run: State, login: str, issuer: str, external_id: str) -> Shown:
    """Say as whom an identity provider knows an account."""
    from gridmgmt.access.operations import users

    users.link(run.work, login, issuer, external_id)
    yield run.said("user_linked", {"login": login, "issuer": issuer})


@command(key, "new")
def key_new(run: State, login: str, name: str, *, days: int | None = None) -> View:
    """Make a key for an account's programs; it is told once."""
    from gridmgmt.access.operations import users

    if days is not None and days < 1:
        raise OptionInvalid(name="--days", value=str(days), expected="≥ 1")
    made = users.new_key(run.work, login, name, days)
    return View({"id": made.id, "key": made.secret}, _says(run, "key_made", {"id": made.id, "key": made.secret}))


@command(key, "list")
def key_list(run: State, *, login: str | None = None) -> View:
    """Keys of programs: whose, their beginning, until when."""
    from gridmgmt.access.operations import users

    found = users.keys(run.work, login)
    rows = (
        [k.id, k.login, k.name, k.start + "…", run.time(k.known_at), run.time(k.ends_at) if k.ends_at else "",
         run.time(k.revoked_at) if k.revoked_at else ""]
        for k in found
    )  # fmt: skip
    heads = run.words(("id", "login", "name", "start", "made_at", "ends", "revoked_at"), "key_")
    return View([vars(k) for k in found], [Table(heads, rows)])


@command(key, "revoke")
def key_revoke(run: State, number: int) -> Shown:
    """End a key."""
    from gridmgmt.access.operations import users

    users.revoke_key(run.work, number)
    yield run.said("key_revoked", {"id": number})


@command(audit, "list")
def audit_list(
    run: State, *, by: str | None = None, deed: str | None = None, since: str | None = None, limit: int = 100
) -> View:
    """What was done and refused, newest first."""
    from gridmgmt.access.operations import auditing

    found = auditing.listed(run.work, login=by, deed=deed, start=run.instant(since), limit=limit)
    rows = (
        [r["id"], run.time(r["at"], seconds=True), r["login"] or r["os_user"], r["address"], r["deed"],
         run.word(f"audit_{r['outcome']}"), ", ".join(f"{k}={v}" for k, v in r["facts"].items())]
        for r in found
    )  # fmt: skip
    heads = run.words(("id", "at", "login", "address", "deed", "outcome", "facts"), "audit_column_")
    return View(found, [Table(heads, rows)])


@command(audit, "verify")
def audit_verify(run: State, *, head: str | None = None) -> View:
    """Seal what is open and compute the chain again; --head N:DIGEST: one that was written down elsewhere."""
    from gridmgmt.access.operations import auditing

    auditing.seal(run.work)
    found = auditing.verify(run.work, auditing.head_of(head) if head is not None else None)
    facts = {"n": found.n, "head": f"{found.n}:{found.head}"}
    if found.fault is None:
        return View(facts, _says(run, "audit_whole", facts))
    broken = {**facts, "at": found.fault.n, "id": found.fault.audit_id}
    return View({**broken, "why": found.fault.why}, _says(run, f"audit_broken_{found.fault.why}", broken), failed=True)


@command(audit, "export")
def audit_export(run: State, *, out: str) -> Shown:
    """Write the whole audit with its seals, a JSON object a line."""
    from pathlib import Path

    from gridmgmt.access.operations import auditing

    yield run.said("audit_exported", {"n": auditing.export(run.work, Path(out)), "file": out})
