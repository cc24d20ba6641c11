"""Tables put aside on disk (暂存) until they are needed, so that a file may be larger than memory."""

import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

BATCH_ROWS = 10_000
"""So many rows come back at once."""


class Spill:
    """Arrow tables of one form, in a file that nobody else sees and that ends with its owner."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- its owner closes it
        self._writer = pa.ipc.new_stream(self._file, schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))
        self.n = 0

    def add(self, table: Any) -> None:
        """Put rows aside, before any are read."""
        self._writer.write_table(table, max_chunksize=BATCH_ROWS)
        self.n += len(table)

    def __iter__(self) -> Iterator[Any]:
        """The rows in the order in which they came, some at a time; one reader at once."""
        self._writer.close()
        self._file.seek(0)
        pa.default_memory_pool().release_unused()  # what reading the file took is not needed any more
        for batch in pa.ipc.open_stream(self._file):
            yield pa.Table.from_batches([batch])

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()
