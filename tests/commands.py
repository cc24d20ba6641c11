"""Run ``gridmgmt`` as often as tests do, for the price of one start: a process that forks itself for each command.

``python -m tests.commands FOLDER`` answers at ``FOLDER/socket``; ``FOLDER/gridmgmt`` is what a shell finds on its
path. Each command is a process of its own, with the caller's folder, environment and standard streams; ``serve`` is
one in its own right.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gridmgmt
import maps
from gridmgmt import demo, texts
from gridmgmt.cli import main
from gridmgmt.rulebooks import load as rulebooks

CALLER = """\
#!{python} -ISE
import json, os, socket, sys
if sys.argv[1:2] == ["serve"]:  # it is at work beside other commands, until its own process is told to stop
    os.execv({python!r}, [{python!r}, "-c", "from gridmgmt.cli import main; main()", *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as s:
    s.connect({address!r})
    socket.send_fds(s, [json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()], [0, 1, 2])
    s.shutdown(socket.SHUT_WR)
    sys.exit(int(s.recv(10)))
"""


@contextlib.contextmanager
def answering(folder: Path, sources: Path) -> Iterator[Path]:
    """A folder with a quick `gridmgmt` for the path, of the sources that stand in another folder."""
    env = {**os.environ, "PYTHONPATH": str(sources)}
    command = [sys.executable, "-m", "tests.commands", str(folder)]
    with subprocess.Popen(command, cwd=sources, env=env) as server:
        while not (folder / "gridmgmt").exists() and server.poll() is None:
            time.sleep(0.05)
        yield folder
        server.terminate()


def serve(folder: Path) -> None:
    """Answer one caller after another until this process is ended."""
    for package in (gridmgmt, maps):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    # what a page does with these cases it does with any number of them; `make demo` makes all
    demo.SIZES["small"] = replace(demo.SIZES["small"], cases=6_000)
    texts.word("db_running", {"url": ""})  # the catalogue and the rulebooks are read once
    for name in rulebooks.known():
        rulebooks.load(name)
    gc.freeze()  # what is collected in no child is copied to none
    address = folder / "socket"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(address))
        door.listen()
        caller = folder / "gridmgmt"
        caller.write_text(CALLER.format(python=sys.executable, address=str(address)), "utf-8")
        caller.chmod(0o755)
        while True:
            with contextlib.closing(door.accept()[0]) as connection:
                _answer(connection)


def _answer(connection: socket.socket) -> None:
    told, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    child = os.fork()
    if not child:
        _become(*json.loads(told), streams)
    for stream in streams:
        os.close(stream)
    connection.sendall(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _become(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """The command itself, in the forked process, which never returns."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.argv = ["gridmgmt", *words]
    status: object = 0
    try:
        main()
    except SystemExit as e:
        status = e.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 0 if status is None else 1)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
