"""Import of cases and samples (案件与样本导入): read, check, locate, merge, keep bad rows; one transaction a file."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, func, select

from gridmgmt.city import City
from gridmgmt.errors import ProfileMissing
from gridmgmt.operations.assigning import Assigner
from gridmgmt.operations.database import Progress, silent, transaction
from gridmgmt.readers import facts as parsing
from gridmgmt.readers import files, profiles
from gridmgmt.readers.facts import Known, Problem
from gridmgmt.readers.profiles import Profile
from gridmgmt.store import cities, facts, incoming, quarantine


@dataclass
class ImportReport:
    """What became of each row of a file: ``n_rows == n_loaded + n_quarantined``, always."""

    file: str
    profile: str
    n_rows: int = 0
    n_new: int = 0
    n_newer: int = 0
    n_unchanged: int = 0
    n_older: int = 0
    n_quarantined: int = 0
    located: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False

    @property
    def n_loaded(self) -> int:
        """Rows taken: new, newer, older or unchanged."""
        return self.n_new + self.n_newer + self.n_unchanged + self.n_older

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "n_loaded": self.n_loaded}


class _DryRun(Exception):
    """Leaves a transaction that is to be undone."""


@dataclass
class _Job:
    """One import under way.

    Attributes
    ----------
    reread
        Gives the raw text of some rows, read from the source once more.
    crs
        The coordinate system that the file itself names, for rows located by its geometry.
    units, categories
        What the rows name and the profile lets its files add.
    """

    connection: Connection
    city: City
    profile: Profile
    batch_id: int
    report: ImportReport
    sha256: str
    source_as_of: dt.datetime
    reread: Callable[[set[int]], dict[int, dict[str, Any]]]
    crs: str | None = None
    units: set[str] = field(default_factory=set)
    categories: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def kind(self) -> facts.Kind:
        return facts.KINDS[self.profile.kind]

    def refuse(self, rows: list[quarantine.BadRow]) -> None:
        """Note rows for the quarantine and count their reasons."""
        quarantine.add(self.connection, rows)
        self.report.n_quarantined += len(rows)
        tally = Counter(str(p["code"]) for row in rows for p in row.problems)
        self.report.reasons = dict(Counter(self.report.reasons) + tally)


def import_file(
    engine: Engine,
    path: Path,
    profile_name: str,
    *,
    source_as_of: dt.datetime | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Import one file of cases or samples by a profile.

    Parameters
    ----------
    source_as_of
        When the export was made, for files without a version column; default:
        the moment of this import.
    dry_run
        Do everything, report, and undo it.

    Raises
    ------
    ProfileMissing, ProfileInvalid, FileUnreadable, ColumnMissing, CityMissing
        Nothing is loaded.
    """
    profile = profiles.load(profile_name)
    rows = files.open_rows(path, profile.encodings, profile.file_columns(), profile.sheet)
    report = ImportReport(path.name, profile.id, dry_run=dry_run)
    with suppress(_DryRun), transaction(engine) as connection:
        job = _open(connection, profile, report, rows.sha256, source_as_of, partial(_reread, path, profile))
        for raw in rows.chunks:
            job.crs = rows.crs
            _take(job, raw)
            progress("read", report.n_rows)
        _refuse_broken(job, rows.broken)
        _finish(job, progress)
        if dry_run:
            raise _DryRun
    return report


def _open(
    connection: Connection,
    profile: Profile,
    report: ImportReport,
    sha256: str,
    source_as_of: dt.datetime | None,
    reread: Callable[[set[int]], dict[int, dict[str, Any]]],
) -> _Job:
    city = cities.load_city(connection)
    when = source_as_of or connection.execute(select(func.clock_timestamp())).scalar_one()
    batch_id = cities.new_batch(
        connection, profile.kind, file=report.file, file_sha256=sha256, profile=profile.id, source_as_of=when
    )
    incoming.create(connection, facts.KINDS[profile.kind])
    quarantine.create(connection)
    return _Job(connection, city, profile, batch_id, report, sha256, when, reread)


def _take(job: _Job, raw: pd.DataFrame) -> None:
    """Parse one chunk into the temporary tables, good rows and bad ones; touches nothing that others see."""
    known = Known(cities.category_keys(job.connection), set(cities.unit_ids(job.connection)))
    parsed = parsing.parse(raw, job.profile, job.city, known, job.crs)
    good = parsed.facts.assign(version_at=parsed.facts["version_at"].fillna(pd.Timestamp(job.source_as_of)))
    incoming.add(job.connection, job.kind, good)
    job.units |= set(good["unit_code"].dropna())
    if job.profile.category is not None:
        keys = good[["category_scheme", "category_kind", "category_code"]].dropna().drop_duplicates()
        job.categories |= set(keys.itertuples(index=False, name=None))
    bad: dict[int, list[dict[str, Any]]] = {}
    for problem in parsed.problems:
        bad.setdefault(problem.row, []).append(problem.as_dict())
    job.refuse([quarantine.BadRow(n, raws, bad[n]) for n, raws in _plain(raw.loc[sorted(bad)]).items()])
    job.report.n_rows += len(raw)
    job.report.notes = dict(Counter(job.report.notes) + Counter(parsed.notes))


