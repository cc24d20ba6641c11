"""Signing in (登录): by password for a session or a short-lived token, by a key; who shows what, and what he may."""

import datetime as dt
from dataclasses import dataclass

from gridmgmt.access import credentials
from gridmgmt.access.operations import roles
from gridmgmt.access.store import accounts, sessions
from gridmgmt.access.store.accounts import Account
from gridmgmt.database.work import Work
from gridmgmt.errors import IdentityUnknown, SignInLocked, SignInNeeded, SignInRefused
from gridmgmt.viewer import Viewer

_IDLE = dt.timedelta(minutes=30)
"""A browser that asks for nothing for so long is signed out."""

_LASTS = dt.timedelta(hours=12)
"""So long a session holds at most."""

TOKEN_LASTS = dt.timedelta(minutes=15)


@dataclass(frozen=True)
class SignedIn:
    """A new session or token: its secret is told this once."""

    secret: str
    ends_at: dt.datetime
    viewer: Viewer


def sign_in(work: Work, login: str, password: str, *, address: str | None, token: bool = False) -> SignedIn:
    """Begin a session (or a token) of whoever knows the password.

    Raises
    ------
    SignInRefused
        Wrong, or the account is disabled.
    SignInLocked
        After five failures in a row by this name or from this address, ever longer.
    """
    tried = [f"login:{login}", *([f"address:{address}"] if address else [])]
    with work.transaction() as connection:
        wait = max((credentials.wait_s(n) - ago for n, ago in sessions.failures(connection, tried)), default=0)
        account = accounts.by_login(connection, login)
    if wait > 0:
        work.audit("sign_in", outcome="refused", tried=login, address=address)
        raise SignInLocked(wait_s=int(wait) + 1)
    is_right = credentials.is_password(password, account.password_hash if account else None)
    if account is None or not is_right or account.disabled_at is not None:
        with work.transaction() as connection:
            sessions.failed(connection, tried)
        work.audit("sign_in", outcome="refused", tried=login, address=address)
        raise SignInRefused()
    return begin(work, account, address=address, token=token, tried=tried)


def sign_in_as(work: Work, issuer: str, external_id: str, *, address: str | None) -> SignedIn:
    """Begin a session of whom an identity provider (统一身份认证) has just made sure of; no account is made by itself.

    Raises
    ------
    IdentityUnknown
        He is linked with no account, or it is disabled.
    """
    with work.snapshot() as connection:
        account = accounts.by_identity(connection, issuer, external_id)
    if account is None or account.disabled_at is not None:
        work.audit("sign_in", outcome="refused", issuer=issuer, tried=external_id, address=address)
        raise IdentityUnknown(issuer=issuer, subject=external_id)
    return begin(work, account, address=address)


def refused_by_provider(work: Work, issuer: str, reason: str, *, address: str | None) -> None:
    """Put into the audit that what came back from an identity provider did not hold."""
    work.audit("sign_in", outcome="refused", issuer=issuer, reason=reason, address=address)


def begin(
    work: Work, account: Account, *, address: str | None, token: bool = False, tried: list[str] | None = None
) -> SignedIn:
    """Begin the session of somebody who is known by now."""
    secret = credentials.make_secret()
    means, lasts = ("token", TOKEN_LASTS) if token else ("session", _LASTS)
    with work.transaction() as connection:
        sessions.succeeded(connection, tried or [])
        ends_at = sessions.begin(connection, credentials.digest(secret), account.id, means, lasts, address)
        viewer = roles.viewer_of(connection, account, means, address)
    work.but(viewer=viewer).audit("sign_in")
    return SignedIn(secret, ends_at, viewer)


def token_by_key(work: Work, viewer: Viewer, *, address: str | None) -> SignedIn:
    """A short-lived token of whoever is known already, by his key or session; no token makes another.

    Raises
    ------
    SignInNeeded
    """
    if viewer.means == "token":  # else what came of a key would outlive it
        raise SignInNeeded()
    with work.snapshot() as connection:
        account = accounts.by_login(connection, viewer.login)
    if account is None:
        raise SignInNeeded()
    return begin(work, account, address=address, token=True)


def known_by(work: Work, secret: str, *, address: str | None = None) -> Viewer:
    """Who shows this cookie, token or key.

    Raises
    ------
    SignInNeeded
        It holds no more, or never did.
    """
    digest = credentials.digest(secret)
    with work.snapshot() as connection:
        if secret.startswith(credentials.KEY_PREFIX):
            number, means = accounts.holder_of_key(connection, digest), "key"
        else:
            session = sessions.holding(connection, digest, _IDLE)
            number, means = (session.account_id, session.means) if session else (None, "")
        account = accounts.by_id(connection, number) if number is not None else None
        if account is None or account.disabled_at is not None:
            raise SignInNeeded()
        return roles.viewer_of(connection, account, means, address)


def seen(work: Work, secret: str) -> None:
    """Note that a session is used."""
    with work.connect() as connection, connection.begin():
        sessions.seen(connection, credentials.digest(secret))


def sign_out(work: Work, secret: str) -> None:
    """End a session."""
    with work.transaction() as connection:
        sessions.end(connection, credentials.digest(secret))
