"""What is given by option (选项): days, encodings and changes as they are written, and files that can be written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridmgmt import texts
from gridmgmt.errors import DiskFull, OptionInvalid
from gridmgmt.files.writing import FULL

if TYPE_CHECKING:
    import datetime as dt


def day_of(text: str | None, name: str) -> dt.date | None:
    """A date given by option, if it is given."""
    return None if text is None else a_day(text, name)


def encoding_of(text: str | None) -> str | None:
    """The encoding of a file's texts given by option, if it is given.

    Raises
    ------
    OptionInvalid
    """
    try:
        "".encode(text or "utf-8")
    except LookupError as e:
        raise OptionInvalid(name="--encoding", value=str(text), expected="utf-8 | gb18030 | …") from e
    return text


def a_day(text: str, name: str) -> dt.date:
    """A date given by option.

    Raises
    ------
    OptionInvalid
    """
    import datetime as dt

    from gridmgmt.periods import YEARS

    try:
        day = dt.date.fromisoformat(text)
        if day.year not in YEARS:
            raise ValueError(text)
    except ValueError as e:
        raise OptionInvalid(name=name, value=text, expected="YYYY-MM-DD") from e
    return day


OUT = ("out", "template", "rejects")
"""The options that name what a command writes."""


@contextmanager
def writing(given: Mapping[str, Any]) -> Iterator[None]:
    """What cannot be written is said, with the option that named it.

    Raises
    ------
    OptionInvalid, DiskFull
    """
    paths = {name: Path(given[name]) for name in OUT if given.get(name) is not None and "://" not in str(given[name])}
    try:
        for out, path in paths.items():
            if _is_no_place(path):  # told before the work
                raise OptionInvalid(name=f"--{out}", value=str(path), expected=texts.expected("a_file"))
        yield
    except BrokenPipeError:  # who reads has read enough
        raise
    except OSError as e:
        name = next((n for n, path in paths.items() if _is_about(e, path)), None)
        if name is None:
            raise
        if e.errno in FULL:
            raise DiskFull(file=str(given[name])) from e
        raise OptionInvalid(name=f"--{name}", value=str(given[name]), expected=texts.expected("writable")) from e


def _is_no_place(out: Path) -> bool:
    """Whether a pipe, a device or a socket stands there; a folder may be what is meant."""
    return out.is_fifo() or out.is_char_device() or out.is_block_device() or out.is_socket()


def _is_about(e: OSError, out: Path) -> bool:
    """Whether an error names the file, a folder that it lies in, a file beside it, or nothing at all (pandas does)."""
    from pathlib import Path

    if e.filename is None:
        return True
    file, wanted = Path(str(e.filename)).absolute(), out.absolute()
    return file in (wanted, *wanted.parents) or wanted.parent in file.parents


_MOST_CHARACTERS = 100_000


def check_texts(given: Mapping[str, Any]) -> None:
    """Texts that are handed in are characters: no NUL, no bytes of another encoding, and not without end.

    Raises
    ------
    OptionInvalid
    """
    for name, value in given.items():
        for text in map(str, value if isinstance(value, list | tuple) else [value]):
            if len(text) > _MOST_CHARACTERS or _BROKEN.search(text):
                shown = text[:80].encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
                expected = texts.expected("plain_text", most=_MOST_CHARACTERS)
                raise OptionInvalid(name=f"--{name.rstrip('_').replace('_', '-')}", value=shown, expected=expected)


_BROKEN = re.compile("[\\0\ud800-\udfff]")
