"""Rows in quarantine one by one (问题数据修正): looked at, and mended before they are tried again."""

from collections.abc import Mapping

from gridmgmt import bounds
from gridmgmt.database import auditing, quarantine
from gridmgmt.database.doors import needs
from gridmgmt.database.quarantine import Open
from gridmgmt.database.work import Work
from gridmgmt.errors import OptionInvalid, RowMissing


@needs("imports.write")
def rows(work: Work, *, after: int = 0, limit: int = 100, profile: str | None = None) -> list[Open]:
    """Rows that wait, in order of their coming in; ``after``: the number of the last one that was seen."""
    with work.snapshot() as connection:
        return quarantine.waiting(connection, after, limit, profile=profile)


@needs("imports.write")
def mend(work: Work, number: int, values: Mapping[str, str | None]) -> Open:
    """Say what cells of a row should hold; None empties one. It is tried by the next retry, and waits until then.

    What the file had stays beside it. A line that was no record takes the columns of its file.

    Raises
    ------
    RowMissing
        No such row waits, or it is not the viewer's.
    OptionInvalid
        The file has no such column, or the text is longer than is read.
    """
    with work.transaction() as connection:
        row = quarantine.locked(connection, number)
        if row is None:
            raise RowMissing(number=number)
        for column, text in values.items():
            if column not in row.columns:
                raise OptionInvalid(name="values", value=column, expected=", ".join(row.columns))
            if text is not None and len(text) > bounds.most("text_kb"):
                raise OptionInvalid(name=column, value=f"{text[:20]}…", expected=f"<= {bounds.most('text_kb')}")
        before = {} if set(row.raw) == {"text"} and "text" not in row.columns else row.raw
        raw = {c: v for c, v in {**before, **values}.items() if v is not None}
        quarantine.mend(connection, row, raw, [p for p in row.problems if p["column"] not in values])
        auditing.note(connection, quarantine=[number])
        found = quarantine.locked(connection, number)
    if found is None:
        raise RowMissing(number=number)
    return found
