"""Sending to hooks (推送): by one process, in order, each event until it is taken or given up."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from gridmgmt.access.operations import roles
from gridmgmt.access.store import accounts
from gridmgmt.database import cities, clock
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import AccessDenied
from gridmgmt.live import hooks
from gridmgmt.live.events import Page
from gridmgmt.live.exports.messages import lines
from gridmgmt.live.operations import reading
from gridmgmt.live.store import hooks as store
from gridmgmt.live.store.hooks import Hook

_SECONDS = 10.0
"""So long one request may take on the whole."""

_MOST_ANSWER = 64_000
_AT_ONCE = {"json": 100, "wecom": 20, "dingtalk": 20}
"""Events of one request."""


@dataclass(frozen=True)
class _Letter:
    hook: Hook
    page: Page
    sent: hooks.Sent


def send(work: Work) -> int:
    """Send to each hook that may be sent to what its account may see; gives how many events were taken.

    ``work`` is that of requests: what a hook is told is read by the row policies of its account.
    """
    with work.over_everything().connect() as connection, only_one(connection) as is_first:
        if not is_first:
            return 0
        found = store.due(connection)
        connection.commit()
        written = (_written(work, hook, secret, account) for hook, secret, account in found)
        letters = [letter for letter in written if letter is not None]
        if not letters:
            return 0
        answers = asyncio.run(_all(letters))
        n = 0
        with connection.begin():
            for letter, failure in zip(letters, answers, strict=True):
                n += _noted(connection, letter, failure)
        return n


@contextmanager
def only_one(connection: Connection) -> Iterator[bool]:
    """Be the one who sends, if nobody else does; no transaction stays open meanwhile."""
    is_first = store.claim(connection)
    connection.commit()
    try:
        yield is_first
    finally:
        connection.rollback()
        if is_first:
            store.release(connection)
            connection.commit()


def _written(work: Work, hook: Hook, secret: str, account_id: int) -> _Letter | None:
    """What is to be sent to a hook; None: nothing."""
    with work.over_everything().snapshot() as connection:
        viewer = roles.viewer_of(connection, accounts.by_id(connection, account_id), "key")
        lang = cities.load_city(connection).languages[0]
        at_ms = int(clock.now(connection).timestamp() * 1000)
    try:
        page = reading.rest(work.but(viewer=viewer), hook.after, hook.kinds, _AT_ONCE[hook.form])
    except AccessDenied:  # its account may read no cases any more
        return None
    if not page.events:
        return None
    told = lines(page.events, lang) if hook.form != "json" else []
    return _Letter(hook, page, hooks.made(hook.form, hook.url, secret, at_ms, page.events, told))


async def _all(letters: Sequence[_Letter]) -> list[str | None]:
    async with httpx2.AsyncClient(follow_redirects=False, timeout=_SECONDS) as client:
        return await asyncio.gather(*(_post(client, x) for x in letters))


async def _post(client: httpx2.AsyncClient, letter: _Letter) -> str | None:
    """Send; gives why it was not taken. Redirects are not followed: they could lead anywhere."""
    try:
        async with asyncio.timeout(_SECONDS):
            sent = letter.sent
            async with client.stream("POST", sent.url, content=sent.body, headers=dict(sent.headers)) as answer:
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > _MOST_ANSWER:
                        return "answer too long"
    except TimeoutError:
        return f"no answer within {_SECONDS:.0f} s"
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as e:
        return type(e).__name__
    if hooks.is_taken(letter.hook.form, answer.status_code, body):
        return None
    return f"{answer.status_code} {body[:200].decode(errors='replace')}"


def _noted(connection: Connection, letter: _Letter, failure: str | None) -> int:
    """Keep what became of a letter; gives how many events were taken."""
    hook, to = letter.hook, letter.page.events[-1].position
    done = {"after_xid": to.xid, "after_id": to.id, "n_failed": 0}
    if failure is None:
        store.set_state(connection, hook.id, 60 / hooks.PER_MINUTE[hook.form], failure=None, **done)
        return len(letter.page.events)
    pause = hooks.PAUSES_S[hook.n_failed]
    if hook.n_failed + 1 < len(hooks.PAUSES_S):
        store.set_state(connection, hook.id, pause, n_failed=hook.n_failed + 1, failure=failure)
    else:
        lost = hook.n_lost + len(letter.page.events)
        store.set_state(connection, hook.id, pause, failure=failure, n_lost=lost, **done)
    return 0
