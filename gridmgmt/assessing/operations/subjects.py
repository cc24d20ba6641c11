"""Who is assessed (考核对象名单): import of a rulebook's list with its spans of days, and what it holds."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gridmgmt.accepted import closest
from gridmgmt.assessing.operations.dossiers import levels_of
from gridmgmt.assessing.readers import subjects as lists
from gridmgmt.assessing.readers.subjects import Listed
from gridmgmt.assessing.store import entries as store
from gridmgmt.assessing.store.assessments import people_among
from gridmgmt.assessing.store.entries import AssessedRow
from gridmgmt.city import City
from gridmgmt.database import batches, cities, clock
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import LevelUnknown, NoEditionOnDate
from gridmgmt.files import forms
from gridmgmt.files.forms import Collected
from gridmgmt.files.wording import named
from gridmgmt.people.store import units as store_units
from gridmgmt.places.store import editions
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.rulebooks.known_words import unknown_attributes
from gridmgmt.rulebooks.model import Rulebook


@dataclass
class ListReport:
    """What became of a list of subjects; ``n_not_listed`` are on the rulebook's list and not in the file: they stay."""

    file: str
    n_new: int = 0
    n_changed: int = 0
    n_unchanged: int = 0
    n_renamed: int = 0
    n_not_listed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


@needs("entries.write", whole=True, by_worker=True)
def import_subjects(work: Work, rulebook: str, path: Path) -> ListReport:
    """Import who is assessed by a rulebook (考核对象名单); right or refused as a whole.

    A row that begins later than the one that holds ends it; one that begins on
    the same day takes its place, and the old row is kept. Who is not in the
    file stays on the list.

    Raises
    ------
    EntryInvalid
        Lists every fault.
    RulebookMissing, RulebookInvalid, FileUnreadable, ColumnMissing, CityMissing
    """
    book = rulebooks.load(rulebook).rulebook
    rows, collected, sha256 = lists.read_subjects(path)
    report = ListReport(path.name)
    kind = book.population.kind
    with work.locked() as connection:
        known = store.assessed_rows(connection, book.id)
        keys = _keys(connection, book, rows, collected)
        _check_list(book, rows, {r.subject.code for r in known}, collected)
        forms.refuse(path.name, collected.faults)
        if kind != "grid":
            report.n_renamed = store.save_subjects(connection, kind, {x.subject.code: x.subject.name for x in rows})
        ids = store.subject_ids(connection, kind)
        changes = []
        for key, listed in sorted(zip(keys, rows, strict=True), key=lambda pair: pair[1].first):
            own = [r for r in known if r.subject_id == ids[key]]
            last = _ends(listed, own)
            if _is_change(report, own, listed, last):
                changes.append((ids[key], listed, last))
        report.n_not_listed = len({r.subject_id for r in known} - {ids[key] for key in keys})
        _write_list(connection, book.id, report, sha256, changes)
    return report


def _keys(
    connection: Connection, book: Rulebook, rows: Sequence[Listed], collected: Collected
) -> list[tuple[int, str]]:
    """Each row's level number and code; what is no grid or unit of the city is noted."""
    kind = book.population.kind
    if kind == "grid":
        return [_grid_key(connection, book, x, collected) for x in rows]
    units = set(store_units.unit_ids(connection))
    for x in rows:
        if kind == "unit" and x.subject.code not in units:
            collected.fault(x.line, "code", "known_unit")
        if x.subject.level is not None:
            collected.fault(x.line, "level", "no_level", kind=kind)
    return [(0, x.subject.code) for x in rows]


def _grid_key(connection: Connection, book: Rulebook, x: Listed, collected: Collected) -> tuple[int, str]:
    """The grid's level by its column, else the only level of the population that has the code."""
    city = cities.load_city(connection)
    levels = [v.key for v in city.levels] if book.population.levels == "all" else list(book.population.levels)
    try:
        wanted = [city.level(x.subject.level).number] if x.subject.level else [city.level(k).number for k in levels]
    except LevelUnknown as e:
        collected.fault(x.line, "level", "level", known=e.known)
        return 0, x.subject.code
    grids = store.subject_ids(connection, "grid")
    found = [n for n in wanted if (n, x.subject.code) in grids]
    if len(found) > 1:
        collected.fault(x.line, "level", "its_level", known=levels)
    elif not found:
        collected.fault(x.line, "code", "grid_of_level")
    return (found or [0])[0], x.subject.code


