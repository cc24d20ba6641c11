"""Entries (录入数据): the entry form, or a long CSV, read into rows of known inputs; every fault is named by its cell.

A form's sheets are described in :mod:`gridmgmt.assessing.exports.entry_form`. The long form
has one row a value or record: ``period subject input`` with ``value``, or with
the columns that tell a record of that input's type, and ``evidence note ref``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from gridmgmt.assessing.readers.entry_lines import KINDS, BookOf, Entry, EntryLines
from gridmgmt.assessing.readers.subjects import Listed
from gridmgmt.bounds import read_text
from gridmgmt.errors import FileUnreadable, by_parser
from gridmgmt.faults import Faults
from gridmgmt.files import forms
from gridmgmt.files.forms import Line
from gridmgmt.periods import parse_period
from gridmgmt.rulebooks import sums
from gridmgmt.rulebooks.document import input_yaml
from gridmgmt.rulebooks.dossier import EVERYBODY
from gridmgmt.rulebooks.dossier_reading import event_lacks
from gridmgmt.rulebooks.inputs import Input
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.records import RESULT, SIGNED, joined
from gridmgmt.rulebooks.values import Event, Value, parse
from gridmgmt.texts import Unfit


@dataclass(frozen=True)
class Entries:
    """What a file holds: its good rows, who is assessed, and its faults."""

    file: str
    sha256: str
    rows: Sequence[Entry]
    subjects: Sequence[Listed]
    faults: Faults


def read_entries(path: Path, book_of: BookOf) -> Entries:
    """Read a form (xlsx) or a long CSV file.

    Raises
    ------
    FileUnreadable, ColumnMissing
        The file as a whole; what is wrong with its rows is in ``faults``.
    """
    reading = EntryLines(path.name, book_of)
    sheets = forms.read_sheets(path, KINDS)
    for sheet in sheets:
        reading.faults += sheet.broken
        take = getattr(reading, f"take_{sheet.kind}")
        for line in sheet.lines:
            take(line)
    rows = reading.whole()
    return Entries(path.name, sheets[0].sha256, rows, reading.subjects, reading.faults)


def lacking(entry: Entry, book: Rulebook, role: str | None) -> dict[str, Any] | None:
    """What an event lacks that its kind asks for, given its subject's role; None: nothing, or it is no event."""
    spec = book.inputs.get(entry.input)
    if entry.value is None or spec is None or spec.type != "events":
        return None
    kinds = {k.code: k for rule in book.event_rules(entry.input) for k in rule.table}
    event = next(e for e in parse(spec, [entry.value]) if isinstance(e, Event))  # type: ignore[union-attr]
    return event_lacks(kinds, event, role) if kinds else None


# --- a file as a dossier ----------------------------------------------------------------------------------------------


def read_input_file(path: Path, book: Rulebook) -> dict[str, Any]:
    """The plain dossier in a file: .json, .yaml, an entry form (.xlsx) or a long .csv; numbers stay as written.

    Raises
    ------
    FileUnreadable, ColumnMissing
        The file as a whole.
    EntryInvalid
        Rows of a form or a CSV file; lists every fault.
    """
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".csv"):
        return dossier_of(read_entries(path, lambda _: book), book)
    if suffix not in (".json", ".yaml", ".yml"):
        known = [".json", ".yaml", ".yml", ".xlsx", ".csv"]
        reason = {"code": "unreadable_format", "format": suffix or "?", "known": known}
        raise FileUnreadable(file=str(path), reason=reason)
    try:
        text = read_text(path, "utf-8-sig")
        return plain_inputs(text, str(path)) if suffix == ".json" else _plain(input_yaml().load(text), str(path))
    except (OSError, ValueError, YAMLError) as e:
        raise FileUnreadable(file=str(path), reason=by_parser(e)) from e


