"""Hooks of other systems (消息推送登记): added to an account, listed, removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from gridmgmt.access import credentials
from gridmgmt.access.store import accounts
from gridmgmt.database import auditing
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.errors import AccountMissing, HookMissing, OptionInvalid
from gridmgmt.live.events import KINDS, Position
from gridmgmt.live.hooks import FORMS
from gridmgmt.live.store import hooks, outbox
from gridmgmt.live.store.hooks import Hook
from gridmgmt.texts import expected


@dataclass(frozen=True)
class GivenHook:
    """A new hook; a secret that was made for it is told this once."""

    id: int
    secret: str | None


@needs("users.manage", whole=True)
def add(
    work: Work, login: str, name: str, url: str, *, form: str = "json", kinds: Sequence[str] = (),
    secret: str | None = None,
) -> GivenHook:  # fmt: skip
    """Send what happens in an account's scope to an address from now on.

    Parameters
    ----------
    kinds
        Only events of these; none: of all kinds.
    secret
        By which it is signed; of 钉钉 the robot's 加签 secret. None: one is made where the form is ``json``.

    Raises
    ------
    AccountMissing, OptionInvalid
    """
    for kind in kinds:
        if kind not in KINDS:
            raise OptionInvalid(name="--kind", value=kind, expected=" / ".join(KINDS))
    if form not in FORMS:
        raise OptionInvalid(name="--form", value=form, expected=" / ".join(FORMS))
    _check_url(url)
    made = credentials.make_secret() if secret is None and form == "json" else None
    with work.transaction() as connection:
        account = accounts.by_login(connection, login)
        if account is None:
            raise AccountMissing(login=login)
        now = Position(outbox.ends(connection)[0], 0)
        values = {"name": name, "url": url, "form": form, "kinds": [*kinds] or [*KINDS]}
        number = hooks.add(connection, account.id, made or secret or "", now, **values)
        auditing.note(connection, hooks=[number], accounts=[login])
    return GivenHook(number, made)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not url.isprintable() or len(url) > 2_000:
        raise OptionInvalid(name="URL", value=url[:100], expected=expected("hook_url"))


@needs("users.manage", whole=True)
def every(work: Work) -> list[Hook]:
    """All hooks and how they fare."""
    with work.snapshot() as connection:
        return hooks.every(connection)


@needs("users.manage", whole=True)
def remove(work: Work, number: int) -> None:
    """Send nothing more to a hook.

    Raises
    ------
    HookMissing
    """
    with work.transaction() as connection:
        if not hooks.remove(connection, number):
            raise HookMissing(number=number)
        auditing.note(connection, hooks=[number])
