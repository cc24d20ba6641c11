"""How much is done at once (负载): so many requests in work, so many wait for a moment, the others come back later.

A turn is taken where a route is handed the database, so what is answered without it – what is kept, files, /healthz –
never waits. All of it lives in the event loop, and is of one process.
"""

import asyncio
import ipaddress

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from api.standing.metrics import Metrics
from gridmgmt.bounds import Bounds
from gridmgmt.database.askers import present
from gridmgmt.errors import Overloaded


class Load:
    """Turns, in the order in which they were asked for."""

    def __init__(self, bounds: Bounds, metrics: Metrics) -> None:
        self._bounds, self._metrics = bounds, metrics
        self._turns = asyncio.Semaphore(bounds.in_work)
        self._n = self._waiting = 0
        self.n_done = 0

    async def turn(self) -> None:
        """Wait for one's turn; it lasts until the work for who asks is done (:meth:`Asker.done`).

        Raises
        ------
        Overloaded
            Too many wait already, or it took too long.
        AskerLeft, AnswerLate
            Nobody waits for it any more.
        """
        asker = present()
        if asker is None:
            raise RuntimeError("a turn is taken for somebody who waits")
        await self._wait()
        self._n += 1
        self._metrics.in_work.inc()
        asker.when_done(self._end)
        if asker.why is not None:
            raise asker.why

    def _end(self) -> None:
        self._n -= 1
        self.n_done += 1
        self._metrics.in_work.dec()
        self._turns.release()

    async def _wait(self) -> None:
        if self._n >= self._bounds.in_work and self._waiting >= self._bounds.waiting:
            raise self._refusal()
        self._waiting += 1
        try:
            with self._metrics.waiting.track_inprogress():
                async with asyncio.timeout(self._bounds.wait_s):
                    await self._turns.acquire()
        except TimeoutError:
            raise self._refusal() from None
        finally:
            self._waiting -= 1

    def _refusal(self) -> Overloaded:
        self._metrics.refused.labels("overload").inc()
        return Overloaded(n=self._bounds.in_work, seconds=self._bounds.wait_s)


class Rates:
    """How often one address may ask within a minute; this machine itself as often as it likes."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter: FixedWindowRateLimiter | None = None

    async def allows(self, address: str) -> bool:
        """Count one request of an address, and say whether it is one too many."""
        try:
            asked_by = ipaddress.ip_address(address)
        except ValueError:  # a Unix socket, or a test's own client
            return True
        if asked_by.is_loopback:
            return True
        if self._limiter is None:
            self._limiter = FixedWindowRateLimiter(MemoryStorage())
        return await self._limiter.hit(self._item, _counted_as(asked_by))


def _counted_as(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """One household has one IPv4 address, or a whole /64 of the others."""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network(f"{address}/64", strict=False))
