"""Import of cases and samples (案件与样本导入): read, check, locate, merge, keep the bad rows; one transaction a file."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, func, select

from gridmgmt.city import City
from gridmgmt.operations.assigning import Assigner
from gridmgmt.operations.database import Progress, silent, transaction
from gridmgmt.readers import files, profiles
from gridmgmt.readers import facts as parsing
from gridmgmt.readers.facts import Known, Problem
from gridmgmt.readers.profiles import Profile
from gridmgmt.store import cities, facts, quarantine


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
    """Carries a report out of a transaction that is to be undone."""


@dataclass
class _Job:
    """One import under way."""

    connection: Connection
    city: City
    profile: Profile
    batch_id: int
    report: ImportReport
    sha256: str
    source_as_of: dt.datetime | None
    reread: Callable[[set[int]], dict[int, dict[str, Any]]]
    """The raw text of some rows, read from the source once more."""

    @property
    def kind(self) -> facts.Kind:
        return facts.KINDS[self.profile.kind]

    def keep_bad(self, bad: dict[int, list[Problem]], raw: pd.DataFrame) -> None:
        """Put rows into quarantine with all their problems."""
        rows = [
            quarantine.BadRow(n, _plain(raw.loc[n]), [p.as_dict() for p in problems])
            for n, problems in sorted(bad.items())
        ]
        self.keep(rows)

    def keep(self, rows: list[quarantine.BadRow]) -> None:
        """Save rows in quarantine and count their reasons."""
        quarantine.save(
            self.connection,
            rows,
            batch_id=self.batch_id,
            kind=self.kind.name,
            profile=self.profile.id,
            file=self.report.file,
            file_sha256=self.sha256,
            source_as_of=self.source_as_of,
        )
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
    try:
        with transaction(engine) as connection:
            job = _open(connection, profile, report, rows.sha256, source_as_of, lambda n: _reread(path, profile, n))
            for raw in rows.chunks:
                _take(job, raw, rows.crs)
                progress("read", report.n_rows)
            _keep_broken(job, rows.broken)
            _finish(job, progress)
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
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
    facts.open_incoming(connection, facts.KINDS[profile.kind])
    return _Job(connection, city, profile, batch_id, report, sha256, when, reread)


def _take(job: _Job, raw: pd.DataFrame, crs: str | None) -> None:
    """Parse one chunk: good rows to the temporary table, bad ones to quarantine."""
    known = Known(cities.category_keys(job.connection), set(cities.unit_ids(job.connection)))
    parsed = parsing.parse(raw, job.profile, job.city, known, crs)
    good = parsed.facts.copy()
    good["version_at"] = good["version_at"].fillna(pd.Timestamp(job.source_as_of))
    _add_known(job, good)
    facts.add_incoming(job.connection, job.kind, good)
    bad: dict[int, list[Problem]] = {}
    for problem in parsed.problems:
        bad.setdefault(problem.row, []).append(problem)
    job.keep_bad(bad, raw)
    job.report.n_rows += len(raw)
    job.report.notes = dict(Counter(job.report.notes) + Counter(parsed.notes))


def _add_known(job: _Job, good: pd.DataFrame) -> None:
    """Add units and categories that the profile lets its files add."""
    if job.profile.unknown_units == "add":
        cities.ensure_units(job.connection, good["unit_code"].dropna().unique())
    rule = job.profile.category
    if rule is not None and rule.unknown == "add":
        keys = good[["category_scheme", "category_kind", "category_code"]].dropna().drop_duplicates()
        cities.ensure_categories(job.connection, keys.itertuples(index=False, name=None))


def _keep_broken(job: _Job, broken: list[tuple[int, str]]) -> None:
    rows = [
        quarantine.BadRow(n, {"text": text}, [Problem(n, "", text[:200], "line_broken").as_dict()])
        for n, text in broken
    ]
    job.keep(rows)
    job.report.n_rows += len(rows)


def _finish(job: _Job, progress: Progress) -> None:
    """Locate, merge and count; under the lock, so that two files at once follow each other here."""
    progress("wait for other imports", job.report.n_rows)
    facts.lock(job.connection)
    progress("locate", job.report.n_rows)
    points = facts.incoming_points(job.connection, job.kind)
    located = Assigner(job.connection, job.city).locate(points)
    located.insert(0, "row_no", points["row_no"])
    facts.set_located(job.connection, job.kind, located)
    progress("merge", job.report.n_rows)
    merged = facts.merge(job.connection, job.kind, job.batch_id)
    report = job.report
    report.n_new, report.n_newer = merged.n_new, merged.n_newer
    report.n_unchanged, report.n_older = merged.n_unchanged, merged.n_older
    conflicts = set(dict(merged.conflicts))
    taken = located[~located["row_no"].isin(conflicts)]
    report.located = {str(k): int(v) for k, v in taken["located"].value_counts().sort_index().items()}
    if conflicts:
        _keep_conflicts(job, merged.conflicts)
    loaded = [int(n) for n in taken["row_no"]]
    quarantine.resolve(job.connection, job.kind.name, job.sha256, loaded, job.batch_id)
    cities.close_batch(job.connection, job.batch_id, {k: v for k, v in report.as_dict().items() if k != "dry_run"})


def _keep_conflicts(job: _Job, conflicts: tuple[tuple[int, str], ...]) -> None:
    """Rows whose content contradicts another of the same version instant."""
    column = job.profile.columns[job.profile.key].label
    raws = job.reread({n for n, _ in conflicts})
    job.keep(
        [quarantine.BadRow(n, raws[n], [Problem(n, column, key, "version_conflict").as_dict()]) for n, key in conflicts]
    )


def _plain(row: pd.Series) -> dict[str, Any]:
    return {str(k): v for k, v in row.items() if pd.notna(v)}


def _reread(path: Path, profile: Profile, wanted: set[int]) -> dict[int, dict[str, Any]]:
    again = files.open_rows(path, profile.encodings, profile.file_columns(), profile.sheet)
    return {int(n): _plain(raw.loc[n]) for raw in again.chunks for n in raw.index.intersection(list(wanted))}


def retry_quarantine(
    engine: Engine, profile_name: str | None = None, progress: Progress = silent
) -> list[ImportReport]:
    """Try the rows in quarantine again, each with its profile as it is now; those that pass are loaded.

    Rows that still fail stay with their present reasons.
    """
    out: list[ImportReport] = []
    with transaction(engine) as connection:
        for group in quarantine.open_groups(connection):
            if profile_name is not None and group.profile != profiles.load(profile_name).id:
                continue
            profile = profiles.load(profile_name or group.profile)
            report = ImportReport(group.file, profile.id)
            rows = quarantine.rows_of(connection, group)
            raws = {r.row_no: dict(r.raw) for r in rows}
            job = _open(connection, profile, report, group.file_sha256, group.source_as_of, lambda _n, raws=raws: raws)
            for raw in _again(rows, profile):
                _take(job, raw, None)
                progress("read", report.n_rows)
            _finish(job, progress)
            out.append(report)
    return out


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
