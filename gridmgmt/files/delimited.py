"""CSV files → rows of text."""

import codecs
import csv
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from gridmgmt import bounds
from gridmgmt.errors import FileUnreadable, by_parser
from gridmgmt.files.checking import BAD_BYTE, shown
from gridmgmt.files.rows import TITLE_ROWS, Rows, header_names, in_chunks, require

BLOCK_BYTES = 1 << 24
"""A record of a CSV file, with all lines of its texts, is never longer."""

_AHEAD, _PATIENCE_S = 3, 2.0
"""So many blocks are held in memory before they are asked for; who has asked in vain for so long is given one more."""

_EVERY = 1_000

_WIDE = 10
"""A file of which more than one byte in so many is NUL is UTF-16."""
_SHOW = "gridmgmt-shown"


def _show(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"{BAD_BYTE}{byte:02X}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_SHOW, _show)

_SEPARATORS = (",", ";", "\t", "|")
"""What may stand between the columns of a CSV file; the first of them with which the header has what is wanted."""
_HEAD_BYTES = 1 << 16

_OF_SINGLE_BYTES = ("cp1252",)
"""Encodings in which nearly every byte is a character."""

_USUAL, _MOST_USUAL = {"gb18030": "gb2312"}, 0.9
"""Encoding → the older one of the characters in use; of so many of a text's characters it is (project convention)."""

_TAIL = 40
"""So many characters tell the end of a file."""


def read(
    rows: Rows, encodings: Sequence[str], wanted: Sequence[str], separator: str | None = None
) -> Iterator[pd.DataFrame]:
    """The records of a file in the first of some encodings that fits; lines that are none are told as broken."""

    def handle(bad: pa_csv.InvalidRow) -> str:
        rows.broken.append((bad.number, shown(bad.text)))
        return "skip"

    last: pd.DataFrame | None = None
    try:
        found = _encoding(rows.path, encodings)
        rows.read_as["encoding"], stream = (
            (found[0], partial(_stream, rows.path)) if found else _mended(rows.path, encodings)
        )
        encoding, tail, rows.n_lines = found or ("utf-8", "", None)
        with stream() as raw:
            above, mark = _layout(raw.read(_HEAD_BYTES).decode(encoding, "replace"), wanted, separator)
        rows.read_as["separator"] = mark
        _check_width(rows.path, mark)
        parse = pa_csv.ParseOptions(delimiter=mark, newlines_in_values=True, invalid_row_handler=handle)
        read = partial(pa_csv.ReadOptions, encoding=encoding, use_threads=False, skip_rows=above)
        given = _names(stream, read, parse)
        rows.broken.clear()
        header = header_names(rows.path, given)
        require(rows.path, wanted, header)
        convert = pa_csv.ConvertOptions(column_types=dict.fromkeys(given, pa.string()), strings_can_be_null=False)
        with stream() as raw, closing(_Held(raw)) as held:
            batches = held.let_go(pa_csv.open_csv(held, read(block_size=BLOCK_BYTES), parse, convert))
            for last in _numbered(rows, batches, header, above + 2):
                yield last
    except (pa.ArrowInvalid, OSError) as e:
        raise FileUnreadable(file=str(rows.path), reason=by_parser(e)) from e
    _refuse_open_quote(rows, last, tail)


def _layout(head: str, wanted: Sequence[str], separator: str | None) -> tuple[int, str]:
    """How many lines stand above the header, and what stands between its columns.

    The header is the first record of ten that has every wanted column, with the separator that is named, else with
    the first of :data:`_SEPARATORS` with which there is one. ``sep=;`` in the first line names it too.
    """
    lines = head.lstrip("\ufeff").splitlines(keepends=True)
    first = lines[0].strip() if lines else ""
    named = first[4:] if first.lower().startswith("sep=") and len(first) == 5 else separator
    for mark in (named,) if named else _SEPARATORS:
        reader, above = csv.reader(lines, delimiter=mark), 0
        for record in islice(reader, TITLE_ROWS):
            if wanted and set(wanted) <= {cell.strip() for cell in record}:
                return above, mark
            above = reader.line_num
    return int(first.lower().startswith("sep=")), named or _SEPARATORS[0]


def unknown(path: Path, encodings: Sequence[str]) -> tuple[str, list[str], str]:
    """A CSV file of which nothing is known: its encoding, columns, and what stands between them.

    The header is the record of the first ten with the most texts, the separator the one that makes most of them. Where
    no encoding decodes all of it, it is the one with the fewest lines that hold a byte that is no text; one of single
    bytes, which decodes nearly anything, only where no other makes texts of nearly all of it.
    """
    found = _encoding(path, encodings)
    if found is None or found[0] in _OF_SINGLE_BYTES:
        encoding = _likely(path, encodings) or (found[0] if found else _mended(path, encodings)[0])
    else:
        encoding = found[0]
    with _stream(path) as raw:
        head = raw.read(_HEAD_BYTES).decode(encoding, "replace")
    lines = head.lstrip("\ufeff").splitlines(keepends=True)
    best: tuple[list[str], str] = ([], _SEPARATORS[0])
    for mark in _SEPARATORS:
        for record in islice(csv.reader(lines, delimiter=mark), TITLE_ROWS):
            texts = [cell for cell in record if cell.strip()]
            if len(texts) > len([cell for cell in best[0] if cell.strip()]):
                best = record, mark
    return encoding, header_names(path, best[0]), best[1]


def _check_width(path: Path, mark: str) -> None:
    """Look how wide the first line is before a reader makes room for each of its columns."""
    n, n_bytes = 1, 0
    with _stream(path) as raw:
        while (block := raw.read(_HEAD_BYTES)) and n_bytes < BLOCK_BYTES:
            first, end, _ = block.partition(b"\n")
            n, n_bytes = n + first.count(mark.encode()), n_bytes + len(block)
            if end:
                break
    bounds.hold(path, "columns", n)


def _stream(path: Path) -> Any:
    return pa.input_stream(str(path), compression="gzip" if path.suffix.lower() == ".gz" else None)


class _Held:
    """A stream of which a reader that runs ahead gets few blocks only, and another for each batch that is taken."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._may_read = threading.Semaphore(_AHEAD)
        self._is_asked = True
        self.closed = False

    def read(self, n: int = -1) -> bytes:
        """The next block; waits for its turn, unless somebody waits for a batch: a block of broken lines makes none."""
        while not self._may_read.acquire(timeout=_PATIENCE_S) and not self._is_asked:
            pass
        return b"" if self.closed else bytes(self._raw.read(n))

    def let_go(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Pass batches on."""
        for batch in batches:
            self._is_asked = False
            self._may_read.release()
            yield batch
            self._is_asked = True

    def close(self) -> None:
        """Let the reader end, wherever it is."""
        self.closed = True
        self._may_read.release(_EVERY)


def _names(stream: Callable[[], Any], read: Callable[..., Any], parse: Any) -> list[str]:
    """The names in the header; a small block is enough, unless the first record is a long one."""
    for size in (_HEAD_BYTES, BLOCK_BYTES):
        try:
            with stream() as raw, closing(_Held(raw)) as held:
                reader = pa_csv.open_csv(held, read(block_size=size), parse)  # which waits at its end for what it reads
                held.close()
                return [str(name) for name in reader.schema.names]
        except pa.ArrowInvalid:
            if size == BLOCK_BYTES:
                raise
    return []


def _encoding(path: Path, encodings: Sequence[str]) -> tuple[str, str, int] | None:
    """The first encoding that decodes the whole file, the last characters of the file, and how many lines it has.

    None: no encoding decodes all of it.
    """
    for encoding in encodings:
        tail, n_lines, n_bytes = "", 0, 0
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            with _stream(path) as raw:
                while block := raw.read(1 << 22):
                    if block.count(b"\x00") * _WIDE > len(block):
                        raise FileUnreadable(file=str(path), reason={"code": "unreadable_utf16"})
                    n_lines += block.count(b"\n")
                    n_bytes += len(block)
                    bounds.hold(path, "unpacked_mb", n_bytes)
                    bounds.hold(path, "rows", n_lines)
                    tail = (tail + decoder.decode(block))[-_TAIL:]
                tail += decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding, tail, n_lines
    return None


def _mended(path: Path, encodings: Sequence[str]) -> tuple[str, Callable[[], Any]]:
    """The encoding with the fewest lines that hold a byte that is no text, and the file in UTF-8, such bytes told.

    Raises
    ------
    FileUnreadable
        The first line, or half of the others, is no text: it is no such file.
    """
    with _stream(path) as raw:
        given = raw.read().removesuffix(b"\n")
    lines = {e: given.decode(e, _SHOW).split("\n") for e in encodings}
    n_bad = {e: sum(BAD_BYTE in line for line in found) for e, found in lines.items()}
    best = min(encodings, key=lambda e: n_bad[e])
    if BAD_BYTE in lines[best][0] or 2 * n_bad[best] >= len(lines[best]) - 1:
        raise FileUnreadable(file=str(path), reason={"code": "unreadable_encoding", "encodings": [*encodings]})
    return best, partial(pa.BufferReader, "\n".join(lines[best]).encode())


def _likely(path: Path, encodings: Sequence[str]) -> str | None:
    """The encoding of several bytes a character that makes texts of most lines beyond ASCII; None: none does.

    Two bytes of a Western text make a Chinese character too, but seldom one that Chinese texts are written in.
    """
    with _stream(path) as raw:
        lines = [line for line in raw.read().split(b"\n") if not line.isascii()]
    best, n_most = None, len(lines) // 2
    for encoding in (e for e in encodings if e not in _OF_SINGLE_BYTES):
        decoded = [line.decode(encoding, _SHOW) for line in lines]
        good = "".join(text for text in decoded if BAD_BYTE not in text)
        beyond = [c for c in good if not c.isascii()]
        usual = "".join(beyond).encode(_USUAL.get(encoding, encoding), "ignore").decode(_USUAL.get(encoding, encoding))
        n_good = sum(BAD_BYTE not in text for text in decoded)
        if n_good > n_most and len(usual) >= _MOST_USUAL * len(beyond):
            best, n_most = encoding, n_good
    return best


def _numbered(rows: Rows, batches: Iterable[pa.RecordBatch], header: list[str], row: int) -> Iterator[pd.DataFrame]:
    """Number the records from the first below the header; broken lines keep their numbers, so later ones stay right.

    The reader runs ahead: lines broken in a later block may be known before this block arrives.
    """
    for batch in batches:
        frame = batch.to_pandas()
        frame.columns = header
        broken = {n for n, _ in rows.broken if n >= row}
        numbers = np.arange(row, row + len(frame) + len(broken))
        numbers = numbers[~np.isin(numbers, [*broken])][: len(frame)]
        row = int(numbers[-1]) + 1 if len(numbers) else row
        frame.index = pd.Index(numbers, name="row", dtype="int64")
        yield from in_chunks(frame)


def _refuse_open_quote(rows: Rows, last: pd.DataFrame | None, tail: str) -> None:
    """A quotation mark that is never closed takes the rest of the file for one record: nothing may be lost so.

    Where it does, the last value holds further lines and ends as the file ends, without a mark.
    """
    found = [n for n, text in rows.broken[-1:] if "\n" in text and text.count('"') % 2]
    if last is not None:
        value = str(last.iloc[-1, -1])
        if "\n" in value and tail.endswith(value[-_TAIL:]):
            found.append(int(last.index[-1]))
    if found:
        raise FileUnreadable(file=str(rows.path), reason={"code": "unreadable_open_quote", "row": max(found)})
