"""Requests that are sent again (幂等请求): what was done under a key, and what was answered."""

from collections.abc import Mapping

from gridmgmt.database import repeats_of_requests
from gridmgmt.database.repeats_of_requests import Done as Done
from gridmgmt.database.repeats_of_requests import Once as Once
from gridmgmt.database.work import Work


def done(work: Work, once: Once) -> Done | None:
    """What was done under the key; None: nothing yet."""
    with work.snapshot() as connection:
        return repeats_of_requests.found(connection, once.login, once.key)


def release(work: Work, once: Once) -> None:
    """What was refused may be mended and sent by the same key."""
    if once.is_written:
        with work.sealing() as connection:
            repeats_of_requests.release(connection, once)


def keep(work: Work, once: Once, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep what was answered."""
    with work.sealing() as connection:
        repeats_of_requests.answered(connection, once, status, headers, body)
