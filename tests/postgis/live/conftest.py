"""Events wait for every transaction that is open on their server, of other tests too: here they are waited for."""

from collections.abc import Callable
from typing import Any

import pytest

from gridmgmt.database.work import Work
from gridmgmt.live.operations import hooking, reading, sending
from tests.postgis.settling import settle


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    def behind(function: Callable[..., Any]) -> Callable[..., Any]:
        def waited(work: Work, *args: Any, **more: Any) -> Any:
            settle(work, "outbox")
            return function(work, *args, **more)

        return waited

    for module, name in ((reading, "read"), (reading, "purge"), (sending, "send"), (hooking, "add")):
        monkeypatch.setattr(module, name, behind(getattr(module, name)))
