"""The private PostGIS: one PostgreSQL server of the project's own, reached by a Unix socket only.

PostgreSQL refuses to run as root. For root the server therefore runs as the
system user ``postgres``, in a folder that this user can reach: the project's
``var/`` where possible, else ``/var/lib/postgresql/gridmgmt-<key>``. For an
ordinary user everything stands in ``var/``. :func:`describe` tells which.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gridmgmt.errors import DatabaseUnreachable, ServerMissing
from gridmgmt.settings import Settings

PORT = 5432
OWNER = "gridmgmt"
SYSTEM_USER = "postgres"
SOCKET_LIMIT = 100
"""A Unix socket's path may have 107 bytes; 100 leaves room for the file's own name being longer."""

CONFIG = """
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
port = {port}
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

    def url(self, db: str) -> str:
        """The libpq address of one database, good for psql, QGIS and GDAL."""
        return f"postgresql://{OWNER}@/{db}?host={self.socket}&port={PORT}"


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
    if user and not _reachable(settings.home, user):
        base = Path("/var/lib/postgresql") / f"gridmgmt-{key}"
    socket = base / "run"
    if len(str(socket)) + len(f"/.s.PGSQL.{PORT}") > SOCKET_LIMIT:
        socket = Path("/tmp") / f"gridmgmt-{os.geteuid()}-{key}"
    return Server(data=base / "data", socket=socket, log=base / "server.log", bin=find_bin(), user=user)


def _reachable(folder: Path, user: str) -> bool:
    """Whether this user may pass through every existing folder above ``folder``."""
    parent = next(p for p in [folder, *folder.parents] if p.exists())
    done = subprocess.run(["test", "-x", str(parent)], user=user, group=user, extra_groups=[], cwd="/", check=False)
    return done.returncode == 0


def _run(server: Server, *args: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    who = {"user": server.user, "group": server.user, "extra_groups": []} if server.user else {}
    command = [str(server.bin / args[0]), *args[1:]]
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command,
        cwd="/",
        text=True,
        check=False,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C"},
        **who,
        **kwargs,
    )


def is_running(server: Server) -> bool:
    """Whether the server answers."""
    return (server.data / "PG_VERSION").exists() and _run(
        server, "pg_ctl", "status", "-D", str(server.data)
    ).returncode == 0


def start(server: Server, say: Callable[[str], None] = lambda _: None) -> bool:
    """Make the cluster if there is none and start it; True if this call started it.

    Raises
    ------
    DatabaseUnreachable
        The server did not start; carries the end of its log.
    """
    if is_running(server):
        return False
    for folder in (server.data.parent, server.socket):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if server.user:
            entry = pwd.getpwnam(server.user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
    if not (server.data / "PG_VERSION").exists():
        say(f"initdb {server.data}")
        _initialise(server)
    say(f"pg_ctl start {server.data}")
    done = subprocess.CompletedProcess([], 0, "", "")
    for _ in range(3):  # a start that meets another one's shared memory is tried again
        # pg_ctl's children keep its output open, so it must not be a pipe
        done = _start_once(server)
        if done.returncode == 0:
            return True
        time.sleep(1)
        if is_running(server):
            return False
    tail = server.log.read_text("utf-8", "replace")[-2000:] if server.log.exists() else ""
    raise DatabaseUnreachable(url=str(server.socket), reason=tail or "pg_ctl failed")


def _start_once(server: Server) -> subprocess.CompletedProcess[bytes]:
    who = {"user": server.user, "group": server.user, "extra_groups": []} if server.user else {}
    command = [str(server.bin / "pg_ctl"), "start", "-w", "-t", "60", "-D", str(server.data), "-l", str(server.log)]
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command,
        cwd="/",
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **who,
    )


def _initialise(server: Server) -> None:
    done = _run(
        server, "initdb", "-D", str(server.data), "-U", OWNER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"
    )
    if done.returncode != 0:
        raise DatabaseUnreachable(url=str(server.data), reason=(done.stderr or done.stdout)[-2000:])
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as f:
        f.write(CONFIG.format(socket=server.socket, port=PORT))


def stop(server: Server) -> bool:
    """Stop the server; True if it ran."""
    if not is_running(server):
        return False
    _run(server, "pg_ctl", "stop", "-w", "-m", "fast", "-D", str(server.data))
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
