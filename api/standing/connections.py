"""Connections (连接): a head or body that comes too slowly is not waited for, and who hangs up is told to his work."""

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from api.standing.doors import ASKER, leave
from gridmgmt.errors import AskerLeft

HEAD_S = 15.0
"""Within so many seconds a request's head is to be there, from the connection's begin or the first byte on."""

LEAST_PER_S = 2_000
"""Bytes a second that a body brings at least, on the whole."""

_UNREAD_MS = 60_000
"""An answer that nobody takes for so long is given up."""


class Connection(H11Protocol):
    """One connection of uvicorn's, with limits of time."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._n_bytes = 0
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        line = transport.get_extra_info("socket")
        if line is not None and line.family in (socket.AF_INET, socket.AF_INET6):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MS)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what comes; the clock of a request begins with its first byte."""
        self._n_bytes += len(data)
        super().data_received(data)
        if not self._awaits():
            self._wait_no_more()
        elif self._late is None:
            self._wait()

    def on_response_complete(self) -> None:
        """Begin anew: the keep-alive time counts now, and what is left of a body that nobody read comes soon."""
        self._wait_no_more()
        if self.cycle.more_body:
            self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the work that nobody waits for it."""
        self._wait_no_more()
        if self.cycle is not None and not self.cycle.response_complete and ASKER in self.scope:
            leave(self.scope[ASKER], AskerLeft())  # type: ignore[literal-required]  # a key of ours
        super().connection_lost(exc)

    def _awaits(self) -> bool:
        """Whether a part of a request has come and more is to come."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _wait(self) -> None:
        self._n_bytes = 0
        self._late = self.loop.call_later(HEAD_S, self._look)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _look(self) -> None:
        """Hang up on who is too slow; who sends a large body, or may not send at the moment, is looked at again."""
        is_body = self.cycle is not None and not self.cycle.response_complete
        if is_body and (self.flow.read_paused or self._n_bytes >= LEAST_PER_S * HEAD_S):
            self._wait()
        else:
            self._late = None
            self.transport.abort()
