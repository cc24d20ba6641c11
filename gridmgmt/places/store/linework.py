"""Linework as it is stored: a row for each edition, zoom and level; only activating and drawing anew write it."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from gridmgmt.database import tables as t
from gridmgmt.places.linework import FORM, DrawnLevel, Linework


def save(connection: Connection, edition_id: int, drawn: Iterable[Linework]) -> None:
    """Save an edition's linework, one for each zoom, in place of what may stand there in another form."""
    c = t.linework.c
    connection.execute(delete(t.linework).where(c.edition_id == edition_id))
    rows = [
        {
            "edition_id": edition_id, "zoom": zoom, "level": number, "form": FORM, "step_lon": lines.step[0],
            "step_lat": lines.step[1], "codes": list(level.codes),
            "parents": list(level.parents), "marks": level.marks, "arcs": level.arcs,
        }
        for zoom, lines in enumerate(drawn)
        for number, level in lines.levels.items()
    ]  # fmt: skip
    connection.execute(insert(t.linework), rows)


def read(connection: Connection, edition_id: int, zoom: int) -> Linework | None:
    """An edition's linework at a zoom; None where it is not stored in today's form."""
    c = t.linework.c
    wanted = (c.edition_id == edition_id, c.zoom == zoom, c.form == FORM)
    rows = connection.execute(select(t.linework).where(*wanted).order_by(c.level)).all()
    if not rows:
        return None
    levels = {r.level: DrawnLevel(tuple(r.codes), tuple(r.parents), r.marks, r.arcs) for r in rows}
    return Linework((rows[0].step_lon, rows[0].step_lat), levels)


def undrawn(connection: Connection) -> list[tuple[int, str]]:
    """Number and name of the active editions that have none in today's form."""
    c, drawn = t.edition.c, select(t.linework.c.edition_id).where(t.linework.c.form == FORM)
    wanted = select(c.id, c.name).where(c.valid.is_not(None), c.id.not_in(drawn))
    return [(int(r.id), str(r.name)) for r in connection.execute(wanted.order_by(c.id))]
