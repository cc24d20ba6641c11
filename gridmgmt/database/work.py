"""What a use case is handed (一次办理), and its one transaction."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection as Connection
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry

from gridmgmt.database import auditing, repeats_of_requests
from gridmgmt.database import engine as engines
from gridmgmt.database.actors import Writer, behold, claim
from gridmgmt.database.repeats_of_requests import Once
from gridmgmt.database.roles import Role
from gridmgmt.errors import AccessError, OptionInvalid
from gridmgmt.settings import Settings
from gridmgmt.viewer import Scope, Viewer, allowed

LOCK = 4_780_001
"""Advisory lock that makes writers – merges of facts, changes of editions, reference tables – follow each other."""

_STEPS_LOCK = LOCK + 2
"""Advisory lock that many who take steps share, and whom all writers but imports keep out."""

_ORIGINALS_LOCK = LOCK + 3
"""Advisory lock of whoever says that a case repeats another one."""

_TRIES = 3

T = TypeVar("T")


class Progress(Protocol):
    """Told what is being done (a code of ``progress_…``), how much is done, and of how much where that is known."""

    def __call__(self, step: str, n: int, of: int | None = None) -> None:
        """Tell it."""


def silent(step: str, n: int, of: int | None = None) -> None:
    """Progress nobody watches."""


class Undo(Exception):
    """Raised inside :meth:`Work.transaction`: undo what was done there, and go on behind it."""


@dataclass(frozen=True)
class Work:
    """Who works where and how: the first argument of every use case.

    Attributes
    ----------
    keep
        False is a dry run (试运行): everything is done, reported, and undone.
    actor
        Who answers for what is written, where a use case asks for his name; None: not told.
    writer
        Who writes, as every written row has it.
    viewer
        Who signed in, with what he may do where; None: the machine's own operator, who may do everything.
    worker
        The database past its row policies, for figures that are made over everything whoever asks for his part of them.
    once
        The key under which what is done may be asked for again and is done once.
    now
        The moment to look from; None: the database's clock.
    progress
        Told how far a long use case is.
    finishing
        Told in the transaction of the effect what came of it: see :meth:`done`.
    """

    engine: Engine
    keep: bool = True
    actor: str | None = None
    now: dt.datetime | None = None
    progress: Progress = silent
    writer: Writer = field(default_factory=Writer)
    viewer: Viewer | None = None
    worker: Engine | None = None
    once: Once | None = None
    finishing: Callable[[Connection, Mapping[str, Any]], None] | None = None

    def done(self, connection: Connection, result: Mapping[str, Any]) -> None:
        """Tell in the last transaction of a use case what comes of it: a job is done with the same commit, or not."""
        if self.finishing is not None:
            self.finishing(connection, result)

    def allowed(self, verb: str) -> Scope:
        """Where the viewer may do something.

        Raises
        ------
        AccessDenied
            It is not his.
        """
        return allowed(self.viewer, verb)

    def over_everything(self) -> "Work":
        """The same work over every row: what is counted on a part of them would be a wrong number."""
        return replace(self, engine=self.worker) if self.worker is not None else self

    @property
    def by(self) -> str:
        """Who answers for what is written, for use cases that ask for a name.

        Raises
        ------
        OptionInvalid
            Nobody is named.
        """
        if self.actor is None:
            if self.viewer is not None:
                return self.viewer.name or self.viewer.login
            raise OptionInvalid(name="--by", value="", expected="TEXT")
        return self.actor

    def but(self, **changes: Any) -> "Work":
        """The same work with something otherwise."""
        return replace(self, **changes)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed if the block ends well and the work is to be kept, rolled back otherwise.

        Raises
        ------
        DatabaseUnreachable, DatabaseOutdated
            See :mod:`gridmgmt.database.engine`.
        """
        is_kept = False
        with self.refusals_told(), engines.connect(self.engine) as connection:
            engines.check_revision(connection)
            with _begun(connection, self.keep):
                claim(connection, self.writer, self.actor, self.viewer)
                auditing.begin(connection)
                if self.once is not None and not self.once.is_written:
                    repeats_of_requests.claim(connection, self.once)
                yield connection
                auditing.record(connection, self.writer, self.viewer, answers=self.actor)
                is_kept = self.keep
            if self.once is not None and is_kept:
                self.once.is_written = True

    @contextmanager
    def locked(self) -> Iterator[Connection]:
        """The transaction of a writer (:func:`lock`)."""
        with self.transaction() as connection:
            lock(connection)
            yield connection

    @contextmanager
    def sealing(self) -> Iterator[Connection]:
        """A transaction of the platform's own housekeeping, which is nobody's deed and leaves nothing in the audit."""
        with engines.connect(self.engine) as connection, _begun(connection, self.keep):
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A reading transaction that sees one moment of the database throughout."""
        with self.refusals_told(), engines.connect(self.engine) as connection:
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with _begun(connection):
                engines.check_revision(connection)
                behold(connection, self.viewer)
                yield connection

    @contextmanager
    def refusals_told(self) -> Iterator[None]:
        """What is refused stands in the audit, though its transaction is undone."""
        try:
            yield
        except AccessError as e:
            if not e.is_told:
                e.is_told = True
                self.audit(e.code, outcome="refused", **e.facts)
            raise

    def audit(self, deed: str, *, outcome: auditing.Outcome = "done", **facts: Any) -> None:
        """Put something into the audit that is no writing transaction: signing in, an export, a refusal."""
        with engines.connect(self.engine) as connection, _begun(connection):
            behold(connection, self.viewer)
            auditing.begin(connection)
            asked = {"asked": self.writer.job} if self.writer.job else {}
            auditing.record(
                connection, self.writer, self.viewer, deed=deed, outcome=outcome, always=True, **asked, **facts
            )

    def connect(self) -> AbstractContextManager[Connection]:
        """A connection outside a use case's transaction, for checks."""
        return engines.connect(self.engine)

    def ready(self) -> None:
        """Refuse unless the database answers and has the tables of this release.

        Raises
        ------
        DatabaseUnreachable, DatabaseOutdated
        """
        with self.snapshot():
            return

    def close(self) -> None:
        """Give the connections back; one that a thread still works on is closed when it is done."""
        pool = self.engine.pool
        self.engine.dispose()
        event.listen(pool, "checkin", _close)


