"""Files as answers (下载文件): named, of their type, never shown as a page."""

import io
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Any
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

from api.asked import TYPES

ZIP = "application/zip"
_CHUNK = 1 << 20


def documented(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """What the documentation says of an answer that is a file."""
    return {200: {"content": {kind: {} for kind in media_types}}}


def attachment(content: bytes, form: str, name: str) -> Response:
    """A file of one of :data:`api.asked.TYPES`, to be saved under a name."""
    return Response(content, media_type=TYPES[form], headers={"Content-Disposition": _saved(name, form)})


def archive(files: Iterable[tuple[str, bytes]], name: str) -> Response:
    """Files in an archive, of which one at a time is in memory; on disk it has no name, and goes with its answer."""
    with ExitStack() as opened:
        made = opened.enter_context(tempfile.TemporaryFile())
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
            for entry, content in files:
                archive.writestr(entry, content)
        opened.pop_all()  # whoever reads it closes it
    headers = {"Content-Disposition": _saved(name, "zip"), "Content-Length": str(made.seek(0, io.SEEK_END))}
    return StreamingResponse(_read(made), media_type=ZIP, headers=headers)


def _read(made: IO[bytes]) -> Iterator[bytes]:
    with made:
        made.seek(0)
        while chunk := made.read(_CHUNK):
            yield chunk


def _saved(name: str, form: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}.{form}"
