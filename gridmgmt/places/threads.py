"""Work side by side (并行): by as many threads as the process has cores; numpy lets others run."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


def side_by_side(works: Sequence[Callable[[], object]]) -> None:
    """Do all of them; a single one, or on a single core, by the caller's own thread."""
    threads = min(len(os.sched_getaffinity(0)), len(works))
    if threads < 2:
        for work in works:
            work()
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()
