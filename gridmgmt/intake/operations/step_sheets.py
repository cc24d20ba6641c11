"""Steps from a sheet (批量办理): every row is a step that is taken now, once or not at all, in the file's order.

A row is known again by its file's SHA-256 and its number, or by a running
number of its own (流水号), so that a sheet can be handed in again after a crash.
What is refused is told row by row; the other rows are taken.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from gridmgmt.casework.cases import Case
from gridmgmt.casework.operations import cases, repeats
from gridmgmt.casework.operations.requests import Outcome, Request
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.errors import OptionInvalid
from gridmgmt.faults import Fault, Faults
from gridmgmt.files import tabular
from gridmgmt.files.rows import Rows
from gridmgmt.intake.readers import profiles
from gridmgmt.intake.readers import steps as reading
from gridmgmt.intake.readers.facts import Known, Parsed
from gridmgmt.intake.readers.profiles import Profile
from gridmgmt.people.store import categories, units

_FILE_REF = re.compile(r"[0-9a-f]{64}#[0-9]+")
"""A ref made of a file's SHA-256 and a row's number."""


@dataclass
class StepsReport:
    """What became of each row of a sheet: ``n_rows == n_taken + n_there + n_refused``, always.

    Attributes
    ----------
    n_there
        Rows that were taken before.
    opened
        Row number → number of the case, of reports that had none.
    suspects
        Row number of a report → earlier cases that may be the same problem (疑似重复), the nearest first.
    refused
        Why rows are not taken; without a column where a row's case does not allow the step.
    raw
        Row number → refused row, as the file has it.
    """

    file: str
    profile: str
    file_sha256: str
    n_rows: int = 0
    n_taken: int = 0
    n_there: int = 0
    n_refused: int = 0
    opened: dict[int, str] = field(default_factory=dict)
    suspects: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    refused: Faults = field(default_factory=Faults)
    raw: dict[int, dict[str, str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form; the rows themselves, which may name who reported, stay in the file of refused rows."""
        refused = [f.as_dict("row", "code", "facts", "column", "value") for f in self.refused]
        return {**{k: v for k, v in asdict(self).items() if k != "raw"}, "refused": refused}


def rejected_rows(report: StepsReport, profile_name: str) -> dict[int, dict[str, str]]:
    """Row number → row that was refused, as the file has it, to be mended and handed in again.

    Where the profile maps a running number and the row has none, it gets its
    file's and row's own: handed in with either file, it is the same row.
    """
    profile = step_profile(profile_name)
    ref = profile.columns.get("ref")
    out = {}
    for row in sorted(report.raw):
        raw = {**dict.fromkeys(profile.file_columns(), ""), **report.raw[row]}
        if ref is not None and ref.column is not None:
            raw[ref.column] = raw[ref.column].strip() or f"{report.file_sha256}#{row}"
        out[row] = raw
    return out


def step_profile(name: str) -> Profile:
    """A profile that maps steps.

    Raises
    ------
    ProfileMissing, ProfileInvalid
    OptionInvalid
        It maps something else.
    """
    profile = profiles.load(name)
    if profile.kind != "steps":
        raise OptionInvalid(name="--profile", value=name, expected="kind: steps")
    return profile


def columns(profile_name: str) -> dict[str, Mapping[str, str]]:
    """The columns that a profile reads, each with the words that it maps and what they mean; none where it is free.

    Raises
    ------
    ProfileMissing, ProfileInvalid, OptionInvalid
    """
    profile = step_profile(profile_name)
    specs = [*profile.columns.values()]
    specs += [profile.location.system] if profile.location and profile.location.system else []
    words = {s.column: s.map or {} for s in specs}
    return {name: words.get(name, {}) for name in profile.file_columns()}


def hidden_columns(profile_name: str) -> set[str]:
    """The columns that tell who reported, which are told to nobody again.

    Raises
    ------
    ProfileMissing, ProfileInvalid, OptionInvalid
    """
    profile = step_profile(profile_name)
    return {*profile.file_columns()} - {*profile.open_columns()}


@needs("cases.read")
def take_file(work: Work, path: Path, profile_name: str) -> StepsReport:
    """Take the steps of one sheet.

    Parameters
    ----------
    profile_name
        Of the sheet. Rows that name nobody are taken by whoever hands it in; who signed in hands in his own only.

    Raises
    ------
    ProfileMissing, ProfileInvalid, OptionInvalid, FileUnreadable, ColumnMissing, CityMissing
        Nothing is taken.
    """
    profile = step_profile(profile_name)
    rows = tabular.open_rows(path, profile.encodings, profile.file_columns(), profile.sheet, profile.separator)
    report = StepsReport(path.name, profile.id, rows.sha256)
    for raw in rows.chunks:
        _take_chunk(work, raw, rows, profile, report)
    for n, _ in rows.broken:
        _refuse(report, {}, [Fault(n, "", None, "line_broken")])  # it may name who reported
    report.n_rows += len(rows.broken)
    report.refused.sort(key=lambda r: r.row)
    return report


