"""The private PostGIS: one PostgreSQL server of the project's own, reached by a Unix socket only.

PostgreSQL refuses to run as root. For root the server therefore runs as the
system user ``postgres``, in a folder that this user can reach: the project's
``var/`` where possible, else ``/var/lib/postgresql/gridmgmt-<key>``. For an
ordinary user everything stands in ``var/``. :func:`describe` tells which.
"""

import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gridmgmt.errors import DatabaseUnreachable, ServerMissing, ServerPidTaken, by_program
from gridmgmt.settings import Settings

_PORT = 5432
_PID_FILE = "postmaster.pid"
OWNER = "gridmgmt"
SYSTEM_USER = "postgres"
_SOCKET_LIMIT = 100
"""Longest path of a socket, in bytes; the system allows 107."""

_CONFIG = """
listen_addresses = ''
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
shared_buffers = 256MB
work_mem = 64MB
maintenance_work_mem = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
"""


@dataclass(frozen=True)
class Server:
    """Where the private server stands and as whom it runs (None: this user)."""

    data: Path
    socket: Path
    log: Path
    bin: Path
    user: str | None

    def url(self, db: str, user: str | None = None) -> str:
        """The libpq address of one database, good for psql, QGIS and GDAL; for its owner or another user of it."""
        return f"postgresql://{user or OWNER}@/{quote(db, safe='')}?host={quote(str(self.socket))}&port={_PORT}"


def find_bin() -> Path:
    """The newest installed PostgreSQL that has PostGIS.

    Raises
    ------
    ServerMissing
        None is installed; says which packages to install.
    """
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -int(p.parent.name)):
        share = Path("/usr/share/postgresql") / folder.parent.name / "extension" / "postgis.control"
        if (folder / "pg_ctl").exists() and share.exists():
            return folder
    config = shutil.which("pg_config")
    if config:
        found = subprocess.run([config, "--bindir", "--sharedir"], capture_output=True, text=True, check=False)
        lines = found.stdout.split()
        if len(lines) == 2 and (Path(lines[1]) / "extension" / "postgis.control").exists():
            return Path(lines[0])
    raise ServerMissing(packages=["postgresql", "postgresql-postgis"], variable="GRIDMGMT_DATABASE_URL")


def locate(settings: Settings) -> Server:
    """Where this installation's private server stands, started or not."""
    key = hashlib.sha256(str(settings.home).encode()).hexdigest()[:8]
    user = SYSTEM_USER if os.geteuid() == 0 else None
    base = settings.home / "postgis"
    if user and not (base / "data").exists() and not _reachable(settings.home, user):
        base = Path("/var/lib/postgresql") / f"gridmgmt-{key}"
    socket = base / "run"
    if len(os.fsencode(socket / f".s.PGSQL.{_PORT}")) > _SOCKET_LIMIT:
        socket = Path("/tmp") / f"gridmgmt-{os.geteuid()}-{key}"
    return Server(data=base / "data", socket=socket, log=base / "server.log", bin=find_bin(), user=user)


def _reachable(folder: Path, user: str) -> bool:
    """Whether this user may pass through every existing folder above ``folder``."""
    parent = next(p for p in [folder, *folder.parents] if p.exists())
    done = subprocess.run(["test", "-x", str(parent)], user=user, group=user, extra_groups=[], cwd="/", check=False)
    return done.returncode == 0


