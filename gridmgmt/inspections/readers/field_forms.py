"""Field forms that come back (外业表回收): Excel or GeoJSON → samples with their findings; each fault by its cell.

A sample with any fault in its rows is left out as a whole, for its score would
be wrong; the others go on.
"""

import datetime as dt
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gridmgmt.accepted import words
from gridmgmt.bounds import read_text
from gridmgmt.errors import ColumnMissing, FileUnreadable, InstantInvalid, by_parser
from gridmgmt.faults import Fault, Faults
from gridmgmt.files import forms
from gridmgmt.files.forms import Line
from gridmgmt.files.rows import as_text
from gridmgmt.files.tabular import sha256_of
from gridmgmt.inspections.checklists import CheckItem
from gridmgmt.inspections.findings import FINDING_COLUMNS, MAX_N, SAMPLE_COLUMNS, Found, Taken
from gridmgmt.periods import parse_instant

_FILLED = ("inspected_at", "inspector", "result", "note")
"""What an inspector writes of a sample."""

_FOUND = ("n", "note", "photographs", "found_at", "found_lon", "found_lat")
"""What an inspector writes of a finding."""

_MOMENT = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
)
"""``2025-06-12 09:30``, ``2025/6/12 9:30``, ``2025年6月12日``, and a spreadsheet's time; city time."""


@dataclass(frozen=True)
class Handed:
    """What a form holds: good samples, faults, how many samples are not filled in, the file's SHA-256."""

    samples: Sequence[Taken]
    faults: Sequence[Fault]
    n_refused: int
    n_not_filled: int
    sha256: str


@dataclass(frozen=True)
class Known:
    """What is known of the samples and photographs that a form names.

    Attributes
    ----------
    items
        Sample → its check-list items; samples that nobody drew are left out.
    replaced
        Sample that nobody has inspected, of a draw in whose place another was made → that one.
    photographs
        SHA-256 of those that are kept.
    """

    items: Mapping[str, Sequence[CheckItem]]
    replaced: Mapping[str, str]
    photographs: Collection[str]


def read_form(path: Path, zone: ZoneInfo, now: dt.datetime, known_of: Callable[[set[str], set[str]], Known]) -> Handed:
    """Read a field form.

    Parameters
    ----------
    zone
        The city's; times without an offset are in it.
    now
        Nothing is inspected after this instant.
    known_of
        Tells what is known, by numbers of samples and SHA-256 of photographs.

    Raises
    ------
    FileUnreadable, ColumnMissing
    """
    if path.suffix.lower() in (".geojson", ".json"):
        samples, findings, broken = _from_geojson(path)
    else:
        samples, findings, broken = _from_sheets(path)
    numbers = {n for line in (*samples, *findings) if (n := line.cells.get("sample_no"))}
    reading = _Reading(zone, now, known_of(numbers, {p for line in findings for p in _photographs(line)}), broken)
    return reading.all(samples, findings, sha256_of(path))


def _from_sheets(path: Path) -> tuple[list[Line], list[Line], Faults]:
    kinds = {"field_findings": ("sample_no", "item", "n"), "field_samples": ("sample_no", "inspected_at", "inspector")}
    sheets = forms.read_sheets(path, kinds)
    for kind, columns in kinds.items():
        if kind not in {s.kind for s in sheets}:  # samples without their findings would all have full marks
            raise ColumnMissing(file=path.name, columns=list(columns), found=[s.name or path.name for s in sheets])
    by_kind = {kind: [line for s in sheets if s.kind == kind for line in s.lines] for kind in kinds}
    broken = Faults(f if f.column else replace(f, code="line_broken") for s in sheets for f in s.broken)
    return by_kind["field_samples"], by_kind["field_findings"], broken