@needs("cases.read")
def check_files(work: Work, paths: Sequence[Path], profile_name: str) -> None:
    """Refuse what cannot be read of some sheets, before anything of the others is taken.

    Raises
    ------
    ProfileMissing, ProfileInvalid, OptionInvalid, FileUnreadable, ColumnMissing
    """
    profile = step_profile(profile_name)
    for path in paths:
        tabular.open_rows(path, profile.encodings, profile.file_columns(), profile.sheet, profile.separator)


def _take_chunk(work: Work, raw: pd.DataFrame, rows: Rows, profile: Profile, report: StepsReport) -> None:
    parsed = _parsed(work, raw, rows, profile)
    plain = {int(str(n)): {str(k): v for k, v in row.items()} for n, row in raw.astype(object).to_dict("index").items()}
    for n, faults in parsed.faults.by_row().items():
        _refuse(report, plain[n], faults)
    parsed = _by_himself(work, parsed, plain, profile, report)
    requests = list(_requests(parsed, rows.sha256, profile, work.by))
    outcomes = cases.take(work, requests)
    opened: dict[str, tuple[int, Case]] = {}
    for n, request, outcome in zip(parsed.facts.index, requests, outcomes, strict=True):
        _note(report, int(n), plain[int(n)], request, outcome)
        if request.kind == "report" and outcome.case is not None:
            opened[outcome.case.case_no] = int(n), outcome.case
    found = repeats.suspects_of(work, [case for _, case in opened.values()]) if opened else {}
    report.suspects |= {opened[no][0]: others for no, others in found.items()}
    report.n_rows += len(raw)


def _by_himself(
    work: Work, parsed: Parsed, plain: Mapping[int, Mapping[str, Any]], profile: Profile, report: StepsReport
) -> Parsed:
    """The rows without those that name somebody else than who signed in, who answers for what he does himself."""
    viewer = work.viewer
    if viewer is None or work.actor is not None or "actor" not in profile.columns:
        return parsed
    column = profile.columns["actor"].column or "actor"
    named = parsed.facts["actor"]
    is_other = named.notna() & ~named.isin([viewer.login, viewer.name])
    for n, actor in named[is_other].items():
        _refuse(report, plain[int(str(n))], [Fault(int(str(n)), column, actor, "step_actor_other", {"by": work.by})])
    return replace(parsed, facts=parsed.facts[~is_other])


def _parsed(work: Work, raw: pd.DataFrame, rows: Rows, profile: Profile) -> Parsed:
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        known = Known(categories.category_keys(connection), set(units.unit_ids(connection)))
    return reading.parse(raw, profile, city, known, rows.crs, rows.faults_in(raw), history=False)


def _requests(parsed: Parsed, sha256: str, profile: Profile, actor: str) -> Iterator[Request]:
    for n, row in parsed.facts.to_dict("index").items():
        own, at, contact = row["ref"], row["at"], (row["reporter_name"], row["reporter_phone"])
        ref = f"{sha256}#{n}" if own is None else own if _FILE_REF.fullmatch(own) else f"{profile.id}:{own}"
        yield Request(
            row["kind"], row["actor"] or actor, row["case_no"], None if pd.isna(at) else at.to_pydatetime(),
            row["unit_code"], row["reason"], row["facts"], ref=ref, reporter=contact if any(contact) else None,
        )  # fmt: skip


def _note(report: StepsReport, n: int, raw: Mapping[str, Any], asked: Request, outcome: Outcome) -> None:
    if outcome.fault is not None:
        _refuse(report, raw, [Fault(n, "", None, outcome.fault.code, outcome.fault.facts)])
    elif outcome.case is None:
        report.n_there += 1
    else:
        report.n_taken += 1
    if asked.case_no is None and outcome.request.case_no is not None:
        report.opened[n] = outcome.request.case_no


def _refuse(report: StepsReport, raw: Mapping[str, Any], faults: Sequence[Fault]) -> None:
    """Refuse a row, for all its faults."""
    report.n_refused += 1
    report.refused += faults
    report.raw[faults[0].row] = {k: v for k, v in raw.items() if isinstance(v, str)}
