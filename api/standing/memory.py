"""Memory that a burst of work took is given back (内存归还) once the work is done."""

import asyncio
import ctypes

import pyarrow as pa

from api.standing.load import Load
from api.standing.metrics import Metrics, resident_bytes

_EVERY_S = 5.0


async def look_after(load: Load, metrics: Metrics) -> None:
    """Until cancelled: whenever something was done and nothing was for a moment, give back what is free."""
    done_before = given_back = 0
    while True:
        metrics.memory.set(resident_bytes())
        await asyncio.sleep(_EVERY_S)
        if load.n_done == done_before != given_back:
            await asyncio.to_thread(_give_back)
            given_back = done_before
        done_before = load.n_done


def _give_back() -> None:
    """Return to the system what Arrow and the C library hold free; the latter keeps it otherwise, for each thread."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
    if trim is not None:
        trim(0)
