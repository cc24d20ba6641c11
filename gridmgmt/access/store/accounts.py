"""Accounts, their posts, and the keys of programs."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from gridmgmt.database import tables as t


@dataclass(frozen=True)
class Post:
    """A role with a scope; without grid and unit it is the city's."""

    role: str
    level: int | None = None
    grid_code: str | None = None
    unit_code: str | None = None

    @property
    def is_everywhere(self) -> bool:
        """Whether its scope is the whole city."""
        return self.grid_code is None and self.unit_code is None


@dataclass(frozen=True)
class Account:
    """Who may sign in."""

    id: int
    login: str
    name: str | None
    password_hash: str | None
    issuer: str | None
    disabled_at: dt.datetime | None
    posts: Sequence[Post]

    @property
    def may_sign_in(self) -> bool:
        """Whether there is a way to sign in: a password, or an identity provider who knows the account."""
        return self.password_hash is not None or self.issuer is not None


@dataclass(frozen=True)
class Key:
    """A program's key; of its secret only the beginning."""

    id: int
    login: str
    name: str
    start: str
    known_at: dt.datetime
    ends_at: dt.datetime | None
    revoked_at: dt.datetime | None


def _account(connection: Connection, row: Any) -> Account:
    p = t.account_post.c
    posts = select(p.role, p.level, p.grid_code, p.unit_code).where(p.account_id == row.id, p.ended_at.is_(None))
    found = [Post(**r) for r in connection.execute(posts.order_by(p.id)).mappings()]
    return Account(row.id, row.login, row.name, row.password_hash, row.issuer, row.disabled_at, found)


def by_login(connection: Connection, login: str) -> Account | None:
    """The account of a name."""
    row = connection.execute(select(t.account).where(t.account.c.login == login)).first()
    return _account(connection, row) if row else None


def by_id(connection: Connection, number: int) -> Account:
    """The account of a number."""
    return _account(connection, connection.execute(select(t.account).where(t.account.c.id == number)).one())


def by_identity(connection: Connection, issuer: str, external_id: str) -> Account | None:
    """The account that an identity provider knows by this."""
    a = t.account.c
    row = connection.execute(select(t.account).where(a.issuer == issuer, a.external_id == external_id)).first()
    return _account(connection, row) if row else None


def every(connection: Connection) -> list[Account]:
    """All accounts by name."""
    return [_account(connection, row) for row in connection.execute(select(t.account).order_by(t.account.c.login))]


def is_any(connection: Connection) -> bool:
    """Whether there is any account."""
    return connection.execute(select(t.account.c.id).limit(1)).first() is not None


def add(connection: Connection, login: str, name: str | None, password_hash: str | None) -> int:
    """Add an account; gives its number."""
    values = {"login": login, "name": name, "password_hash": password_hash}
    return int(connection.execute(insert(t.account).values(values).returning(t.account.c.id)).scalar_one())


def add_post(connection: Connection, account_id: int, post: Post) -> None:
    """Give an account a post."""
    connection.execute(insert(t.account_post).values(account_id=account_id, **vars(post)))


def end_posts(connection: Connection, account_id: int) -> None:
    """Take all posts away from an account."""
    p = t.account_post
    ended = update(p).where(p.c.account_id == account_id, p.c.ended_at.is_(None))
    connection.execute(ended.values(ended_at=func.clock_timestamp()))


def is_of_other_posts(connection: Connection, login: str, since: dt.datetime) -> bool:
    """Whether posts were taken away from an account since then."""
    a, p = t.account.c, t.account_post.c
    ended = select(p.id).join_from(t.account_post, t.account).where(a.login == login, p.ended_at > since)
    return connection.execute(ended.limit(1)).first() is not None


def change(connection: Connection, account_id: int, **values: Any) -> None:
    """Change an account's password, name or whether it is disabled."""
    connection.execute(update(t.account).where(t.account.c.id == account_id).values(values))


def add_key(
    connection: Connection, account_id: int, name: str, start: str, sha256: str, ends_at: dt.datetime | None
) -> int:
    """Add a program's key; gives its number."""
    values = {"account_id": account_id, "name": name, "start": start, "sha256": sha256, "ends_at": ends_at}
    return int(connection.execute(insert(t.api_key).values(values).returning(t.api_key.c.id)).scalar_one())


def keys(connection: Connection, login: str | None = None) -> list[Key]:
    """The keys of an account, or all."""
    k, a = t.api_key.c, t.account.c
    statement = select(k.id, a.login, k.name, k.start, k.known_at, k.ends_at, k.revoked_at).join_from(
        t.api_key, t.account
    )
    chosen = statement if login is None else statement.where(a.login == login)
    return [Key(**r) for r in connection.execute(chosen.order_by(k.id)).mappings()]


def revoke_key(connection: Connection, number: int) -> bool:
    """End a key; False: there is none of this number, or it is ended already."""
    k = t.api_key
    ended = update(k).where(k.c.id == number, k.c.revoked_at.is_(None)).values(revoked_at=func.clock_timestamp())
    return connection.execute(ended).rowcount > 0


def holder_of_key(connection: Connection, sha256: str) -> int | None:
    """Whose key it is, if it holds."""
    k, now = t.api_key.c, func.clock_timestamp()
    holds = (k.sha256 == sha256) & k.revoked_at.is_(None) & ((k.ends_at.is_(None)) | (k.ends_at > now))
    found: int | None = connection.execute(select(k.account_id).where(holds)).scalar()
    return found
