"""What a burst of work took is given back to the system once nothing is done for a moment."""

import asyncio
from dataclasses import dataclass

from api.standing import memory
from api.standing.metrics import Metrics, resident_bytes

_MB = 1_000_000


@dataclass
class Done:
    """A load that tells how many were done."""

    n_done: int = 0


def test_free_memory_goes_back_after_work_and_is_told(monkeypatch):
    monkeypatch.setattr(memory, "_EVERY_S", 0.05)
    pieces = [bytes(100_000) for _ in range(2_000)]  # small enough for the heap, where the last one pins the others
    last, full = pieces[-1], resident_bytes()
    pieces.clear()
    kept, metrics, load = resident_bytes(), Metrics(None), Done()
    assert kept > full - 50 * _MB, "the C library keeps what is free"

    async def look() -> None:
        looking = asyncio.create_task(memory.look_after(load, metrics))
        await asyncio.sleep(0.3)
        assert resident_bytes() > kept - 50 * _MB, "nothing was done"
        load.n_done = 3
        for _ in range(200):
            await asyncio.sleep(0.05)
            if resident_bytes() < kept - 100 * _MB:
                break
        looking.cancel()

    asyncio.run(look())
    assert resident_bytes() < kept - 100 * _MB
    assert len(last) == 100_000
    assert b"gridmgmt_memory_bytes" in metrics.page()
