"""The entry form of a rulebook (录入表): a workbook that people fill and the reader of entries reads back.

Every sheet has a bilingual head and below it the machine names of its columns:
by those the sheet is known again, whatever it is called and wherever it stands.
The period stands in each row, so that one file can hold several.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from gridmgmt.files.wording import Speaker, words
from gridmgmt.files.worksheets import add_sheet, format_column, freeze, new_book, put, put_row, row_height, save_book
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.check import stage_inputs
from gridmgmt.rulebooks.dossier import EVERYBODY, Subject
from gridmgmt.rulebooks.inputs import LISTED, Input
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.records import AS_NUMBER, CONTENT, FIELDS, SIGNATURE, SIGNED

HEAD, NAMES, FIRST = 3, 4, 5
"""Rows of a sheet: bilingual heads, machine names, the first row to fill."""

EMPTY_ROWS = 200
"""So many rows have choices ready."""

RECORDS = ("period", "subject", "input", *CONTENT, "ref")
_RESULTS = ("period", "subject", "total", "grade", "rank", "first", "last", "from_bottom", "tied", "carry_out")
SUBJECTS = ("code", "name_zh", "name_en", "group", "role", "superiors", "attributes", "level")
_NOTE_WIDTHS = (22, 40, 14, 14, 30, 44, 16, 34)
WIDE = {"subject": 18, "name": 26, "name_zh": 26, "name_en": 26, "input": 26, "note": 36, "evidence": 36, "case": 20}


def entry_form(
    book: Rulebook, stage_id: str, period_label: str | None, subjects: Sequence[Subject], lang: str | None = None
) -> bytes:
    """The form of one stage, with the period and the known subjects filled in.

    Parameters
    ----------
    period_label
        As it is to stand in each row; None leaves it to be filled.
    subjects
        In the order in which they are to stand.
    lang
        See :func:`gridmgmt.files.wording.languages`; it is read back in any.

    Returns
    -------
    bytes
        An xlsx file, byte for byte the same for the same rulebook, period and subjects.
    """
    stage = book.stage(stage_id)
    inputs = stage_inputs(book, stage)
    entered = {name: spec for name, spec in inputs.items() if spec.entered is not None}
    out, speaker = new_book(), Speaker(lang)
    _notes(out, speaker, book, stage, period_label, inputs)
    _values(out, speaker, entered, period_label, subjects)
    _records(out, speaker, book, entered, period_label)
    _results(out, speaker, stage, period_label)
    _subjects(out, speaker, subjects)
    name = f"{book.id} v{book.version} {stage.id}"
    return save_book(out, name, f"{book.valid.first.isoformat()}T00:00:00+00:00")


def _sheet(
    out: Workbook,
    speaker: Speaker,
    code: str,
    columns: Mapping[str, str],
    note: str,
    rows: Sequence[Sequence[str | None]] = (),
    *,
    texts: Sequence[str],
) -> Worksheet:
    """A sheet with title, note, heads, machine names and rows; columns of texts keep what is typed, 2025-12 too."""
    widths = [WIDE.get(name, 16) for name in columns]
    sheet = add_sheet(out, code, widths, speaker.lang)
    put(sheet, 1, 1, speaker.label(code), "gm_title")
    put(sheet, 2, 1, speaker.label(note), "gm_note")
    put_row(sheet, HEAD, list(columns.values()), "gm_head")
    put_row(sheet, NAMES, list(columns), "gm_sum")
    sheet.row_dimensions[HEAD].height = row_height(dict(zip(widths, columns.values(), strict=True)), 3)
    for row, cells in enumerate(rows, FIRST):
        put_row(sheet, row, cells)
    for name in texts:
        format_column(sheet, list(columns).index(name) + 1, FIRST)
    return sheet


def _head(speaker: Speaker, name: str) -> str:
    return speaker.stacked(words(f"form_{name}"))


def _offer(sheet: Worksheet, column: int, first: int, kind: str, **rule: Any) -> None:
    """Let a spreadsheet check a column while it is filled; what it lets pass is checked again when it is read."""
    letter = get_column_letter(column)
    check = DataValidation(type=kind, allow_blank=True, showErrorMessage=False, **rule)
    check.add(f"{letter}{first}:{letter}{FIRST + EMPTY_ROWS - 1}")
    sheet.add_data_validation(check)


_YES_NO = {"zh": ("是", "否"), "en": ("yes", "no")}
"""What is offered where yes or no is asked; read back in either language."""


def _yes_no(speaker: Speaker) -> dict[str, str]:
    return _choices(_YES_NO[speaker.first]) or {}


def _choices(names: Sequence[str]) -> dict[str, str] | None:
    """A list to choose from; a spreadsheet takes 255 characters, no commas in them."""
    text = ",".join(names)
    return {"formula1": f'"{text}"'} if names and len(text) <= 255 and '"' not in text else None


# --- sheets -----------------------------------------------------------------------------------------------------------


def _notes(
    out: Workbook,
    speaker: Speaker,
    book: Rulebook,
    stage: Stage,
    period_label: str | None,
    inputs: Mapping[str, Input],
) -> None:
    sheet = add_sheet(out, "form_notes", _NOTE_WIDTHS, speaker.lang)
    put(sheet, 1, 1, speaker.say(book.title), "gm_title")
    facts = (
        speaker.label("form_about", rulebook=book.id, version=book.version, stage=stage.title),
        speaker.label("form_for", period=period_label),
        *(speaker.label(f"form_how_{n}") for n in ("values", "records", "results", "subjects", "signed", "withdrawn")),
    )
    for row, text in enumerate(facts, 2):
        put(sheet, row, 1, text, "gm_note")
    row = len(facts) + 3
    heads = ("input", "title", "unit", "type", "range", "entered", "per", "sheet")
    put_row(sheet, row, [_head(speaker, name) for name in heads], "gm_head")
    for name, spec in {**inputs, SIGNED: SIGNATURE}.items():
        row += 1
        cells = _told(speaker, book, name, spec)
        put_row(sheet, row, cells)
        sheet.row_dimensions[row].height = row_height(dict(zip(_NOTE_WIDTHS, cells, strict=True)))


def _told(speaker: Speaker, book: Rulebook, name: str, spec: Input) -> list[str]:
    """What the notes say of one input."""
    where = speaker.stacked(words("form_counted" if spec.entered is None else "form_by_hand"))
    why = speaker.say(spec.entered) if spec.entered is not None else ""
    if spec.automatic is not None and spec.entered is not None:
        where = speaker.stacked(words("form_counted_or_entered"))
    sheets = ["values"] if _is_single(spec) else []
    sheets += ["records"] if spec.type in FIELDS else []
    return [
        name,
        speaker.stacked(spec.title),
        speaker.say(spec.unit) if spec.unit is not None else "",
        speaker.label(f"form_type_{spec.type}"),
        "\n".join(_range(speaker, book, name, spec)),
        f"{where}\n{why}".strip(),
        speaker.label(f"form_per_{spec.per}"),
        " / ".join(speaker.label(f"form_{s}") for s in sheets) if spec.entered is not None else "",
    ]


def _range(speaker: Speaker, book: Rulebook, name: str, spec: Input) -> list[str]:
    """Limits, choices, groups of raters, codes of events, and whether it may not apply."""
    out = []
    if spec.at_least is not None or spec.at_most is not None:
        low, high = (exact(x) if x is not None else "" for x in (spec.at_least, spec.at_most))
        out.append(f"{low} – {high}")
    kinds = {k.code: k.title for rule in book.event_rules(name) for k in rule.table}
    for names in (spec.choices, spec.groups, kinds):
        out += [f"{key} {speaker.say(title)}" for key, title in names.items()]
    if spec.default is not None:
        out.append(speaker.label("form_default", value=exact(spec.default)))
    return [*out, speaker.label("form_may_not_apply")] if spec.may_not_apply else out


def _is_single(spec: Input) -> bool:
    return spec.type not in FIELDS or spec.type in AS_NUMBER


def _values(
    out: Workbook,
    speaker: Speaker,
    entered: Mapping[str, Input],
    period_label: str | None,
    subjects: Sequence[Subject],
) -> None:
    """One row a subject and one for all; one column an input of a single value, and the signature."""
    single = {name: spec for name, spec in entered.items() if _is_single(spec)}
    if any(spec.type in LISTED for spec in entered.values()):
        single[SIGNED] = SIGNATURE
    columns = {n: _head(speaker, n) for n in ("period", "subject", "name")}
    columns |= {name: _with_unit(speaker, spec) for name, spec in single.items()}
    for_all = any(spec.per == "all" for spec in single.values()) or SIGNED in single
    rows = [(period_label, s.code, speaker.say(s.name)) for s in subjects]
    rows += [(period_label, EVERYBODY, speaker.label("form_everybody"))] if for_all else []
    sheet = _sheet(out, speaker, "form_values", columns, "form_note_values", rows, texts=("period", "subject"))
    freeze(sheet, HEAD, NAMES, 3)
    for column, spec in enumerate(single.values(), 4):
        _offer_values(sheet, speaker, column, spec)


def _with_unit(speaker: Speaker, spec: Input) -> str:
    unit = f"（{speaker.say(spec.unit)}）" if spec.unit is not None else ""
    return speaker.stacked(spec.title) + unit


def _offer_values(sheet: Worksheet, speaker: Speaker, column: int, spec: Input) -> None:
    if spec.type == "flag":
        _offer(sheet, column, FIRST, "list", **_yes_no(speaker))
    choices = _choices([title[speaker.first] for title in spec.choices.values()])
    if choices:
        _offer(sheet, column, FIRST, "list", **choices)


def _records(
    out: Workbook, speaker: Speaker, book: Rulebook, entered: Mapping[str, Input], period_label: str | None
) -> None:
    """One row a finding, event, mark, rating, row of a table or step of an account."""
    told = {name: spec for name, spec in entered.items() if spec.type in FIELDS}
    columns = {n: _head(speaker, n) for n in RECORDS}
    texts = ("period", "subject", "input", "code", "case", "occasion", "ref")
    sheet = _sheet(out, speaker, "form_records", columns, "form_note_records", texts=texts)
    freeze(sheet, HEAD, NAMES, 3)
    place = {name: i for i, name in enumerate(RECORDS, 1)}
    offers = {
        "input": list(told),
        "code": [k.code for name in told for rule in book.event_rules(name) for k in rule.table],
        "group": [g for spec in told.values() for g in spec.groups],
        "praised": _YES_NO[speaker.first],
        "period": [period_label] if period_label else [],
    }
    for column, names in offers.items():
        choices = _choices(list(dict.fromkeys(names)))
        if choices:
            _offer(sheet, place[column], FIRST, "list", **choices)
    format_column(sheet, place["on"], FIRST, "yyyy-mm-dd")


def _results(out: Workbook, speaker: Speaker, stage: Stage, period_label: str | None) -> None:
    """One row a subject and period whose result is handed in."""
    sheet = _sheet(
        out,
        speaker,
        "form_results",
        {n: _head(speaker, n) for n in _RESULTS},
        "form_note_results",
        texts=("period", "subject"),
    )
    freeze(sheet, HEAD, NAMES, 2)
    place = {name: i for i, name in enumerate(_RESULTS, 1)}
    choices = _choices([g.id for g in stage.grades])
    if choices:
        _offer(sheet, place["grade"], FIRST, "list", **choices)
    for name in ("first", "last"):
        _offer(sheet, place[name], FIRST, "list", **_yes_no(speaker))


def _subjects(out: Workbook, speaker: Speaker, subjects: Sequence[Subject]) -> None:
    """Who is assessed, as far as it is known."""
    columns = {n: _head(speaker, n) for n in SUBJECTS}
    lists = [(";".join(s.superiors), ";".join(s.attributes)) for s in subjects]
    rows = [
        (s.code, s.name["zh"], s.name["en"], s.group, s.role, *listed, s.level)
        for s, listed in zip(subjects, lists, strict=True)
    ]
    sheet = _sheet(out, speaker, "form_subjects", columns, "form_note_subjects", rows, texts=("code",))
    freeze(sheet, HEAD, NAMES, 1)
