"""Accounts and keys (账号与密钥): added, listed, disabled; a password is set, a key given out once."""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gridmgmt.access import credentials
from gridmgmt.access.operations import roles
from gridmgmt.access.store import accounts, scopes, sessions
from gridmgmt.access.store.accounts import Account as Account
from gridmgmt.access.store.accounts import Key
from gridmgmt.access.store.accounts import Post as Post
from gridmgmt.city import City
from gridmgmt.database import auditing, cities, clock
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import (
    AccountExists,
    AccountMissing,
    GridMissing,
    KeyMissing,
    OptionInvalid,
    OutsideScope,
    UnitUnknown,
)
from gridmgmt.texts import expected
from gridmgmt.viewer import Viewer

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{1,63}")


@dataclass(frozen=True)
class GivenKey:
    """A new key: its secret is told this once."""

    id: int
    secret: str


def _parse_post(text: str, city: Callable[[], City]) -> Post:
    """A post as it is typed: ``role``, ``role@level:code`` of a grid, or ``role@unit:code``.

    Raises
    ------
    OptionInvalid, LevelUnknown
    """
    role, _, where = text.partition("@")
    if role not in roles.load_roles().roles:
        raise OptionInvalid(name="--post", value=role, expected=" / ".join(roles.load_roles().roles))
    if not where:
        return Post(role)
    kind, _, code = where.partition(":")
    if not code:
        raise OptionInvalid(name="--post", value=text, expected=expected("post"))
    return Post(role, unit_code=code) if kind == "unit" else Post(role, city().level(kind).number, code)


@needs("users.manage", whole=True)
def add(work: Work, login: str, posts: Sequence[str], *, name: str | None = None, password: str | None = None) -> None:
    """Add an account; without a password it signs in by an identity provider, or shows keys.

    Raises
    ------
    AccountExists, OptionInvalid, LevelUnknown, GridMissing, UnitUnknown
        Of a scope that is not there.
    """
    if not _LOGIN.fullmatch(login):
        raise OptionInvalid(name="login", value=login, expected=expected("login"))
    hashed = None if password is None else _checked(password)
    with work.transaction() as connection:
        if accounts.by_login(connection, login) is not None:
            raise AccountExists(login=login)
        number = accounts.add(connection, login, name, hashed)
        _give(connection, number, posts)
        auditing.note(connection, accounts=[login], posts=posts)


@needs("users.manage", whole=True)
def change(
    work: Work, login: str, *, posts: Sequence[str] | None = None, is_disabled: bool | None = None
) -> None:  # fmt: skip
    """Change an account, all of it or nothing; what is None stays.

    Parameters
    ----------
    posts
        In place of those that it has.
    is_disabled
        It can no longer sign in, nor show its keys, and its sessions end; False: it may again.

    Raises
    ------
    AccountMissing, OptionInvalid, LevelUnknown, GridMissing, UnitUnknown
    """
    with work.transaction() as connection:
        account = _found(connection, login)
        if posts is not None:
            accounts.end_posts(connection, account.id)
            _give(connection, account.id, posts)
            auditing.note(connection, posts=posts)
        if is_disabled is not None:
            accounts.change(connection, account.id, disabled_at=clock.now(connection) if is_disabled else None)
            sessions.end_all(connection, account.id)
        auditing.note(connection, accounts=[login])


@needs("users.manage", whole=True)
def every(work: Work) -> list[Account]:
    """All accounts."""
    with work.snapshot() as connection:
        return accounts.every(connection)


def has_administrator(work: Work) -> bool:
    """Whether anybody may sign in, by a password or by an identity provider, and manage accounts."""
    known = roles.load_roles().roles
    managing = {key for key, role in known.items() if "users.manage" in role.verbs}
    with work.snapshot() as connection:
        return any(
            a.disabled_at is None and a.may_sign_in and any(p.role in managing and p.is_everywhere for p in a.posts)
            for a in accounts.every(connection)
        )


