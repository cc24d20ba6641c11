"""Log lines as JSON (运行日志): what happened, when, to which request; never what somebody asked, sent or is called.

A line of a library is its first line as its program has it, without the values that were put in; of an error the log
has its type and the places in the sources, not its message. So no name, phone, password, token or query value comes in.
"""

import datetime as dt
import json
import logging
import os
import re
import traceback
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from gridmgmt.errors import GridmgmtError

_LOG = logging.getLogger("gridmgmt.api")

_TAKEN = re.compile(r"(?=.*[A-Za-z])[0-9A-Za-z-]{20,64}")
"""A request's id that is taken from outside: long enough to be no phone, no identity card's number and no name."""

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def name_request(given: str | None) -> str:
    """The id of the request that begins here: the one that came with it, if it looks like one, else a new one."""
    found = given if given is not None and _TAKEN.fullmatch(given) else uuid.uuid4().hex
    _request_id.set(found)
    return found


def tell(event: str, level: int = logging.INFO, **facts: str | int | float | None) -> None:
    """Log that something happened, with facts that are nobody's."""
    _LOG.log(level, event, extra={"facts": facts})


def configure() -> Mapping[str, Any]:
    """The logging of a process that serves, for ``logging.config.dictConfig``: warnings of libraries, all of ours."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": f"{__name__}.Lines"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {_LOG.name: {"level": "INFO"}, "uvicorn.access": {"level": "CRITICAL"}},
    }


class Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line: dict[str, Any] = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": str(record.msg).strip().split("\n", 1)[0],
            "logger": record.name,
            "process": os.getpid(),
        }
        if (request := _request_id.get()) is not None:
            line["request"] = request
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[1] is not None:
            line |= _of_error(record.exc_info[1], record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


def _of_error(error: BaseException, at: TracebackType | None) -> dict[str, Any]:
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(at)]
    told = {"error": type(error).__qualname__, "frames": frames[-12:]}
    return {**told, "code": error.code} if isinstance(error, GridmgmtError) else told
