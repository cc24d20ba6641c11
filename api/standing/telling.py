"""What the server does by itself (后台消息): the audit sealed, lights that turned, old events, hooks to be told.

Each worker tries; the database lets one at a time do it (advisory locks), so that a worker that dies is followed by
another. What fails is told in the log and tried again.
"""

import asyncio
import logging
from collections.abc import Callable

from fastapi.concurrency import run_in_threadpool

from api.standing import logs
from gridmgmt.access.operations import auditing
from gridmgmt.database.changes import Changes
from gridmgmt.database.work import Work
from gridmgmt.errors import GridmgmtError
from gridmgmt.live.operations import lights, reading, sending

_MINUTE_S = 60.0
_PURGES_EVERY = 60
_HOOKS_S = 5.0
"""So often hooks are looked at though nothing is told: those that failed have their pauses."""


async def every_minute(work: Work, days: int) -> None:
    """Seal the audit, look for lights that turned, and once an hour for events older than so many days."""
    n = 0
    while True:
        await asyncio.sleep(_MINUTE_S)
        await _try("audit", lambda: _sealed(work))
        await _try("lights", lambda: lights.tick(work))
        if n % _PURGES_EVERY == 0:
            await _try("purge", lambda: reading.purge(work, days))
        n += 1


def _sealed(work: Work) -> int:
    """Seal the audit; the head goes to the log, beside which a tail that was cut off shows."""
    head = auditing.seal(work)
    if head is None:
        return 0
    logs.tell("audit_sealed", head=f"{head[0]}:{head[1]}")
    return head[0]


async def to_hooks(work: Work, changes: Changes) -> None:
    """Tell hooks what happens; until cancelled."""
    while True:
        heard = changes.last(("live", "access"))
        await _try("hooks", lambda: sending.send(work))
        await asyncio.sleep(1)
        if changes.last(("live", "access")) == heard:
            await asyncio.wait([changes.next_one()], timeout=_HOOKS_S)


async def _try(what: str, do: Callable[[], int]) -> None:
    try:
        await run_in_threadpool(do)
    except GridmgmtError as e:
        logs.tell(what, logging.WARNING, failed=e.code)
    except Exception:  # a fault of ours ends this try, not all that come
        logging.getLogger(__name__).exception("%s failed", what)
