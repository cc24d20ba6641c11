"""Good rows of cases and samples into the tables (案件与样本入库): put aside as they are read, located, then merged.

Rows that are simply new are copied straight in; the others are judged against what stands here. All of it is one
transaction beside which people take steps: only cases that the file changes wait for its end.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmgmt.database import batches, facts, loading, merging, quarantine
from gridmgmt.database.contents import schema
from gridmgmt.database.loading import PLACED, Made, Numbers, Stamp
from gridmgmt.database.work import Progress, lock_originals, unless_taken
from gridmgmt.faults import Fault
from gridmgmt.files import columns
from gridmgmt.files.rows import as_text
from gridmgmt.files.spill import Spill
from gridmgmt.intake.operations import misplaced
from gridmgmt.intake.operations.import_job import Job
from gridmgmt.intake.readers.profiles import Profile
from gridmgmt.people.operations.assigning import Assigner


@contextmanager
def begun(job: Job) -> Iterator[None]:
    """Make room for a file's rows; given back at the end."""
    loading.begin(job.connection)
    with closing(Spill(schema(job.kind))) as job.rows:
        yield


def put_aside(job: Job, good: pd.DataFrame) -> None:
    """Put parsed rows aside (index = row number) until the whole file is read."""
    form = schema(job.kind)
    filled = [_column(good.index if name == "row_no" else good[name], form.field(name).type) for name in form.names]
    rows = pa.table(filled, schema=form)
    _waiting(job).add(rows)
    loading.note(job.connection, job.kind, rows)


def _waiting(job: Job) -> Spill:
    if job.rows is None:
        raise TypeError(job.profile.kind)
    return job.rows


def _column(values: Any, form: Any) -> Any:
    """A column as Arrow holds it; a map may give words that are no texts."""
    try:
        return pa.array(values, form, from_pandas=True)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([as_text(value) for value in values], form)


def merge(job: Job, progress: Progress) -> list[int]:
    """Locate and merge all rows; gives those of the quarantine that are loaded now."""
    report, connection = job.report, job.connection
    known = loading.not_new(connection, job.kind)
    out = _judged_later(job, known)
    progress("locate", report.n_rows)
    assigner = Assigner(connection, job.city)
    with closing(Spill(PLACED)) as placed:
        manners = _located(job, assigner, out, placed)
        misplaced.check(job, manners, assigner)
        report.shared_places = misplaced.crowds(job)
        progress("merge", report.n_rows)
        stamp = Stamp(job.batch_id, batches.stamp_batch(connection, job.batch_id))
        located = _copied(job, stamp, known, placed) + _merged(job, stamp)
    report.located = dict(sorted(located.items()))
    if "repeat_of" in job.profile.columns:
        report.note("repeats_elsewhere", loading.repeats_elsewhere(connection))
    return loading.loaded_of(connection, quarantine.open_rows(connection, job.profile.kind, job.sha256))


def _judged_later(job: Job, known: Numbers) -> Numbers:
    """Hand rows that are not simply new to the merge; gives those that are taken out again."""
    merging.create(job.connection, job.kind)
    if len(known):
        for rows in _waiting(job):
            _judge(job, rows.filter(np.isin(rows["row_no"], known)))
        if "repeat_of" in job.profile.columns:
            lock_originals(job.connection)
        if job.kind is facts.CASES:
            merging.lock_changed(job.connection)
    return _taken_out(job)


def _judge(job: Job, rows: Any) -> None:
    frame = rows.to_pandas(integer_object_nulls=True)
    merging.add(job.connection, job.kind, frame.set_index("row_no"))


def _taken_out(job: Job) -> Numbers:
    """Refuse rows of cases that are worked on here, and those whose originals lead back to them."""
    if job.kind is not facts.CASES:
        return np.array([], dtype=np.int64)
    specs, out = job.profile.columns, merging.take_out_lived(job.connection)
    faults = [Fault(n, specs[job.profile.key].label, key, "case_lives_here") for n, key in out]
    if "repeat_of" in specs:
        out = merging.take_out_round(job.connection)
        faults += [Fault(n, specs["repeat_of"].label, original, "repeats_round") for n, original in out]
    job.refuse_after_reading(faults)
    numbers = [fault.row for fault in faults]
    loading.leave_out(job.connection, numbers)
    return np.array(numbers, dtype=np.int64)


def _located(job: Job, assigner: Assigner, without: Numbers, placed: Spill) -> Counter[str]:
    """Put aside where every row belongs; gives how many are located in which way."""
    manners: Counter[str] = Counter()
    for rows in _waiting(job):
        found = pa.Table.from_pandas(assigner.locate(_points(job.kind, rows)), PLACED, preserve_index=False)
        placed.add(found)
        manners += _tally(found["located"].filter(~np.isin(rows["row_no"], without)))
    return manners