def _close(_connection: object, record: ConnectionPoolEntry) -> None:
    record.invalidate()


@contextmanager
def _begun(connection: Connection, keep: bool = True) -> Iterator[None]:
    try:
        yield
    except Undo:
        keep = False
    except BaseException:
        connection.rollback()
        raise
    (connection.commit if keep else connection.rollback)()


def lock(connection: Connection) -> None:
    """Wait until no other writer is under way, nor anybody who takes a step; held until the transaction ends.

    Who waits for an import does so before he keeps anybody who takes steps waiting.
    """
    follow(connection)
    connection.execute(select(func.pg_advisory_xact_lock(_STEPS_LOCK)))


def follow(connection: Connection) -> None:
    """Wait until no other writer is under way; steps are taken beside this one, as long as it may last."""
    connection.execute(select(func.pg_advisory_xact_lock(LOCK)))


def share_lock(connection: Connection) -> None:
    """Wait until no writer that keeps steps out is under way; many who take steps may hold it at once."""
    connection.execute(select(func.pg_advisory_xact_lock_shared(_STEPS_LOCK)))


def lock_originals(connection: Connection) -> None:
    """Wait until nobody else is saying that a case repeats another one; always before rows of cases are locked.

    Two who mark A a repeat of B and B one of A lock no row of the other's, nor do those who close a longer chain:
    who comes second has to see what the first one said.
    """
    connection.execute(select(func.pg_advisory_xact_lock(_ORIGINALS_LOCK)))


def hold(connection: Connection, case_ids: Sequence[int]) -> None:
    """Let this transaction go on with cases that it found in its viewer's scope, wherever its own steps move them."""
    told = "{" + ",".join(map(str, case_ids)) + "}"
    connection.execute(select(func.set_config("gridmgmt.held", told, True)))


def unless_taken(connection: Connection, do: Callable[[], T]) -> T:
    """Do something; if another transaction has added the same row meanwhile, undo it and do it again, seeing that row.

    Who adds a row that an open transaction has added waits for its end.
    """
    for _ in range(_TRIES):
        try:
            with connection.begin_nested():
                return do()
        except (IntegrityError, UniqueViolation) as e:
            if not isinstance(e, UniqueViolation) and not isinstance(e.orig, UniqueViolation):
                raise
    return do()


def open_database(settings: Settings, role: Role = "worker") -> Work:
    """This installation's database, to work in."""
    return Work(engines.make_engine(settings, role), writer=Writer(settings.actor))