def _check_list(book: Rulebook, rows: Sequence[Listed], known: set[str], collected: Collected) -> None:
    """Superiors are on the list themselves; where the rulebook tells roles apart, everybody has one of them."""
    codes = known | {x.subject.code for x in rows}
    roles = sorted(book.roles())
    for x in rows:
        for code in x.subject.superiors:
            if code not in codes or code == x.subject.code:
                collected.fault(x.line, "superiors", "superior_of_list", superior=code)
        if roles and x.subject.role not in roles:
            collected.fault(x.line, "role", "one_of", known=closest(x.subject.role or "", roles))
        for column, _, wanted in unknown_attributes(book, x.subject.attributes):
            collected.faults.append(x.line.unfit(column, wanted))


def _ends(listed: Listed, own: Sequence[AssessedRow]) -> dt.date | None:
    """The last day of a row, half-open: at the latest where the subject's next row begins."""
    later = [r.first for r in own if r.first > listed.first]
    return min([*later, *([listed.last] if listed.last is not None else [])], default=None)


def _is_change(report: ListReport, own: Sequence[AssessedRow], listed: Listed, last: dt.date | None) -> bool:
    old = next((r for r in own if r.first == listed.first), None)
    if old is not None and old.last == last and _told(old.subject) == _told(listed.subject):
        report.n_unchanged += 1
        return False
    if own:
        report.n_changed += 1
    else:
        report.n_new += 1
    return True


def _told(subject: Subject) -> tuple[Any, ...]:
    return subject.group, subject.role, subject.superiors, subject.attributes


def _write_list(
    connection: Connection,
    rulebook_id: str,
    report: ListReport,
    sha256: str,
    changes: Sequence[tuple[int, Listed, dt.date | None]],
) -> None:
    if not changes:
        return
    batch_id = batches.new_batch(connection, "subjects", file=report.file, file_sha256=sha256, profile=rulebook_id)
    known_at = batches.stamp_batch(connection, batch_id)
    for subject_id, x, last in changes:
        store.add_assessed(connection, rulebook_id, subject_id, x.subject, x.first, last, batch_id, known_at)
    batches.close_batch(connection, batch_id, report.as_dict())


@needs("results.compare")
def list_subjects(work: Work, rulebook: str, day: dt.date | None = None) -> list[dict[str, Any]]:
    """A rulebook's list of subjects on a day; None: with every span of days.

    Grids and units are everybody's to know; who does not see the whole city is told the people of his scope alone.
    """
    scope = work.allowed("results.compare")
    with work.snapshot() as connection:
        rows = store.assessed_rows(connection, rulebook)
    return [
        {**asdict(r.subject), "kind": r.kind, "valid_from": r.first, "valid_to": r.last}
        for r in rows
        if (day is None or (r.first <= day and (r.last is None or day < r.last)))
        and (r.kind != "person" or scope.everywhere or r.subject_id in scope.subjects)
    ]


@needs("results.compare")
def assessed_by(work: Work, book: Rulebook, day: dt.date | None) -> list[Subject]:
    """Whom a rulebook assesses on a day (today if none is named), for its entry form; people as far as they are one's.

    Raises
    ------
    CityMissing, LevelUnknown
    """
    scope = work.allowed("results.compare")
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        on = day or (work.now or clock.now(connection)).astimezone(city.zone).date()
        found = assessed(connection, city, book, on)
        if book.population.kind != "person" or scope.everywhere:
            return found
        own = people_among(connection, scope.subjects)
        return [s for s in found if s.code in own]


def assessed(connection: Connection, city: City, book: Rulebook, day: dt.date) -> list[Subject]:
    """Whom a rulebook assesses on a day: its list, else the grids or units of its population, by code.

    Persons are known by a list only, and grids where an edition holds on the day.

    Raises
    ------
    LevelUnknown
        The city has no grids of the rulebook's level.
    """
    listed = store.assessed_on(connection, book.id, day)
    if listed or book.population.kind == "person":
        return sorted(listed, key=lambda s: s.code)
    if book.population.kind == "grid":
        return _grids(connection, city, levels_of(book, city, None), day)
    kinds = book.population.unit_kinds
    rows = [r for r in store_units.units(connection).values() if not kinds or r["kind"] in kinds]
    return sorted(
        (Subject(r["code"], named(r["name_zh"], r["name_en"], r["code"])) for r in rows), key=lambda s: s.code
    )


def _grids(connection: Connection, city: City, levels: Sequence[int], day: dt.date) -> list[Subject]:
    try:
        edition = editions.on_date(connection, day)
    except NoEditionOnDate:
        return []
    names = editions.grid_names(connection, [edition.id])
    chosen = names[names["level"].isin(levels)].sort_values(["level", "code"])
    columns = (chosen[n].tolist() for n in ("code", "name_zh", "name_en", "level"))
    keys = {x.number: x.key for x in city.levels}
    return [Subject(code, named(zh, en, code), keys[n]) for code, zh, en, n in zip(*columns, strict=True)]