def _from_geojson(path: Path) -> tuple[list[Line], list[Line], Faults]:
    """Features as rows, counted from 1; the entries of ``results`` as rows of their own, ``results[0]`` …"""
    samples, findings, broken = [], [], Faults()
    for number, feature in enumerate(_features(path), 1):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(properties, dict):
            broken.note(number, "properties", str(properties)[:80], "field_not_an_object")
            continue
        given = properties.get("results")
        samples.append(Line(None, number, _cells(properties, SAMPLE_COLUMNS)))
        if not isinstance(given, list) and any(name in samples[-1].cells for name in _FILLED):
            sample = samples[-1].cells.get("sample_no", "")
            broken.note(number, "results", as_text(given), "field_results_lost", sample=sample)
        for place, found in enumerate(given if isinstance(given, list) else []):
            told = _cells(found, None) if isinstance(found, dict) else {"item": str(found)[:80]}
            own = samples[-1].cells.get("sample_no", "")
            if told.get("sample_no", own) != own:  # whichever of the two is meant: neither may load without it
                line = Line(f"results[{place}]", number, told)
                broken.append(line.fault("sample_no", "field_sample_other", sample=own))
            findings.append(Line(f"results[{place}]", number, {**told, "sample_no": own}))
    return samples, findings, broken


def _features(path: Path) -> list[Any]:
    try:
        data = json.loads(read_text(path, "utf-8-sig"))
        if b"\\u0000" in json.dumps(data, ensure_ascii=False).encode():  # which fails on halves of characters
            raise ValueError("U+0000")
        return list(data["features"])
    except OSError as e:
        raise FileUnreadable(file=str(path), reason=by_parser(e)) from e
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise FileUnreadable(file=str(path), reason={"code": "unreadable_no_features"}) from e


def _cells(values: Mapping[str, Any], wanted: Sequence[str] | None) -> dict[str, str]:
    """An object's values as the texts that a sheet's cells would be."""
    out = {}
    for key, value in values.items():
        if wanted is None or key in wanted:
            text = ";".join(map(str, value)) if isinstance(value, list) else as_text(value)
            if text is not None and text.strip():
                out[key] = text.strip()
    return out


def _photographs(line: Line) -> tuple[str, ...]:
    """What a finding names as photographs: SHA-256, where they are right."""
    return forms.listed(line.cells.get("photographs", "").lower())


