"""Field forms (外业表) for inspectors: a workbook, or GeoJSON for a phone app; both are read back by the same reader.

Below the bilingual heads stand the machine names of the columns, by which a
sheet is known again, whatever it is called and wherever it stands.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from gridmgmt.files.wording import ENGLISH_FIRST, Speaker, Words, words
from gridmgmt.files.worksheets import add_sheet, format_column, freeze, new_book, put, put_row, row_height, save_book
from gridmgmt.inspections.checklists import CheckItem
from gridmgmt.inspections.findings import FINDING_COLUMNS, MAX_N, SAMPLE_COLUMNS
from gridmgmt.numbers import exact

HEAD, NAMES, FIRST = 3, 4, 5
"""Rows of a sheet: bilingual heads, machine names, the first row to fill."""

_SPARE_ROWS = 100
"""So many rows below have choices ready for further findings of the same items."""

WIDE = {"sample_no": 22, "name": 28, "title": 34, "note": 34, "photographs": 30, "inspected_at": 18, "found_at": 18}
_AS_TEXT = ("sample_no", "inspected_at", "found_at", "photographs")
_RESULTS = dict.fromkeys((None, ENGLISH_FIRST), '"已检,未检,inspected,not inspected"')
_RESULTS |= {"zh": '"已检,未检"', "en": '"inspected,not inspected"'}
HOW = ("samples", "findings", "more", "clean", "not_inspected", "corrected", "machine", "content")


@dataclass(frozen=True)
class FormSample:
    """One sample as the form shows it, with what is looked at in it."""

    sample_no: str
    unit: str
    unit_name: Words
    type: str
    type_title: Words
    object: Words
    name: Words
    grid: str
    lon: float
    lat: float
    items: Sequence[CheckItem]


@dataclass(frozen=True)
class Form:
    """The samples of a draw that one inspector takes along; ``made_on`` is the day its file bears."""

    draw: str
    period: str
    checklist: Words
    checklist_source: Words
    made_on: str
    samples: Sequence[FormSample]


def workbook(form: Form, lang: str | None = None) -> bytes:
    """The form as an xlsx file: how to fill it, a row a sample, a row a sample and check item.

    Parameters
    ----------
    lang
        See :func:`gridmgmt.files.wording.languages`; it is read back in any.
    """
    out, speaker = new_book(), Speaker(lang)
    _notes(out, speaker, form)
    _samples(out, speaker, form)
    _findings(out, speaker, form)
    return save_book(out, form.draw, f"{form.made_on}T00:00:00+00:00")


def _notes(out: Workbook, speaker: Speaker, form: Form) -> None:
    width = 100.0
    sheet = add_sheet(out, "form_notes", [width], speaker.lang)
    put(sheet, 1, 1, speaker.label("field_title", draw=form.draw, period=form.period, n=len(form.samples)), "gm_title")
    told = [speaker.label(f"field_how_{n}", title=form.checklist, source=form.checklist_source) for n in HOW]
    for row, text in enumerate(told, 3):
        put(sheet, row, 1, text)
        sheet.row_dimensions[row].height = row_height({width: text})


def _sheet(out: Workbook, speaker: Speaker, code: str, columns: Sequence[str]) -> Worksheet:
    widths = [WIDE.get(name, 14) for name in columns]
    sheet = add_sheet(out, code, widths, speaker.lang)
    heads = [speaker.stacked(words(f"field_{name}")) for name in columns]
    put(sheet, 1, 1, speaker.label(code), "gm_title")
    put_row(sheet, HEAD, heads, "gm_head")
    put_row(sheet, NAMES, list(columns), "gm_sum")
    sheet.row_dimensions[HEAD].height = row_height(dict(zip(widths, heads, strict=True)), 3)
    for name in columns:
        if name in _AS_TEXT:
            format_column(sheet, columns.index(name) + 1, FIRST)
    freeze(sheet, HEAD, NAMES, 1)
    return sheet


def _offer(sheet: Worksheet, columns: Sequence[str], name: str, n_rows: int, kind: str, **rule: Any) -> None:
    """Let a spreadsheet check a column while it is filled; what it lets pass is checked again when it is read."""
    letter = get_column_letter(columns.index(name) + 1)
    check = DataValidation(type=kind, allow_blank=True, showErrorMessage=True, **rule)
    check.add(f"{letter}{FIRST}:{letter}{FIRST + n_rows - 1}")
    sheet.add_data_validation(check)


def _samples(out: Workbook, speaker: Speaker, form: Form) -> None:
    n_rows = max(1, len(form.samples))
    sheet = _sheet(out, speaker, "form_field_samples", SAMPLE_COLUMNS)
    for row, s in enumerate(form.samples, FIRST):
        unit = f"{s.unit} {speaker.say(s.unit_name)}"
        cells = (
            s.sample_no,
            unit,
            speaker.say(s.type_title),
            speaker.say(s.object),
            speaker.say(s.name),
            s.grid,
            s.lon,
            s.lat,
        )
        put_row(sheet, row, list(cells))
    _offer(sheet, SAMPLE_COLUMNS, "result", n_rows, "list", formula1=_RESULTS[speaker.lang])


def _findings(out: Workbook, speaker: Speaker, form: Form) -> None:
    n_rows = sum(len(s.items) for s in form.samples) + _SPARE_ROWS
    sheet = _sheet(out, speaker, "form_field_findings", FINDING_COLUMNS)
    pairs = [(s, item) for s in form.samples for item in s.items]
    for row, (s, item) in enumerate(pairs, FIRST):
        most = None if item.most is None else exact(item.most)
        cells = (
            speaker.say(s.type_title),
            speaker.say(s.name),
            item.code,
            speaker.say(item.text),
            exact(item.points),
            speaker.say(item.each),
            most,
        )
        put_row(sheet, row, [s.sample_no, *cells])
    whole = {"operator": "between", "formula1": "0", "formula2": str(MAX_N)}
    _offer(sheet, FINDING_COLUMNS, "n", n_rows, "whole", **whole)
    for name, limit in (("found_lon", 180), ("found_lat", 90)):
        degrees = {"operator": "between", "formula1": str(-limit), "formula2": str(limit)}
        _offer(sheet, FINDING_COLUMNS, name, n_rows, "decimal", **degrees)


# --- GeoJSON ----------------------------------------------------------------------------------------------------------


def geojson(form: Form) -> str:
    """The form as a FeatureCollection: each sample a point with its check items and an empty list of results.

    An app fills ``inspected_at``, ``inspector``, ``result``, ``note`` and adds
    ``{item, n, note, photographs, found_at, found_lon, found_lat}`` to ``results``.
    """
    collection = {
        "type": "FeatureCollection",
        "name": form.draw,
        "period": form.period,
        "checklist": {"title": dict(form.checklist), "source": dict(form.checklist_source)},
        "features": [_feature(s) for s in form.samples],
    }
    return json.dumps(collection, ensure_ascii=False, indent=1) + "\n"


def _feature(s: FormSample) -> Mapping[str, Any]:
    told = {
        "sample_no": s.sample_no, "unit": s.unit, "unit_name": dict(s.unit_name), "type": s.type,
        "type_title": dict(s.type_title), "object": dict(s.object), "name": dict(s.name), "grid": s.grid,
        "checklist": [_item(item) for item in s.items],
    }  # fmt: skip
    empty = dict.fromkeys(("inspected_at", "inspector", "result", "note"))
    return {
        "type": "Feature",
        "id": s.sample_no,
        "geometry": {"type": "Point", "coordinates": [s.lon, s.lat]},
        "properties": {**told, **empty, "results": []},
    }


def _item(item: CheckItem) -> Mapping[str, Any]:
    most = None if item.most is None else exact(item.most)
    shown = {"code": item.code, "text": dict(item.text), "points": exact(item.points)}
    return {**shown, "each": dict(item.each), "most": most}
