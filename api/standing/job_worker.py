"""The worker that the server brings along (附带的后台进程): a process of its own; jobs take no request's time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process

from gridmgmt import bounds
from gridmgmt.settings import Settings

_GRACE_S = 30.0
_LOOK_S, _PAUSE_S = 0.2, 1.0


@contextmanager
def accompanied(settings: Settings) -> Iterator[None]:
    """A worker as long as the block lasts; one that dies is begun again, and it stops if this process dies."""
    spawn, is_over = get_context("spawn"), threading.Event()

    def keep() -> None:
        while not is_over.is_set():
            child = spawn.Process(target=_work, args=(settings,), name="gridmgmt worker")
            child.start()
            while child.is_alive() and not is_over.wait(_LOOK_S):
                pass
            if child.is_alive():
                child.terminate()
            child.join()
            is_over.wait(_PAUSE_S)

    keeping = threading.Thread(target=keep, name="keeps a worker")
    keeping.start()
    try:
        yield
    finally:
        is_over.set()
        keeping.join()


def _work(settings: Settings) -> None:
    from gridmgmt.jobs.operations import workers  # slow, and the server needs none of it

    bounds.use(settings.bounds)
    parent = parent_process()
    workers.run_until_signal(settings, 1, _GRACE_S, int(parent.sentinel) if parent is not None else None)