class _Reading:
    """One form being read."""

    def __init__(self, zone: ZoneInfo, now: dt.datetime, known: Known, broken: Faults) -> None:
        self.zone, self.now, self.known, self.items = zone, now, known, known.items
        self.faults = broken
        # a row with values beyond its columns: whose it is stands in one of its cells
        self._bad = {cell for fault in broken for cell in (fault.value or "").split(",") if cell in self.items}
        self._bad |= {str(fault.facts["sample"]) for fault in broken if "sample" in fault.facts}

    def refuse(self, line: Line, column: str, code: str, **facts: Any) -> None:
        """Note a fault of one cell; its sample is left out."""
        self.faults.append(line.fault(column, code, **facts))
        self._bad.add(line.cells.get("sample_no", ""))

    def all(self, samples: Sequence[Line], findings: Sequence[Line], sha256: str) -> Handed:
        """Every sample with its findings."""
        filled: dict[str, Line] = {}
        n_not_filled = 0
        for line in samples:
            if not self._is_known(line, SAMPLE_COLUMNS):
                continue
            number = line.cells["sample_no"]
            if not any(column in line.cells for column in _FILLED):
                n_not_filled += 1
            elif number in filled:
                self.refuse(line, "sample_no", "field_sample_twice", other=filled[number].row)
            else:
                filled[number] = line
                if number in self.known.replaced:
                    self.refuse(line, "sample_no", "field_draw_replaced", draw=self.known.replaced[number])
        found: dict[str, list[Found]] = {}
        for line in findings:
            if "title" in line.cells and not any(column in line.cells for column in _FOUND):
                continue  # as the form printed it
            if self._is_known(line, FINDING_COLUMNS) and (one := self._finding(line)) is not None:
                if line.cells["sample_no"] not in filled:
                    self.refuse(line, "sample_no", "field_not_inspected")
                found.setdefault(line.cells["sample_no"], []).append(one)
        taken = [self._sample(line, tuple(found.get(number, ()))) for number, line in filled.items()]
        good = [x for x in taken if x is not None and x.sample_no not in self._bad]
        faults = sorted(self.faults, key=lambda f: (f.sheet or "", f.row))
        return Handed(good, faults, len(self._bad), n_not_filled, sha256)

    def _is_known(self, line: Line, columns: Sequence[str]) -> bool:
        number = line.cells.get("sample_no")
        if number is None:
            self.refuse(line, "sample_no", "value_missing", field="sample_no")
        elif number not in self.items:
            self.refuse(line, "sample_no", "field_sample_unknown")
        for column in line.cells:
            if column not in columns:
                self.refuse(line, column, "field_column_unknown", known=list(columns))
        return number in self.items

    def _sample(self, line: Line, findings: tuple[Found, ...]) -> Taken | None:
        cells = line.cells
        result = words("inspection").get(cells.get("result", "inspected").lower())
        if result is None:
            self.refuse(line, "result", "field_result_unknown", known=["已检 / inspected", "未检 / not inspected"])
        for column in ("inspected_at", "inspector", *(["note"] if result == "not_inspected" else [])):
            if column not in cells:
                self.refuse(line, column, "value_missing", field=column)
        if result == "not_inspected" and findings:
            self.refuse(line, "result", "field_found_without_inspection", n=len(findings))
        at = self._moment(line, "inspected_at")
        if at is None or result is None or "inspector" not in cells:
            return None
        return Taken(cells["sample_no"], line.row, at, cells["inspector"], result, cells.get("note"), findings)

    def _finding(self, line: Line) -> Found | None:
        """A finding; None where none was found."""
        cells = line.cells
        if re.fullmatch("0+", cells.get("n", "")):
            return None
        codes = [i.code for i in self.items[cells["sample_no"]]]
        if cells.get("item") not in codes:
            self.refuse(line, "item", "field_item_unknown", known=codes)
        n = self._number(line)
        photographs = _photographs(line)
        if not all(re.fullmatch("[0-9a-f]{64}", p) for p in photographs):
            self.refuse(line, "photographs", "field_photograph_unreadable")
        elif missing := [p for p in photographs if p not in self.known.photographs]:
            self.refuse(line, "photographs", "field_photograph_missing", missing=missing)
        lon, lat = self._degrees(line, "found_lon", 180), self._degrees(line, "found_lat", 90)
        if (lon is None) != (lat is None):
            self.refuse(line, "found_lon" if lon is None else "found_lat", "coordinate_missing")
        found_at = self._moment(line, "found_at")
        return Found(cells.get("item", ""), n, cells.get("note"), photographs, lon, lat, found_at)

    def _number(self, line: Line) -> int:
        text = line.cells.get("n")
        if text is None:
            self.refuse(line, "n", "value_missing", field="n")
        elif not re.fullmatch("[0-9]+", text):
            self.refuse(line, "n", "number_not_whole")
        elif int(text) > MAX_N:
            self.refuse(line, "n", "number_out_of_range", low=0, high=MAX_N)
        else:
            return int(text)
        return 0

    def _degrees(self, line: Line, column: str, most: int) -> float | None:
        text = line.cells.get(column)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            self.refuse(line, column, "number_unreadable")
            return None
        if not -most <= value <= most:
            self.refuse(line, column, "number_out_of_range", low=-most, high=most)
        return value

    def _moment(self, line: Line, column: str) -> dt.datetime | None:
        text = line.cells.get(column)
        if text is None:
            return None
        try:
            at = parse_instant(_plain_moment(text), self.zone)
        except InstantInvalid:
            self.refuse(line, column, "time_unreadable")
            return None
        if at > self.now:
            self.refuse(line, column, "field_time_ahead", now=f"{self.now.astimezone(self.zone):%Y-%m-%d %H:%M}")
        return at


def _plain_moment(text: str) -> str:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return text
    year, month, day, hour, minute, second = found.groups()
    plain = f"{year}-{int(month):02}-{int(day):02}"
    return plain if hour is None else f"{plain}T{int(hour):02}:{minute}:{second or '00'}"
