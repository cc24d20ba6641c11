"""Requests that are sent again (幂等请求): what was done under a key, and what was answered."""

from collections.abc import Mapping

from gridmgmt.access.store import accounts
from gridmgmt.database import repeats_of_requests
from gridmgmt.database.repeats_of_requests import Done as Done
from gridmgmt.database.repeats_of_requests import Once as Once
from gridmgmt.database.work import Work
from gridmgmt.errors import OutsideScope


def done(work: Work, once: Once) -> Done | None:
    """What was done under the key; None: nothing yet.

    Raises
    ------
    OutsideScope
        It was done by posts that its asker has no longer: what was answered may not be his to see.
    """
    with work.snapshot() as connection:
        found = repeats_of_requests.found(connection, once.login, once.key)
        if found is not None and accounts.is_of_other_posts(connection, once.login, found.known_at):
            raise OutsideScope(verb="Idempotency-Key", about=once.key)
        return found


def release(work: Work, once: Once) -> None:
    """What was refused may be mended and sent by the same key."""
    if once.is_written:
        with work.sealing() as connection:
            repeats_of_requests.release(connection, once)


def keep(work: Work, once: Once, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep what was answered."""
    with work.sealing() as connection:
        repeats_of_requests.answered(connection, once, status, headers, body)