def set_password(work: Work, login: str, password: str) -> None:
    """Set a password; whoever is signed in by that name is signed out.

    Raises
    ------
    AccountMissing, OptionInvalid, AccessDenied, OutsideScope
    """
    if work.viewer is None or work.viewer.login != login:
        with work.refusals_told():
            if not work.allowed("users.manage").everywhere:
                raise OutsideScope(verb="users.manage", about=login)
    hashed = _checked(password)
    with work.transaction() as connection:
        account = _found(connection, login)
        accounts.change(connection, account.id, password_hash=hashed)
        sessions.end_all(connection, account.id)
        sessions.succeeded(connection, [f"login:{login}"])
        auditing.note(connection, accounts=[login])


@needs("users.manage", whole=True)
def link(work: Work, login: str, issuer: str, external_id: str) -> None:
    """Say as whom an identity provider (统一身份认证) knows an account.

    Raises
    ------
    AccountMissing
    """
    with work.transaction() as connection:
        accounts.change(connection, _found(connection, login).id, issuer=issuer, external_id=external_id)
        auditing.note(connection, accounts=[login])


@needs("users.manage", whole=True)
def new_key(work: Work, login: str, name: str, days: int | None = None) -> GivenKey:
    """Make a key for an account's programs; only its digest is kept.

    Raises
    ------
    AccountMissing
    """
    secret = credentials.make_key()
    with work.transaction() as connection:
        account = _found(connection, login)
        ends_at = None if days is None else clock.now(connection) + dt.timedelta(days=days)
        start = credentials.start_of(secret)
        number = accounts.add_key(connection, account.id, name, start, credentials.digest(secret), ends_at)
        auditing.note(connection, keys=[start], accounts=[login])
    return GivenKey(number, secret)


@needs("users.manage", whole=True)
def keys(work: Work, login: str | None = None) -> list[Key]:
    """The keys of an account, or all."""
    with work.snapshot() as connection:
        return accounts.keys(connection, login)


@needs("users.manage", whole=True)
def revoke_key(work: Work, number: int) -> None:
    """End a key.

    Raises
    ------
    KeyMissing
    """
    with work.transaction() as connection:
        if not accounts.revoke_key(connection, number):
            raise KeyMissing(number=number)
        auditing.note(connection, keys=[number])


def acting(work: Work, login: str) -> Viewer | None:
    """An account as whom the machine's operator acts (``--as``); None: nobody has an account yet, a name is claimed.

    Raises
    ------
    AccountMissing
    """
    with work.snapshot() as connection:
        account = accounts.by_login(connection, login)
        if account is not None:
            return roles.viewer_of(connection, account, "acting")
        if accounts.is_any(connection):
            raise AccountMissing(login=login)
    return None


def present(work: Work, login: str) -> Viewer:
    """Somebody as he may act now, for what he asked for earlier.

    Raises
    ------
    AccountMissing
        He is not known any more, or disabled.
    """
    with work.snapshot() as connection:
        account = _found(connection, login)
        if account.disabled_at is not None:
            raise AccountMissing(login=login)
        return roles.viewer_of(connection, account, "acting")


def _found(connection: Connection, login: str) -> Account:
    account = accounts.by_login(connection, login)
    if account is None:
        raise AccountMissing(login=login)
    return account


def _checked(password: str) -> str:
    if len(password) < credentials.LEAST_PASSWORD:
        raise OptionInvalid(name="password", value="…", expected=expected("password"))
    return credentials.hashed(password)


def _give(connection: Connection, number: int, posts: Sequence[str]) -> None:
    for text in posts:
        post = _parse_post(text, lambda: cities.load_city(connection))
        if post.level is not None and not scopes.is_grid(connection, post.level, post.grid_code or ""):
            raise GridMissing(code=post.grid_code or "")
        if post.unit_code is not None and not scopes.is_unit(connection, post.unit_code):
            raise UnitUnknown(value=post.unit_code)
        accounts.add_post(connection, number, post)