def _refuse_broken(job: _Job, broken: list[tuple[int, str]]) -> None:
    """Lines that are no records go to quarantine as text."""
    job.refuse(
        [
            quarantine.BadRow(n, {"text": text}, [Problem(n, "", text[:200], "line_broken").as_dict()])
            for n, text in broken
        ]
    )
    job.report.n_rows += len(broken)


def _finish(job: _Job, progress: Progress) -> None:
    """Locate, merge, keep the bad rows; under the lock, so that two files at once follow each other here."""
    progress("wait for other imports", job.report.n_rows)
    facts.lock(job.connection)
    _add_known(job)
    progress("locate", job.report.n_rows)
    points = incoming.points(job.connection, job.kind)
    located = Assigner(job.connection, job.city).locate(points)
    located.insert(0, "row_no", points["row_no"])
    incoming.set_located(job.connection, located)
    progress("merge", job.report.n_rows)
    known_at = cities.stamp_batch(job.connection, job.batch_id)
    merged = incoming.merge(job.connection, job.kind, job.batch_id, known_at)
    _refuse_conflicts(job, merged.conflicts)
    taken = located[~located["row_no"].isin(dict(merged.conflicts))]
    _keep_bad(job, [int(n) for n in taken["row_no"]])
    report = job.report
    report.n_new, report.n_newer = merged.n_new, merged.n_newer
    report.n_unchanged, report.n_older = merged.n_unchanged, merged.n_older
    report.located = {str(k): int(v) for k, v in taken["located"].value_counts().sort_index().items()}
    cities.close_batch(job.connection, job.batch_id, {k: v for k, v in report.as_dict().items() if k != "dry_run"})


def _add_known(job: _Job) -> None:
    """Add the units and categories that the profile lets its files add."""
    if job.profile.unknown_units == "add":
        cities.ensure_units(job.connection, job.units)
    if job.profile.category is not None and job.profile.category.unknown == "add":
        cities.ensure_categories(job.connection, job.categories)


def _refuse_conflicts(job: _Job, conflicts: tuple[tuple[int, str], ...]) -> None:
    """Rows whose content contradicts another of the same version instant go to quarantine."""
    if not conflicts:
        return
    column = job.profile.columns[job.profile.key].label
    raws = job.reread({n for n, _ in conflicts})
    job.refuse(
        [quarantine.BadRow(n, raws[n], [Problem(n, column, key, "version_conflict").as_dict()]) for n, key in conflicts]
    )


def _keep_bad(job: _Job, loaded: list[int]) -> None:
    """Save the file's bad rows in quarantine, and close the entries of rows that are loaded now."""
    quarantine.save(
        job.connection,
        batch_id=job.batch_id,
        kind=job.kind.name,
        profile=job.profile.id,
        file=job.report.file,
        file_sha256=job.sha256,
        crs=job.crs,
        source_as_of=job.source_as_of,
    )
    quarantine.resolve(job.connection, job.kind.name, job.sha256, loaded, job.batch_id)


def _plain(rows: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """Rows as the file has them, by row number, without what is missing."""
    records = rows.astype(object).to_dict("index")
    return {int(str(n)): {str(k): v for k, v in row.items() if pd.notna(v)} for n, row in records.items()}


def _reread(path: Path, profile: Profile, wanted: set[int]) -> dict[int, dict[str, Any]]:
    again = files.open_rows(path, profile.encodings, profile.file_columns(), profile.sheet)
    return {n: row for raw in again.chunks for n, row in _plain(raw.loc[raw.index.isin(wanted)]).items()}


def retry_quarantine(
    engine: Engine, profile_name: str | None = None, progress: Progress = silent
) -> list[ImportReport]:
    """Try the rows in quarantine again, each with its profile as it is now; those that pass are loaded.

    Rows that still fail stay with their present reasons; so do rows of a
    profile that is a file outside data/profiles, until it is named.
    """
    out: list[ImportReport] = []
    with transaction(engine) as connection:
        for group in quarantine.open_groups(connection):
            try:
                profile = profiles.load(profile_name or group.profile)
            except ProfileMissing:
                if profile_name is not None:
                    raise
                continue
            if group.profile != profile.id:
                continue
            report = ImportReport(group.file, profile.id)
            rows = quarantine.rows_of(connection, group)
            raws = {r.row_no: dict(r.raw) for r in rows}
            job = _open(connection, profile, report, group.file_sha256, group.source_as_of, partial(_among, raws))
            job.crs = group.crs
            for raw in _again(rows, profile):
                _take(job, raw)
                progress("read", report.n_rows)
            _finish(job, progress)
            out.append(report)
    return out


def _among(raws: dict[int, dict[str, Any]], _wanted: set[int]) -> dict[int, dict[str, Any]]:
    return raws


def _again(rows: list[quarantine.BadRow], profile: Profile) -> Iterator[pd.DataFrame]:
    rows = [r for r in rows if set(r.raw) != {"text"}]
    if rows:
        columns = profile.file_columns() + ([files.X, files.Y] if profile.location.geometry else [])
        frame = pd.DataFrame([r.raw for r in rows], index=pd.Index([r.row_no for r in rows], name="row"), dtype="str")
        yield frame.reindex(columns=list(dict.fromkeys([*frame.columns, *columns])))


def list_quarantine(engine: Engine, *, limit: int | None = 100) -> list[dict[str, Any]]:
    """Rows in quarantine, one entry a problem: file, row, column, value, code and facts."""
    with transaction(engine) as connection:
        return quarantine.listing(connection, limit)