def _points(kind: facts.Kind, rows: Any) -> pd.DataFrame:
    """What it takes to locate rows."""
    category = pa.nulls(len(rows), pa.large_string())
    if "category_code" in kind.facts:
        category = pc.binary_join_element_wise(rows["category_kind"], rows["category_code"], columns.one(":"))
    where = {"lon": rows["lon"], "lat": rows["lat"], "at": rows[kind.when]}
    found: pd.DataFrame = pa.table({**where, "category": category, "unit_code": rows["unit_code"]}).to_pandas()
    return found


def _tally(manners: Any) -> Counter[str]:
    return Counter({x["values"]: x["counts"] for x in manners.value_counts().to_pylist()})


def _copied(job: Job, stamp: Stamp, known: Numbers, placed: Spill) -> Counter[str]:
    """Copy what is simply new into the tables; gives how those rows are located."""
    merging.begin_located(job.connection)
    loading.keep_estimates(job.connection, job.kind)
    located: Counter[str] = Counter()
    n_then = 0  # when the server last looked at the tables
    for new in _prepared(job, stamp, known, placed):
        left = unless_taken(job.connection, new.copied)
        job.report.n_new += len(left)
        located += _tally(left["located"])
        if job.report.n_new > 2 * n_then:
            loading.estimate(job.connection, job.kind)
            n_then = job.report.n_new
    return located


@dataclass
class _New:
    """Some new rows, where they belong, and both as COPY takes them."""

    job: Job
    stamp: Stamp
    rows: Any
    placed: Any
    made: Made
    is_tried: bool = False

    def copied(self) -> Any:
        """Copy the rows in; gives where they belong.

        The second time those are left to the merge whose number was given to a case here meanwhile.
        """
        if self.is_tried:
            self._leave_overtaken()
        self.is_tried = True
        loading.append(self.job.connection, self.made)
        return self.placed

    def _leave_overtaken(self) -> None:
        job = self.job
        taken = loading.stored_by_now(job.connection, job.kind, self.rows["row_no"].to_numpy())
        overtaken = np.isin(self.rows["row_no"], taken)
        _judge(job, self.rows.filter(overtaken))
        _say_where(job, self.rows.filter(overtaken), self.placed.filter(overtaken))
        self.rows, self.placed = self.rows.filter(~overtaken), self.placed.filter(~overtaken)
        ids = loading.draw_ids(job.connection, job.kind, len(self.rows))
        self.made = loading.tables_of(job.kind, self.rows, self.placed, ids, self.stamp)


def _say_where(job: Job, rows: Any, placed: Any) -> None:
    """Tell the merge where rows belong."""
    merging.add_located(job.connection, placed.append_column("row_no", rows["row_no"]).to_pandas())


def _prepared(job: Job, stamp: Stamp, known: Numbers, placed: Spill) -> Iterator[_New]:
    """The new rows, made ready one part ahead while the part before is copied in; the merge is told of the others."""
    with ThreadPoolExecutor(1) as pool:
        before: Future[_New] | None = None
        for rows, where in zip(_waiting(job), placed, strict=True):
            is_new = ~np.isin(rows["row_no"], known)
            _say_where(job, rows.filter(~is_new), where.filter(~is_new))
            ids = loading.draw_ids(job.connection, job.kind, int(is_new.sum()))
            part = pool.submit(_made, job, stamp, rows.filter(is_new), where.filter(is_new), ids)
            if before is not None:
                yield before.result()
            before = part
        if before is not None:
            yield before.result()


def _made(job: Job, stamp: Stamp, rows: Any, placed: Any, ids: Sequence[int]) -> _New:
    return _New(job, stamp, rows, placed, loading.tables_of(job.kind, rows, placed, ids, stamp))


def _merged(job: Job, stamp: Stamp) -> Counter[str]:
    """Merge the rows that are not simply new; gives how those that were taken are located."""
    report, connection = job.report, job.connection
    _taken_out(job)  # once more: a case may have been opened here meanwhile
    merged = merging.merge(connection, job.kind, stamp.batch_id, stamp.known_at)
    column = job.profile.columns[job.profile.key].label
    job.refuse_after_reading([_conflict(job.profile, column, *c) for c in merged.conflicts])
    loading.leave_out(connection, [n for n, _, _ in merged.conflicts])
    report.n_new += merged.n_new
    report.n_newer, report.n_unchanged, report.n_older = merged.n_newer, merged.n_unchanged, merged.n_older
    return Counter(merging.located(connection, job.kind))


def _conflict(profile: Profile, column: str, row: int, key: str, others: Sequence[int]) -> Fault:
    if not others:
        return Fault(row, column, key, "version_conflict")
    code = "number_twice" if profile.version is None else "version_twice"
    return Fault(row, column, key, code, {"rows": list(others)})
