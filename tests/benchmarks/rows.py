"""What a benchmark tells: rows of one table, each a ratio against what was measured beside it in the same run."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeVar

T = TypeVar("T")
Size = Literal["quick", "full"]
"""Whether a benchmark only shows that it still runs (small, not judged), or measures."""


@dataclass(frozen=True)
class Row:
    """One work beside another: how many times as much it took, or how many times as much it did.

    `ratio` is None where it could not be measured, and `note` says why. With `least` the ratio is to be `wanted` or
    more (so many times as fast), without it `wanted` or less (so many times the time).
    """

    id: str
    work: str
    beside: str
    ratio: float | None
    wanted: float
    least: bool = False
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether what was wanted is so; None where nothing was measured."""
        if self.ratio is None:
            return None
        return self.ratio >= self.wanted if self.least else self.ratio <= self.wanted

    def as_json(self) -> dict[str, object]:
        """The row as `out/bench.json` holds it."""
        return asdict(self) | {"holds": self.holds}


def in_turn(works: Sequence[Callable[[], T]], runs: int = 5) -> tuple[list[float], list[T]]:
    """Run works in turn, once to warm up and then so many times: the median wall time of each in seconds, and what
    each gave at last."""
    taken: list[list[float]] = [[] for _ in works]
    given: list[T] = []
    for k in range(runs + 1):
        given = []
        for work, times in zip(works, taken, strict=True):
            began = time.perf_counter()
            given.append(work())
            times += [time.perf_counter() - began] if k else []
    return [statistics.median(times) for times in taken], given