def _run(server: Server, *args: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs as the server's user."""
    if server.user:
        kwargs |= {"user": server.user, "group": server.user, "extra_groups": []}
    command = [str(server.bin / args[0]), *args[1:]]
    env = {**os.environ, "LC_ALL": "C"}  # noqa: TID251 -- handed on to PostgreSQL's program, not read
    return subprocess.run(command, cwd="/", check=False, text=True, env=env, **kwargs)


def is_running(server: Server) -> bool:
    """Whether the server's process lives; after an unclean end it may still be recovering."""
    if not (server.data / "PG_VERSION").exists() or _stranger(server) is not None:
        return False
    return _run(server, "pg_ctl", "status", "-D", str(server.data), capture_output=True).returncode == 0


def _recovered(server: Server) -> bool:
    """Whether the server runs and answers; one that recovers from an unclean end is waited for."""
    while is_running(server):
        if _run(server, "pg_isready", "-q", "-h", str(server.socket), "-p", str(_PORT)).returncode == 0:
            return True
        time.sleep(0.2)
    return False


def _stranger(server: Server) -> int | None:
    """The living process that the server's pid file names and that is another program; None: it names none.

    After a crash of the machine the number may belong to anybody: who is stopped by it would be the wrong one.
    """
    try:
        pid = int((server.data / _PID_FILE).read_text("ascii").split("\n", 1)[0])
        command = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return None if os.fsencode(server.data) in command else pid


def start(server: Server, say: Callable[[str], None] = lambda _: None) -> bool:
    """Make the cluster if there is none and start it; True if this call started it. Two at once follow each other.

    Raises
    ------
    DatabaseUnreachable
        The server did not start; carries the end of its log.
    ServerPidTaken
        Its pid file was left behind, and names a process of another program.
    """
    for folder in (server.data.parent, server.socket):
        _own(folder, server.user)
    with (server.data.parent / "start.lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if _recovered(server):
            return False
        if (pid := _stranger(server)) is not None:
            raise ServerPidTaken(file=str(server.data / _PID_FILE), pid=pid)
        if not (server.data / "PG_VERSION").exists():
            say(f"initdb {server.data}")
            _initialise(server)
        say(f"pg_ctl start {server.data}")
        # an unclean end may leave shared memory that the first start meets
        if not any(_start_once(server) for _ in range(3)):
            tail = server.log.read_text("utf-8", "replace")[-2000:] if server.log.exists() else ""
            why = by_program(tail) if tail else {"code": "unreachable_no_start"}
            raise DatabaseUnreachable(url=str(server.socket), reason=why)
    return True


def _own(folder: Path, user: str | None) -> None:
    """Make a folder that only the server's user may enter; one that another user put there is refused.

    Raises
    ------
    DatabaseUnreachable
        The folder's place is taken: in /tmp anybody may have made it, as a trap.
    """
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        raise DatabaseUnreachable(url=str(folder), reason={"code": "unreachable_foreign_folder"})
    if found.st_uid != owner:
        os.chown(folder, owner, -1, follow_symlinks=False)


def _start_once(server: Server) -> bool:
    folder = shlex.quote(f'"{server.socket}"')  # quoted for PostgreSQL's list of folders, then for the shell
    # a longer log would show the values of a row that is refused, which are people's
    options = f"-c unix_socket_directories={folder} -c log_error_verbosity=terse -p {_PORT}"
    log = ("-l", str(server.log))
    # pg_ctl's children keep its output open, so it must not be a pipe
    silence = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    done = _run(server, "pg_ctl", "start", "-w", "-t", "60", "-D", str(server.data), *log, "-o", options, **silence)
    if done.returncode != 0:
        time.sleep(1)
    return done.returncode == 0


def _initialise(server: Server) -> None:
    """Make the cluster beside its place and move it there whole, so that an interruption leaves no half of one."""
    made = server.data.with_name("data.new")
    shutil.rmtree(made, ignore_errors=True)
    how = ("-U", OWNER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
    done = _run(server, "initdb", "-D", str(made), *how, capture_output=True)
    if done.returncode != 0:
        raise DatabaseUnreachable(url=str(server.data), reason=by_program((done.stderr or done.stdout)[-2000:]))
    with (made / "postgresql.conf").open("a", encoding="utf-8") as f:
        f.write(_CONFIG)
    made.rename(server.data)


def stop(server: Server) -> bool:
    """Stop the server; True if it ran."""
    if not is_running(server):
        return False
    _run(server, "pg_ctl", "stop", "-w", "-m", "fast", "-D", str(server.data), capture_output=True)
    return True


def describe(server: Server) -> dict[str, str | bool]:
    """What `gridmgmt db status` shows."""
    return {
        "running": is_running(server),
        "data": str(server.data),
        "socket": str(server.socket),
        "log": str(server.log),
        "runs_as": server.user or pwd.getpwuid(os.geteuid()).pw_name,
        "bin": str(server.bin),
    }