def plain_inputs(text: str, file: str) -> dict[str, Any]:
    """The plain dossier in a text of JSON; numbers stay as they are written.

    Raises
    ------
    FileUnreadable
    """
    try:
        found = json.loads(text, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as e:
        raise FileUnreadable(file=file, reason=by_parser(e)) from e
    return _plain(found, file)


def _plain(found: Any, file: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise FileUnreadable(file=file, reason={"code": "unreadable_no_inputs"})
    return found


def dossier_of(entries: Entries, book: Rulebook) -> dict[str, Any]:
    """A file's entries as a plain dossier.

    Raises
    ------
    EntryInvalid
        Lists every fault, of its rows and of what they make together.
    """
    subjects = {x.subject.code: x.subject.plain for x in entries.subjects}
    faults = Faults(entries.faults)
    for e in entries.rows:
        wanted = lacking(e, book, subjects.get(e.subject, {}).get("role"))
        if wanted is not None:
            faults.append(e.line.unfit("code", wanted))
    faults += [e.line.unfit(e.column, wanted) for e, wanted in beyond_whole(entries.rows, lambda _: book)]
    periods: dict[str, dict[str, Any]] = {}
    for (period, subject, name), rows in _together(entries.rows):
        record = periods.setdefault(period, {}).setdefault(subject, {})
        try:
            value = whole_value(book.inputs.get(name), [(e.ref, e.value) for e in rows])
        except Unfit as e:
            first = rows[0].line
            faults.append(Line(first.sheet, first.row, {}).unfit(name, e.expected))
            continue
        if name == RESULT:
            record["result"] = value
        elif name == SIGNED:
            record["signed"] = value
        else:
            record.setdefault("inputs", {})[name] = value
    forms.refuse(entries.file, faults)
    for records in periods.values():
        _sign(records, subjects)
    return {"rulebook": book.id, "subjects": subjects, "periods": periods}


def whole_value(spec: Input | None, rows: Sequence[tuple[str, Any]]) -> Any:
    """The plain value that the (ref, value) rows of one place make together, checked; ``spec`` None: no input.

    Raises
    ------
    Unfit
        Says what was expected.
    """
    value = joined(rows)
    if spec is not None:
        parse(spec, value)
    return value


def beyond_whole(
    rows: Sequence[Entry], book_of: BookOf, known: Mapping[tuple[str, str, str], Any] | None = None
) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """The rows that make a part more than its whole, with what was expected of each.

    Which of the two is wrong nobody knows: where both stand in the file, both are told.

    Parameters
    ----------
    known
        Period, subject, input → the plain value that was entered before.
    """
    own = {e.place: e for e in rows if not e.ref}
    plain = {**(known or {}), **{place: e.value for place, e in own.items()}}
    for label in sorted({place[0] for place in own}):
        book = book_of(parse_period(label))
        names = {name for pair in sums.parts_of_wholes(book) for name in pair}
        told: dict[str, dict[str, Value]] = {}
        for (period, subject, name), value in plain.items():
            if period == label and name in names and value is not None:
                told.setdefault(subject, {})[name] = parse(book.inputs[name], value)
        everybody = told.setdefault(EVERYBODY, {})
        whole = {code: {**everybody, **values} for code, values in told.items()}
        for x in sums.beyond_whole(book, whole):
            for name, wanted in ((x.part, x.of_part), (x.whole, x.of_whole)):
                of = x.subject if name in told[x.subject] else EVERYBODY
                if (label, of, name) in own:
                    yield own[label, of, name], wanted


def _together(rows: Sequence[Entry]) -> Iterator[tuple[tuple[str, str, str], list[Entry]]]:
    places: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in rows:
        if entry.value is not None:
            places.setdefault(entry.place, []).append(entry)
    yield from places.items()


def _sign(records: dict[str, Any], subjects: Mapping[str, Any]) -> None:
    """What is signed for all holds for each subject that does not say otherwise."""
    signed = records.get(EVERYBODY, {}).pop("signed", None)
    if signed is None:
        return
    own = [code for code in records if code != EVERYBODY]
    for code in own or subjects:
        records.setdefault(code, {}).setdefault("signed", signed)
    if not records.get(EVERYBODY, True):
        del records[EVERYBODY]
