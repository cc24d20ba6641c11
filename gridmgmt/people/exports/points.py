"""Answers to many points as a file (批量定位结果): CSV, an Arrow IPC stream or GeoJSON, one row for each point."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import pyarrow as pa
from pyarrow import csv

from gridmgmt.people.points import Answered, Form
from gridmgmt.texts import word


def write(answers: Iterable[Answered], path: Path, form: Form, lang: str) -> int:
    """Write answers as they come; gives how many points there were.

    Columns: id where the file had it, edition, one for each level (its key in the city), unit_code, assigned, problem:
    what is wrong in the row, in words; empty where nothing is.
    """
    n = 0
    with path.open("wb") as file:
        writer: _Writer | None = None
        for answered in answers:
            batch = _table(answered, lang)
            if writer is None:
                writer = _WRITERS[form](file, batch.schema)
            writer.write(batch, answered)
            n += batch.num_rows
        if writer is not None:
            writer.close()
    return n


def _table(answered: Answered, lang: str) -> pa.RecordBatch:
    n = len(answered.lon)
    texts: list[str | None] = [None] * n
    for position, fault in answered.faults.items():
        reason = fault.facts.get("reason", {"code": fault.code})
        texts[position] = word("point_faulty", {**fault.told, "reason": reason}, lang)
    columns: dict[str, pa.Array] = {} if answered.ids is None else {"id": answered.ids}
    columns["edition"] = pa.array([answered.edition], pa.string()).take(pa.array(np.zeros(n, np.int32)))
    columns |= answered.grids
    columns |= {
        "unit_code": answered.units, "assigned": pa.array(answered.is_assigned), "problem": pa.array(texts, pa.string())
    }  # fmt: skip
    return pa.RecordBatch.from_arrays([*columns.values()], names=[*columns])


class _Writer(Protocol):
    def write(self, batch: pa.RecordBatch, answered: Answered) -> None:
        """Write some rows."""

    def close(self) -> None:
        """Write what stands at the end."""


class _Csv:
    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        options = csv.WriteOptions(quoting_style="needed")
        self._writer = csv.CSVWriter(file, schema, write_options=options)

    def write(self, batch: pa.RecordBatch, _answered: Answered) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _Arrow:
    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._writer = pa.ipc.new_stream(file, schema)

    def write(self, batch: pa.RecordBatch, _answered: Answered) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _GeoJson:
    """A FeatureCollection; the points as they were located, in degrees of EPSG:4490."""

    def __init__(self, file: IO[bytes], _schema: pa.Schema) -> None:
        self._file, self._between = file, ""
        file.write(b'{"type":"FeatureCollection","features":[')

    def write(self, batch: pa.RecordBatch, answered: Answered) -> None:
        places = np.column_stack([answered.lon, answered.lat]).tolist()
        features = map(_feature, batch.to_pylist(), places)
        text = ",\n".join(json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in features)
        if text:
            self._file.write((self._between + text).encode())
            self._between = ",\n"

    def close(self) -> None:
        self._file.write(b"]}\n")


def _feature(row: dict[str, Any], place: list[float]) -> dict[str, Any]:
    own = {"id": row.pop("id")} if row.get("id") is not None else {}
    row.pop("id", None)
    geometry = {"type": "Point", "coordinates": place} if place[0] == place[0] else None
    return {"type": "Feature", **own, "geometry": geometry, "properties": row}


_WRITERS: Mapping[Form, type[_Csv | _Arrow | _GeoJson]] = {"csv": _Csv, "arrow": _Arrow, "geojson": _GeoJson}
