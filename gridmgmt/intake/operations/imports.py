"""Import of cases, samples and step logs (数据导入): read, check, locate, merge, keep bad rows; a file at a time."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from gridmgmt.database import batches, cities, clock, outbox, quarantine
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Progress, Work, follow, lock
from gridmgmt.deadlines import CONTINUOUS
from gridmgmt.errors import ProfileMissing
from gridmgmt.faults import Fault
from gridmgmt.files import calendars, tabular
from gridmgmt.files.rows import CELL_FAULTS, X, Y
from gridmgmt.intake.operations import fact_rows, misplaced, step_logs
from gridmgmt.intake.operations.import_job import ImportReport, Job
from gridmgmt.intake.readers import facts as parsing
from gridmgmt.intake.readers import profiles
from gridmgmt.intake.readers.facts import Known, Parsed
from gridmgmt.intake.readers.profiles import Profile
from gridmgmt.people.store import categories, units

__all__ = ["ImportReport", "held_rows", "import_file", "list_quarantine", "retry_quarantine"]

_BESIDE = (quarantine.ORIGIN, quarantine.CRS)
"""Columns of rows that come back from the quarantine, which no profile names."""


@needs("imports.write", whole=True, by_worker=True)
def import_file(
    work: Work,
    path: Path,
    profile_name: str,
    *,
    source_as_of: dt.datetime | None = None,
    outside_ok: bool = False,
) -> ImportReport:
    """Import one file of cases, samples or steps by a profile.

    Parameters
    ----------
    source_as_of
        When the export was made, for files without a version column; default:
        the moment of this import.
    outside_ok
        It is right that most of its rows lie outside all grids.

    Raises
    ------
    MostOutside
        Nothing is loaded: perhaps the coordinates are not what the profile says.
    ProfileMissing, ProfileInvalid, FileUnreadable, ColumnMissing, CityMissing
        Nothing is loaded.
    """
    profile = profiles.load(profile_name)
    rows = tabular.open_rows(
        path, profile.encodings, profile.file_columns(), profile.sheet, profile.separator, also=_BESIDE
    )
    report = ImportReport(path.name, profile.id, columns=rows.columns, outside_ok=outside_ok, dry_run=not work.keep)
    report.read_as = rows.read_as | ({"sheet": profile.sheet} if profile.sheet else {})
    reread = partial(_reread, path, profile)
    with (
        work.transaction() as connection,
        _opened(connection, profile, report, rows.sha256, source_as_of, reread) as job,
    ):
        job.outside_ok = outside_ok
        for raw in rows.chunks:
            job.crs = rows.crs or _crs_beside(raw)
            job.note_origins(raw)
            _take(job, raw, rows.faults_in(raw), rows.whole)
            work.progress("read", report.n_rows, rows.n_lines)
        _refuse_broken(job, rows.broken)
        _finish(job, work.progress)
        work.done(connection, report.as_dict())
    return report


def _as_it_is(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def _crs_beside(raw: pd.DataFrame) -> str | None:
    """The coordinate system of a layer whose rows come back from the quarantine as a sheet."""
    told = [*raw[quarantine.CRS].dropna()] if quarantine.CRS in raw else []
    return str(told[0]) if told else None


@contextmanager
def _opened(
    connection: Connection,
    profile: Profile,
    report: ImportReport,
    sha256: str,
    source_as_of: dt.datetime | None,
    reread: Callable[[set[int]], dict[int, dict[str, Any]]],
) -> Iterator[Job]:
    city = cities.load_city(connection)
    when = source_as_of or clock.now(connection)
    batch_id = batches.new_batch(
        connection, profile.kind, file=report.file, file_sha256=sha256, profile=profile.id, source_as_of=when
    )
    quarantine.create(connection)
    known = Known(categories.category_keys(connection), set(units.unit_ids(connection)))
    job = Job(connection, city, profile, known, batch_id, report, sha256, when, reread)
    if profile.kind == "steps":
        step_logs.begin(connection)
        yield job
    else:
        with fact_rows.begun(job):
            yield job


def _take(
    job: Job, raw: pd.DataFrame, unread: Sequence[Fault], whole: Callable[[pd.DataFrame], pd.DataFrame] = _as_it_is
) -> None:
    """Parse one chunk into the temporary tables, good rows and bad ones; touches nothing that others see.

    ``whole`` gives bad rows with the columns that no profile names: the quarantine keeps them as the file has them.
    """
    parsed = step_logs.take(job, raw, unread) if job.profile.kind == "steps" else _take_facts(job, raw, unread)
    job.units |= set(parsed.facts["unit_code"].dropna())
    bad = parsed.faults.by_row()
    job.refuse([quarantine.BadRow(n, raws, bad[n]) for n, raws in _plain(whole(raw.loc[[*bad]])).items()])
    job.report.n_rows += len(raw)
    job.report.notes = dict(Counter(job.report.notes) + Counter(parsed.notes))


def _take_facts(job: Job, raw: pd.DataFrame, unread: Sequence[Fault]) -> Parsed:
    counts = any(rule.field is None and rule.limit.unit not in CONTINUOUS for rule in job.profile.deadline)
    calendar = calendars.load(job.city.calendar) if counts else None
    parsed = parsing.parse(raw, job.profile, job.city, job.known, job.crs, unread, calendar)
    job.report.drop(parsed.dropped)
    good = parsed.facts.assign(version_at=parsed.facts["version_at"].fillna(pd.Timestamp(job.source_as_of)))
    fact_rows.put_aside(job, good)
    misplaced.keep(job, parsed.given)
    if job.profile.category is not None:
        keys = good[["category_scheme", "category_kind", "category_code"]].dropna().drop_duplicates()
        job.categories |= set(keys.itertuples(index=False, name=None))
    return parsed


def _refuse_broken(job: Job, broken: list[tuple[int, str]]) -> None:
    """Lines that are no records go to quarantine as text."""
    faults = [Fault(n, "", text[:200], "line_broken") for n, text in broken]
    job.refuse([quarantine.BadRow(f.row, {"text": text}, [f]) for f, (_, text) in zip(faults, broken, strict=True)])
    job.report.n_rows += len(broken)


def _finish(job: Job, progress: Progress) -> None:
    """Merge, keep the bad rows; under the lock, so that two files at once follow each other here."""
    progress("wait", job.report.n_rows)
    if job.profile.kind == "steps":
        lock(job.connection)
        _add_known(job)
        loaded = step_logs.merge(job, progress)
    else:
        follow(job.connection)
        _add_known(job)
        loaded = fact_rows.merge(job, progress)
    job.keep_bad(loaded)
    counts = {k: v for k, v in job.report.as_dict().items() if k != "dry_run"}
    batches.close_batch(job.connection, job.batch_id, counts)
    outbox.tell(job.connection, "import", {"batch": job.batch_id, "facts": job.profile.kind})


def _add_known(job: Job) -> None:
    """Add the units and categories that the profile lets its files add."""
    if job.profile.unknown_units == "add":
        units.ensure_units(job.connection, job.units)
    if job.profile.category is not None and job.profile.category.unknown == "add":
        categories.ensure_categories(job.connection, job.categories)


def _plain(rows: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """Rows as the file has them, by row number, without what is missing."""
    records = rows.astype(object).to_dict("index")
    return {int(str(n)): {str(k): v for k, v in row.items() if pd.notna(v)} for n, row in records.items()}


def _reread(path: Path, profile: Profile, wanted: set[int]) -> dict[int, dict[str, Any]]:
    again = tabular.open_rows(path, profile.encodings, profile.file_columns(), profile.sheet, profile.separator)
    return {n: row for raw in again.chunks for n, row in _plain(raw.loc[raw.index.isin(wanted)]).items()}


@needs("imports.write", whole=True, by_worker=True)
def retry_quarantine(work: Work, profile_name: str | None = None) -> list[ImportReport]:
    """Try the rows in quarantine again, each with its profile as it is now; those that pass are loaded.

    A cell that the file held otherwise than it was shown (an error value, a formula) is no better now: a mended file
    is imported again. Rows that still fail stay with their present reasons; so do rows of a
    profile that is a file outside data/profiles, until it is named.
    """
    out: list[ImportReport] = []
    with work.transaction() as connection:
        for group in quarantine.open_groups(connection):
            try:
                profile = profiles.load(profile_name or group.profile)
            except ProfileMissing:
                if profile_name is not None:
                    raise
                continue
            if group.profile != profile.id:
                continue
            held = quarantine.held(connection, group)
            report = ImportReport(group.file, profile.id, columns=held.columns)
            rows = held.rows
            raws = {r.row_no: dict(r.raw) for r in rows}
            reread = partial(_among, raws)
            with _opened(connection, profile, report, group.file_sha256, group.source_as_of, reread) as job:
                job.crs = group.crs
                for raw in _again(rows, profile):
                    _take(job, raw, [f for r in rows for f in r.faults if f.code in CELL_FAULTS])
                    work.progress("read", report.n_rows, len(rows))
                _finish(job, work.progress)
            out.append(report)
        work.done(connection, {"reports": [x.as_dict() for x in out]})
    return out


def _among(raws: dict[int, dict[str, Any]], _wanted: set[int]) -> dict[int, dict[str, Any]]:
    return raws


def _again(rows: Sequence[quarantine.BadRow], profile: Profile) -> Iterator[pd.DataFrame]:
    rows = [r for r in rows if set(r.raw) != {"text"}]
    if rows:
        columns = profile.file_columns() + ([X, Y] if profile.by_geometry else [])
        frame = pd.DataFrame([r.raw for r in rows], index=pd.Index([r.row_no for r in rows], name="row"), dtype="str")
        yield frame.reindex(columns=list(dict.fromkeys([*frame.columns, *columns])))


@needs("imports.write")
def list_quarantine(work: Work, *, limit: int | None = 100) -> list[dict[str, Any]]:
    """Rows in quarantine, one entry a problem: file, row, column, value, code and facts."""
    with work.transaction() as connection:
        return quarantine.listing(connection, limit)


@needs("imports.write")
def held_rows(work: Work) -> list[quarantine.Held]:
    """Rows in quarantine, file by file, as each file had them: to be written out, mended and imported again."""
    with work.snapshot() as connection:
        return [quarantine.held(connection, group) for group in quarantine.open_groups(connection)]
