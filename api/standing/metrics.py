"""Figures of the running server (运行指标) for Prometheus: counts by route, never by person or value.

With several workers each keeps its own in files of one folder, and whichever is asked adds them up.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from gridmgmt import __version__

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which prometheus-client itself finds the folder; it reads it when it is imported."""

_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Metrics:
    """The figures of one application.

    Parameters
    ----------
    folder
        Where all workers of one server keep theirs; None: there is one process.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._own = None if folder else CollectorRegistry()
        kept = self._own
        self._requests = Counter(
            "gridmgmt_requests", "Requests answered", ["method", "route", "status"], registry=kept
        )  # fmt: skip
        self._seconds = Histogram(
            "gridmgmt_request_seconds", "Seconds until the answer is sent", ["route"], buckets=_BUCKETS, registry=kept
        )
        self.refused = Counter("gridmgmt_requests_refused", "Requests sent away", ["why"], registry=kept)
        self.dropped = Counter("gridmgmt_requests_dropped", "Requests nobody waited for", ["why"], registry=kept)
        self.in_work = Gauge(
            "gridmgmt_requests_in_work", "Requests in work", registry=kept, multiprocess_mode="livesum"
        )  # fmt: skip
        self.waiting = Gauge(
            "gridmgmt_requests_waiting", "Requests that wait for their turn", registry=kept, multiprocess_mode="livesum"
        )
        self.memory = Gauge(
            "gridmgmt_memory_bytes", "Resident memory of the workers", registry=kept, multiprocess_mode="livesum"
        )
        release = Gauge(
            "gridmgmt_release", "The release that runs", ["version"], registry=kept, multiprocess_mode="max"
        )
        release.labels(__version__).set(1)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer; ``route`` is the path as it is declared, never as it was asked."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def page(self) -> bytes:
        """All figures as Prometheus reads them."""
        if self._folder is None:
            assert self._own is not None
            return generate_latest(self._own)
        self._forget_dead(self._folder)
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self._folder))  # type: ignore[no-untyped-call]  # it registers itself
        return generate_latest(together)

    def _forget_dead(self, folder: Path) -> None:
        """A worker that ended has no requests in work; what it counted stays."""
        for file in folder.glob("gauge_live*.db"):
            pid = int(re.findall(r"_(\d+)\.db$", file.name)[0])
            if not Path("/proc", str(pid)).exists():
                with suppress(OSError):
                    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]  # untyped there


def resident_bytes() -> int:
    """The memory that this process holds."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")
