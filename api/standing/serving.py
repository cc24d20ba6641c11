"""How the server is reached (对外服务): by whom, through what, with how many workers; and whether it may be."""

from __future__ import annotations

import errno
import gc
import ipaddress
import logging
import shutil
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from api import LOOPBACK
from api.standing import logs
from api.standing.metrics import FOLDER
from gridmgmt import texts
from gridmgmt.errors import OptionInvalid, ServingRefused
from gridmgmt.settings import Settings, hand_on

if TYPE_CHECKING:  # the workers' supervisor needs none of it
    from fastapi import FastAPI

    from gridmgmt.database.work import Work

END_S = 30
"""So long requests in work may take when the server is to end; then they are dropped."""

_KEEP_ALIVE_S = 20
_STARTING_S = 60
"""So long a worker may take until it answers its supervisor, on a machine that is busy."""


@dataclass(frozen=True)
class Serving:
    """What `gridmgmt serve` was told."""

    host: str
    port: int
    workers: int = 1
    behind_proxy: str | None = None
    insecure_http: bool = False
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_open(self) -> bool:
        """Whether other machines reach it, be it through a proxy on this one."""
        return self.host not in LOOPBACK or self.behind_proxy is not None

    @property
    def url(self) -> str:
        """Where it answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"


def check(serving: Serving, settings: Settings, database: Callable[[], Work]) -> None:
    """Refuse what cannot work, and to be open to other machines without what that needs.

    Raises
    ------
    OptionInvalid, ServingRefused
    """
    _check_proxy(serving.behind_proxy)
    _check_certificate(serving.certificate, serving.key)
    if not serving.is_open:
        return
    is_covered = serving.certificate or serving.behind_proxy or serving.insecure_http
    there_is = {
        "administrator": has_administrator(database()), "hosts": bool(settings.hosts), "cover": bool(is_covered)
    }  # fmt: skip
    if not all(there_is.values()):
        raise ServingRefused(wanted=[name for name, found in there_is.items() if not found])


def has_administrator(work: Work) -> bool:
    """Whether somebody can sign in and let others in."""
    from gridmgmt.access.operations import users

    return users.has_administrator(work)


def _check_proxy(addresses: str | None) -> None:
    for part in addresses.split(",") if addresses is not None else ():
        try:
            network = ipaddress.ip_network(part.strip(), strict=False)
        except ValueError:
            network = None
        if network is None or network.prefixlen == 0:
            raise OptionInvalid(name="--behind-proxy", value=part, expected=texts.expected("proxy_address"))


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    if certificate is None and key is None:
        return
    try:
        if certificate is None or key is None:
            raise FileNotFoundError
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
    except OSError as e:  # which a wrong certificate is too
        raise OptionInvalid(
            name="--certificate", value=str(certificate or ""), expected=texts.expected("certificate")
        ) from e  # fmt: skip


def listen(serving: Serving) -> socket.socket:
    """The socket at which all workers answer.

    Raises
    ------
    OptionInvalid
        This machine has no such address, or another program uses the port.
    """
    host, port = serving.host, serving.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        is_any = family == socket.AF_INET6 and host == "::"
        return socket.create_server((host, port), family=family, dualstack_ipv6=is_any)
    except OSError as e:
        if e.errno in (errno.EADDRINUSE, errno.EACCES):
            raise OptionInvalid(name="--port", value=port, expected=texts.expected("free_port")) from e
        raise OptionInvalid(name="--host", value=host, expected=texts.expected("own_address")) from e


def run(serving: Serving, settings: Settings, line: socket.socket, say: Callable[[], None]) -> None:
    """Serve until told to end; ``say`` is called once it answers."""
    if serving.workers == 1:
        server(serving, settings, say).run(sockets=[line])
        return
    folder = Path(tempfile.mkdtemp(prefix="gridmgmt-metrics-"))
    hand_on(FOLDER, str(folder))
    try:
        _Workers(_config(serving, settings, folder), [line], say).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server(serving: Serving, settings: Settings, say: Callable[[], None]) -> uvicorn.Server:
    """The server of one process."""
    return _Announcing(_config(serving, settings, None), say)


def _config(serving: Serving, settings: Settings, metrics_folder: Path | None) -> uvicorn.Config:
    return uvicorn.Config(
        partial(application, settings, metrics_folder),
        factory=True,
        host=serving.host,
        port=serving.port,
        workers=serving.workers,
        http="api.standing.connections:Connection",
        ws="none",
        log_config=dict(logs.configure()),
        access_log=False,
        server_header=False,
        proxy_headers=serving.behind_proxy is not None,
        forwarded_allow_ips=serving.behind_proxy or "",
        ssl_certfile=serving.certificate,
        ssl_keyfile=serving.key,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=END_S,
        timeout_worker_healthcheck=_STARTING_S,
    )


def application(settings: Settings, metrics_folder: Path | None) -> FastAPI:
    """The application of one worker, which is made in its process.

    One that cannot be made is not tried again and again: the supervisor ends by this status.
    """
    try:
        from api import main

        gc.freeze()  # all that has been imported stays
        gc.set_threshold(100_000)
        return main.create_app(settings, metrics_folder)
    except Exception:
        logging.getLogger(__name__).critical("the application cannot be made", exc_info=True)
        sys.exit(STARTUP_FAILURE)


class _Announcing(uvicorn.Server):
    """Says that it answers once it does, and not before."""

    def __init__(self, config: uvicorn.Config, say: Callable[[], None]) -> None:
        super().__init__(config)
        self._say = say

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._say()


class _Workers(Multiprocess):
    """Several workers at one socket; one that dies is replaced."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], say: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._say: Callable[[], None] | None = say

    def keep_subprocess_alive(self) -> None:
        super().keep_subprocess_alive()
        if self._say is not None and any(p.is_ready(timeout=1) for p in self.processes):
            self._say()
            self._say = None

    def terminate_all(self) -> None:
        for line in self.sockets:
            line.close()  # so that whoever comes now is refused, and does not wait at a socket nobody listens to
        super().terminate_all()
