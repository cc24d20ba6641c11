"""Files as answers (下载文件): named, of their type, never shown as a page."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from api.asked import TYPES

ZIP = "application/zip"


def documented(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """What the documentation says of an answer that is a file."""
    return {200: {"content": {kind: {} for kind in media_types}}}


def attachment(content: bytes, form: str, name: str) -> Response:
    """A file of one of :data:`api.asked.TYPES`, to be saved under a name."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}.{form}"}
    return Response(content, media_type=TYPES[form], headers=headers)


def archive(files: Iterable[tuple[str, bytes]], name: str) -> Response:
    """Files in an archive, of which one at a time is in memory; it goes once it was sent."""
    folder = Path(tempfile.mkdtemp())
    try:
        with zipfile.ZipFile(folder / "made.zip", "w", zipfile.ZIP_STORED) as made:
            for entry, content in files:
                made.writestr(entry, content)
    except BaseException:
        shutil.rmtree(folder)
        raise
    gone = BackgroundTask(shutil.rmtree, folder)
    return FileResponse(folder / "made.zip", filename=f"{name}.zip", media_type=ZIP, background=gone)
