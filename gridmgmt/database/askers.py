"""Who waits for what is done in a database (等候者): when he leaves, his statements are cancelled and none begins."""

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import psycopg
from sqlalchemy import Connection

from gridmgmt.errors import GridmgmtError

_CANCEL_S = 5.0
"""So long the server may take to be told that a statement is to end."""


class Asker:
    """Somebody who waits for an answer, and the connections that work on it, from whatever threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # never held for long: the event loop takes it too
        self._cancelling = threading.Lock()
        self._lines: set[psycopg.Connection[Any]] = set()
        self._told: list[Callable[[GridmgmtError], None]] = []
        self._ends: list[Callable[[], None]] = []
        self._why: GridmgmtError | None = None

    @property
    def why(self) -> GridmgmtError | None:
        """Why nobody waits any more; None: he does."""
        return None if self._why is None else copy.copy(self._why)

    def leave(self, why: GridmgmtError) -> None:
        """Cancel what is under way, and let nothing more begin; waits until the server has been told."""
        with self._lock:
            if self._why is not None:
                return
            self._why = why
        self._drop(why)

    def _drop(self, why: GridmgmtError) -> None:
        with self._cancelling:
            for line in [*self._lines]:
                with suppress(psycopg.Error):
                    line.cancel_safe(timeout=_CANCEL_S)
        for tell in self._told:
            tell(why)

    def when_left(self, tell: Callable[[GridmgmtError], None]) -> None:
        """Have somebody told when he leaves, at once if he has."""
        with self._lock:
            if self._why is None:
                self._told.append(tell)
                return
        tell(self._why)

    def when_done(self, end: Callable[[], None]) -> None:
        """Have something ended when the work for him is done."""
        self._ends.append(end)

    def done(self) -> None:
        """The work is done, or was given up."""
        while self._ends:
            self._ends.pop()()

    @contextmanager
    def using(self, line: psycopg.Connection[Any]) -> Iterator[None]:
        """Work for him on a connection; it is not given back while its statement is being cancelled."""
        with self._lock:
            if self._why is not None:
                raise copy.copy(self._why)
            self._lines.add(line)
        try:
            yield
        finally:
            with self._cancelling, self._lock:
                self._lines.discard(line)


class Shared(Asker):
    """Several who wait for one thing: it is dropped when the last of them has left."""

    def __init__(self) -> None:
        super().__init__()
        self._n = 0

    def join(self, asker: Asker | None) -> bool:
        """Wait for it too (None: somebody who never leaves); False: it was dropped already."""
        with self._lock:
            if self._why is not None:
                return False
            self._n += 1
        if asker is not None:
            asker.when_left(self._one_left)
        return True

    def _one_left(self, why: GridmgmtError) -> None:
        with self._lock:
            self._n -= 1
            if self._n:
                return
            self._why = why
        self._drop(why)


_present: ContextVar[Asker | None] = ContextVar("asker", default=None)


def present() -> Asker | None:
    """For whom this thread or task works; None: for nobody who could leave, as a command does."""
    return _present.get()


def left() -> GridmgmtError | None:
    """Why he for whom this thread or task works waits no more; None: he does."""
    asker = _present.get()
    return None if asker is None else asker.why


@contextmanager
def working_for(asker: Asker) -> Iterator[None]:
    """All that is done in the block, in threads that it starts too, is done for him."""
    token = _present.set(asker)
    try:
        yield
    finally:
        _present.reset(token)


@contextmanager
def used(connection: Connection) -> Iterator[None]:
    """Do something on a connection for whoever is present; a connection that was cancelled is not used again."""
    asker, line = _present.get(), connection.connection.driver_connection
    if asker is None or not isinstance(line, psycopg.Connection):
        yield
        return
    try:
        with asker.using(line):
            yield
    finally:
        if asker.why is not None and not connection.closed:
            connection.invalidate()
