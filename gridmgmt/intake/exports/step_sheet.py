"""The sheet of steps (办理步骤表): a workbook with the columns that a profile reads and lists to choose words from."""

from collections.abc import Mapping, Sequence

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from gridmgmt.files.wording import label
from gridmgmt.files.worksheets import add_sheet, freeze, new_book, put, put_row, save_book

HEAD, FIRST = 4, 5
"""The row of the columns' names, by which the sheet is read back, and the first row to fill."""

EMPTY_ROWS = 500
"""So many rows have formats and choices ready."""

HOW = ("how", "again")


def workbook(columns: Mapping[str, Mapping[str, str]], lang: str | None = None) -> bytes:
    """The empty sheet as an xlsx file, byte for byte the same for the same columns.

    Parameters
    ----------
    columns
        Name of a column → words and what they mean, none where it is free; in the order in which they are to stand.
    lang
        See :func:`gridmgmt.files.wording.languages`; the columns' names are the profile's.
    """
    out = new_book()
    sheet = add_sheet(out, "step_sheet", [14.0 if len(name) < 6 else 20.0 for name in columns], lang, fit=False)
    put(sheet, 1, 1, label("step_sheet", lang), "gm_title")
    for row, name in enumerate(HOW, 2):
        put(sheet, row, 1, label(f"step_sheet_{name}", lang), "gm_note")
    put_row(sheet, HEAD, list(columns), "gm_head")
    freeze(sheet, HEAD, HEAD, 3)
    lists = out.create_sheet("lists")
    lists.sheet_state = "hidden"
    for place, (name, meanings) in enumerate(columns.items(), 1):
        words = _offered(meanings, lang)
        letter = get_column_letter(place)
        for row in range(FIRST, FIRST + EMPTY_ROWS):
            sheet[f"{letter}{row}"].number_format = "@"
        if words:
            put(lists, 1, place, name)
            for row, word in enumerate(words, 2):
                put(lists, row, place, word)
            check = DataValidation("list", formula1=f"lists!${letter}$2:${letter}${len(words) + 1}", allow_blank=True)
            check.add(f"{letter}{FIRST}:{letter}{FIRST + EMPTY_ROWS - 1}")
            sheet.add_data_validation(check)
    return save_book(out, "steps", "2000-01-01T00:00:00+00:00")


def _offered(meanings: Mapping[str, str], lang: str | None) -> Sequence[str]:
    """The words to choose from: those that the profile maps; for who asks for English the words that are codes."""
    own = [word for word, meant in meanings.items() if word != meant]
    codes = [word for word, meant in meanings.items() if word == meant]
    return (codes or own) if lang == "en" else own
