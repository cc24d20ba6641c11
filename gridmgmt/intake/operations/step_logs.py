"""History of cases from another system's step log (办理日志导入): its steps are stored as imported ones.

The rows of the cases stay as they are: their dates come with the case export.
A case on which steps were taken here takes no others.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from gridmgmt.casework.cases import Step
from gridmgmt.casework.store import steps
from gridmgmt.database import batches
from gridmgmt.database.work import Connection, Progress
from gridmgmt.faults import Fault, Faults
from gridmgmt.intake import step_logs
from gridmgmt.intake.operations.import_job import Job
from gridmgmt.intake.readers import steps as reading
from gridmgmt.intake.readers.facts import Parsed
from gridmgmt.intake.store import step_logs as incoming
from gridmgmt.periods import city_time


def begin(connection: Connection) -> None:
    """Make room for a log's rows."""
    incoming.create(connection)


def take(job: Job, raw: pd.DataFrame, unread: Sequence[Fault]) -> Parsed:
    """Parse one chunk into the temporary table."""
    parsed = reading.parse(raw, job.profile, job.city, job.known, job.crs, unread, history=True)
    incoming.add(job.connection, parsed.facts)
    return parsed


def merge(job: Job, progress: Progress) -> list[int]:
    """Follow every case's rows from where its stored steps end; gives the rows that are loaded."""
    report, loaded, n_cases = job.report, [], 0
    faults = Faults()
    known_at = batches.stamp_batch(job.connection, job.batch_id)
    for block in incoming.blocks(job.connection):
        rows = steps.found(job.connection, block)
        stored = steps.of_cases(job.connection, [r["id"] for r in rows.values()])
        new: list[tuple[int, Step, str, None]] = []
        for case_no, log in block.items():
            row = rows.get(case_no)
            if row is None:
                faults += [_of_case(job, case_no, Fault(n, "case_no", None, "case_not_here")) for n, _ in log]
                continue
            found = step_logs.follow(case_no, steps.plain_row(row), stored.get(row["id"], []), log)
            new += [(row["id"], step, state, None) for step, state in found.added]
            faults += [_of_case(job, case_no, f) for f in found.refused]
            loaded += [*found.rows, *found.unchanged]
            report.n_new += len(found.rows)
            report.n_unchanged += len(found.unchanged)
            report.note("bridged_steps", found.n_bridged)
        steps.append(job.connection, new, job.batch_id, known_at)
        n_cases += len(block)
        progress("cases", n_cases)
    job.refuse_after_reading(faults)
    return loaded


def _of_case(job: Job, case_no: str, fault: Fault) -> Fault:
    """A fault by the file's own column, with its case and times as the city has them."""
    zone, told = job.city.zone, fault.facts.items()
    facts = {name: city_time(value, zone) if isinstance(value, dt.datetime) else value for name, value in told}
    return replace(fault, column=job.profile.columns[fault.column].label, facts={"case_no": case_no, **facts})
