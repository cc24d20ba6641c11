"""Events wait for every transaction that is open on their server, of other tests too: here they are waited for."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from gridmgmt.database.work import Work
from gridmgmt.live.operations import reading, sending
from tests import servers

SETTLED = text(
    "SELECT coalesce(max(xid), 0) < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) FROM outbox"
)


def _settle(work: Work) -> None:
    for _ in range(600):
        with servers.owner(work).connect() as connection:
            if connection.execute(SETTLED).scalar():
                return
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    def behind(function: Callable[..., Any]) -> Callable[..., Any]:
        def waited(work: Work, *args: Any, **more: Any) -> Any:
            _settle(work)
            return function(work, *args, **more)

        return waited

    for module, name in ((reading, "read"), (reading, "purge"), (sending, "send")):
        monkeypatch.setattr(module, name, behind(getattr(module, name)))
