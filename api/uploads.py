"""Files handed in by a form (文件上传): read as they come, behind the sign-in, within the bound of files."""

from collections.abc import AsyncGenerator

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from gridmgmt import bounds
from gridmgmt.errors import LimitExceeded

_FIELDS, _FILES, _MARGIN = 20, 1, 100_000
"""A form's other fields are few and short; ``_MARGIN`` bytes are theirs and the form's own."""


async def form(request: Request) -> FormData:
    """The form of a request, its file spooled to the disk; to be closed.

    Raises
    ------
    LimitExceeded
        Told as soon as so much came, or was said to come.
    RequestValidationError
        It is no such form.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        _hold(int(announced))
    parser = MultiPartParser(request.headers, _bounded(request), max_files=_FILES, max_fields=_FIELDS)
    try:
        return await parser.parse()
    except (MultiPartException, KeyError, AssertionError) as e:
        raise _invalid("body", "multipart/form-data") from e


def _invalid(name: str, expected: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": ("body", name), "msg": expected, "input": None}])


def lacking(name: str) -> RequestValidationError:
    """A field of the form that is not there."""
    return RequestValidationError([{"type": "missing", "loc": ("body", name), "msg": "Field required", "input": None}])


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    n = 0
    async for chunk in request.stream():
        n += len(chunk)
        _hold(n)
        yield chunk


def _hold(n: int) -> None:
    most = bounds.most("file_mb") + _MARGIN
    if n > most:
        raise LimitExceeded(file="file", limit="file_mb", found=n, most=most - _MARGIN, setting="GRIDMGMT_MAX_FILE_MB")
