"""CSV files → rows of text."""

import codecs
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from gridmgmt.errors import FileUnreadable
from gridmgmt.files.rows import Rows, header_names, in_chunks, require

BLOCK_BYTES = 1 << 24
"""A record of a CSV file, with all lines of its texts, is never longer."""

_TAIL = 40
"""So many characters tell the end of a file."""


def read(rows: Rows, encodings: Sequence[str], wanted: Sequence[str]) -> Iterator[pd.DataFrame]:
    """The records of a file in the first of some encodings that fits; lines that are none are told as broken."""

    def handle(bad: pa_csv.InvalidRow) -> str:
        rows.broken.append((bad.number, bad.text))
        return "skip"

    parse = pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=handle)
    last: pd.DataFrame | None = None
    try:
        encoding, tail, rows.n_lines = _encoding(rows.path, encodings)
        read = pa_csv.ReadOptions(encoding=encoding, use_threads=False, block_size=BLOCK_BYTES)
        with _stream(rows.path) as raw:
            given = pa_csv.open_csv(raw, read, parse).schema.names
        rows.broken.clear()
        header = header_names(rows.path, given)
        require(rows.path, wanted, header)
        convert = pa_csv.ConvertOptions(column_types=dict.fromkeys(given, pa.string()), strings_can_be_null=False)
        with _stream(rows.path) as raw:
            for last in _numbered(rows, pa_csv.open_csv(raw, read, parse, convert), header):
                yield last
    except (pa.ArrowInvalid, OSError) as e:
        raise FileUnreadable(file=str(rows.path), reason=str(e)) from e
    _refuse_open_quote(rows, last, tail)


def _stream(path: Path) -> Any:
    return pa.input_stream(str(path), compression="gzip" if path.suffix.lower() == ".gz" else None)


def _encoding(path: Path, encodings: Sequence[str]) -> tuple[str, str, int]:
    """The first encoding that decodes the whole file, the last characters of the file, and how many lines it has."""
    for encoding in encodings:
        tail, n_lines = "", 0
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            with _stream(path) as raw:
                while block := raw.read(1 << 22):
                    if b"\x00" in block:
                        raise FileUnreadable(file=str(path), reason="it holds NUL bytes (UTF-16?); save it as UTF-8")
                    n_lines += block.count(b"\n")
                    tail = (tail + decoder.decode(block))[-_TAIL:]
                tail += decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding, tail, n_lines
    raise FileUnreadable(file=str(path), reason=f"not text in any of {', '.join(encodings)}")


def _numbered(rows: Rows, batches: Iterable[pa.RecordBatch], header: list[str]) -> Iterator[pd.DataFrame]:
    """Number the records: 1 is the header; broken lines keep their numbers, so later ones stay right.

    The reader runs ahead: lines broken in a later block may be known before this block arrives.
    """
    row = 2
    for batch in batches:
        frame = batch.to_pandas()
        frame.columns = header
        broken = {n for n, _ in rows.broken if n >= row}
        numbers = [n for n in range(row, row + len(frame) + len(broken)) if n not in broken][: len(frame)]
        row = numbers[-1] + 1 if numbers else row
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
        reason = f"row {max(found)} opens a quotation mark that is never closed"
        raise FileUnreadable(file=str(rows.path), reason=reason)
