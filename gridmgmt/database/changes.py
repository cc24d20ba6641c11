"""What changed, as the database tells it (变更通知): by this, what a server keeps is dropped.

Each statement that writes into a table tells its kind (:data:`TABLES`, by triggers); PostgreSQL delivers it when the
transaction is committed, to one connection of each server. :meth:`Changes.caught_up` makes sure of it: it asks the
database on that very connection, which tells all that was committed before it answers. So whoever asks first, then
looks what is kept, never gives an answer that is older than what was committed when the question came in.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Collection, Mapping

import psycopg
from psycopg.pq.abc import PGconn

_CHANNEL = "gridmgmt_changed"

_SECONDS = 2.0
"""A database that does not answer for so long on the connection that listens counts as lost."""

_PAUSE_S = 0.5
"""After a loss, so long until the next try."""

_QUARTER_S = 900
_CLOCK = "PREPARE quarter AS SELECT CAST(floor(extract(epoch FROM now()) / 900) AS bigint)"
"""What is asked: the quarter of an hour by the database's clock; in every time zone days begin with one."""

_DAY = "day"
"""The kind that changes by itself: what is made of today's date; told each quarter of an hour."""

_OF_KIND: Mapping[str, str] = {
    "access": "account account_post api_key session",
    "places": "city edition edition_grid feature grid layer lineage linework",
    "people": (
        "category category_version person person_version post post_version responsibility subject unit unit_version"
    ),
    "facts": (
        "actor assignment attachment batch case_version cases counter draw draw_item duty_event finding handed_in "
        "inspection notice notice_check notice_finding quarantine reporter sample_share sample_version samples step "
        "stored_file time_limit work_calendar"
    ),
    "assessing": (
        "appeal assessed assessment assessment_act assessment_case assessment_sample assessment_step "
        "assessment_subject entry rulebook_version staff_day"
    ),
    "live": "outbox",
}

TABLES: Mapping[str, str] = {table: kind for kind, names in _OF_KIND.items() for table in names.split()}
"""Table → the kind that its changes are told as."""

PASSING = frozenset({"case_change", "cells_kept", "cells_of_week", "request_once", "sign_in_failure"})
"""Tables of this server only: what is counted is kept there while one reads, and gives the same figures without it."""

SILENT = PASSING | {"audit", "audit_seal", "case_light", "hook", "job", "live_mark"}
"""Tables that tell nothing: no answer that is kept is made of them."""

KINDS = (*_OF_KIND, _DAY)
EVERYTHING = frozenset(KINDS)


class Changes:
    """How many changes were told so far, and which was the last of each kind; for one event loop.

    Parameters
    ----------
    address
        Of the database: of PostgreSQL itself, not of a pool that hands on single transactions.

    Attributes
    ----------
    when_lost
        Called when the connection is lost: from then on nobody tells what changes.
    tried
        Set when it is known for the first time whether the database can be listened to.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self.when_lost: Callable[[], None] = lambda: None
        self.tried = asyncio.Event()
        self._n = 0
        self._last = dict.fromkeys(KINDS, 0)
        self._quarter = 0
        self._line: _Line | None = None
        self._next: asyncio.Future[None] | None = None

    @property
    def n(self) -> int:
        """How many changes were told."""
        return self._n

    def last(self, kinds: Collection[str]) -> int:
        """The number of the last change of any of these kinds: what was made when ``n`` was as large is not older."""
        return max(self._last[kind] for kind in kinds)

    def next_one(self) -> asyncio.Future[None]:
        """Done when the next change is told; shared by all who wait, who do not cancel it."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    def today(self, zone: dt.tzinfo) -> dt.date:
        """The day in a time zone by the database's clock, as of when it was last asked."""
        return dt.datetime.fromtimestamp(self._quarter * _QUARTER_S, zone).date()

    async def caught_up(self) -> bool:
        """Wait until all is told that was committed before this call; False: nobody tells, so nothing may be kept."""
        return self._line is not None and await self._line.asked()

    async def follow(self) -> None:
        """Listen until cancelled; a lost connection is sought again."""
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._address, autocommit=True, application_name="gridmgmt changes", connect_timeout=5
                )
                try:
                    await self._listen(connection)
                finally:
                    await connection.close()
            except (psycopg.Error, OSError):
                pass  # it is tried again; requests that need the database say what is wrong with it
            self.tried.set()
            await asyncio.sleep(_PAUSE_S)

    async def _listen(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute(f"LISTEN {_CHANNEL}")
        await connection.execute(_CLOCK)
        line = _Line(connection.pgconn, self._heard, self._at)
        try:
            if await line.asked():
                self._told(KINDS)  # what was said before, nobody heard
                self._line = line
                self.tried.set()
                await line.ended
        finally:
            self._line = None
            line.end()
            self.when_lost()

    def _heard(self, kind: str) -> None:
        self._told((kind,) if kind in self._last else KINDS)

    def _at(self, quarter: int) -> None:
        if quarter != self._quarter:
            self._quarter = quarter
            self._told((_DAY,))

    def _told(self, kinds: Collection[str]) -> None:
        self._n += 1
        self._last.update(dict.fromkeys(kinds, self._n))
        if self._next is not None:
            self._next.set_result(None)
            self._next = None


class _Line:
    """The connection that listens, asked from the event loop itself: one question at a time, for all who wait."""

    def __init__(self, connection: PGconn, heard: Callable[[str], None], at: Callable[[int], None]) -> None:
        self._connection, self._heard, self._at = connection, heard, at
        self._loop = asyncio.get_running_loop()
        self._under_way: asyncio.Future[bool] | None = None
        self._next: asyncio.Future[bool] | None = None
        self._late: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._socket = connection.socket
        self._loop.add_reader(self._socket, self._read)

    async def asked(self) -> bool:
        """Ask, and wait for the answer: all that was committed before is told by then. False: the line is dead."""
        if self._next is None:
            self._next = self._loop.create_future()
        answer = self._next
        if self._under_way is None:
            self._ask()
        return await asyncio.shield(answer)

    def end(self) -> None:
        """Hang up: whoever waits is told that there is no answer."""
        if self.ended.done():
            return
        self.ended.set_result(None)
        self._loop.remove_reader(self._socket)
        if self._late is not None:
            self._late.cancel()
        for waiting in (self._under_way, self._next):
            if waiting is not None:
                waiting.set_result(False)
        self._under_way = self._next = None

    def _ask(self) -> None:
        if self.ended.done():
            self._next, waiting = None, self._next
            if waiting is not None:
                waiting.set_result(False)
            return
        self._under_way, self._next = self._next, None
        self._late = self._loop.call_later(_SECONDS, self.end)
        try:
            self._connection.send_query_prepared(b"quarter", None)
        except psycopg.Error:
            self.end()

    def _read(self) -> None:
        try:
            self._connection.consume_input()
            is_answered = self._under_way is not None and self._answered()
            while (told := self._connection.notifies()) is not None:
                self._heard(told.extra.decode())
        except psycopg.Error:
            self.end()
            return
        if is_answered and self._under_way is not None and self._late is not None:
            self._late.cancel()
            self._under_way.set_result(True)
            self._under_way = None
            if self._next is not None:
                self._ask()

    def _answered(self) -> bool:
        """Take what came of the answer; whether it is all there."""
        while not self._connection.is_busy():
            result = self._connection.get_result()
            if result is None:
                return True
            value = result.get_value(0, 0)
            if value is None:
                raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
            self._at(int(value))
        return False
