"""The memory that a process takes, and took at most."""

from pathlib import Path


def peak_mb() -> float:
    """Of this process since it runs this program; ``ru_maxrss`` it has from the one that started it."""
    return _told("VmHWM:")


def own_mb() -> float:
    """What this process has now that it shares with no other: not what it mapped of a file."""
    return _told("RssAnon:")


def _told(name: str) -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))
