"""Findings (检查发现): the form that inspectors take along, and its return.

What comes back becomes versions of samples by the same merge as an import, so
that it is located by the same join and counted as any other sample.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from gridmgmt.casework.store import attachments
from gridmgmt.database import auditing, batches, cities, clock, facts, merging
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.documents import canonical
from gridmgmt.errors import DrawReplaced, OptionInvalid
from gridmgmt.faults import Fault
from gridmgmt.inspections import checklists, scopes
from gridmgmt.inspections.checklists import Checklist
from gridmgmt.inspections.exports.field_forms import Form, FormSample
from gridmgmt.inspections.findings import Taken
from gridmgmt.inspections.readers import field_forms
from gridmgmt.inspections.readers.field_forms import Handed, Known
from gridmgmt.inspections.store import inspections
from gridmgmt.inspections.store.inspections import StoredDraw
from gridmgmt.numbers import exact
from gridmgmt.people.operations.assigning import Assigner
from gridmgmt.periods import parse_period
from gridmgmt.viewer import Scope


@dataclass
class TakeReport:
    """What became of a field form's samples; ``problems`` and ``notes`` name sheet, row and column.

    Attributes
    ----------
    n_not_filled
        Samples of the form on which nothing is written: not inspected yet.
    n_refused
        Samples with a fault in any of their rows: left out as a whole.
    notes
        Samples that loaded and deserve a look: inspected outside the period they were drawn for.
    """

    file: str
    n_new: int = 0
    n_corrected: int = 0
    n_unchanged: int = 0
    n_not_filled: int = 0
    n_refused: int = 0
    problems: Sequence[Fault] = ()
    notes: list[dict[str, Any]] = field(default_factory=list)
    dry_run: bool = False

    @property
    def n_loaded(self) -> int:
        """Samples taken."""
        return self.n_new + self.n_corrected + self.n_unchanged

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        shown = ("sheet", "row", "column", "value", "code", "facts")
        return {**asdict(self), "problems": [f.as_dict(*shown) for f in self.problems], "n_loaded": self.n_loaded}


@needs("samples.read")
def form_of(work: Work, draw: str, unit: str | None = None) -> Form:
    """The field form of a draw (外业表), of all its units or of one.

    Raises
    ------
    DrawMissing
    DrawReplaced
        Another draw was made in its place.
    OptionInvalid
        No sample of the draw is that unit's, or none that the viewer may see.
    """
    with work.snapshot() as connection:
        found = inspections.draw_of(connection, draw)
        newest = _newest(connection, found)
        if newest != found.name:
            raise DrawReplaced(name=found.name, by=newest)
        own = scopes.own(work.allowed("samples.read"), inspections.items(connection, found.id))
    items = [i for i in own if unit in (None, i["unit_code"])]
    if unit is not None and not items:
        known = sorted({i["unit_code"] for i in own})
        raise OptionInvalid(name="--unit", value=unit, expected=" / ".join(known))
    checklist = _checklist(found)
    samples = [_form_sample(found, checklist, item) for item in items]
    day = parse_period(found.period).start.isoformat()
    return Form(found.name, found.period, checklist.title, checklist.source, day, samples)


def _checklist(draw: StoredDraw) -> Checklist:
    """The check list as it was when the samples were drawn."""
    kept = draw.document["checklist"]
    return checklists.parse(kept["text"], f"{kept['id']}.yaml")


def _newest(connection: Connection, draw: StoredDraw) -> str:
    """The draw that holds for a draw's plan and period."""
    return inspections.draws_of(connection, draw.plan_id, draw.period)[-1].name


def _form_sample(draw: StoredDraw, checklist: Checklist, item: Mapping[str, Any]) -> FormSample:
    words = draw.document["words"]
    grid = next(code for code in reversed(item["grid_codes"]) if code is not None)
    name = {"zh": item["name_zh"], "en": item["name_en"]}
    return FormSample(
        item["sample_no"], item["unit_code"], words["units"][item["unit_code"]], item["sample_type"],
        words["types"][item["sample_type"]], words["objects"][item["object"]], name, grid, item["lon"], item["lat"],
        checklist.items(item["sample_type"], item["object"]),
    )  # fmt: skip


# --- forms that come back ---------------------------------------------------------------------------------------------


@needs("inspections.write")
def take(work: Work, path: Path) -> TakeReport:
    """Read a field form back (外业表回收): good samples load, faults are told; the same file again changes nothing.

    A sample that says otherwise than before is a correction: its inspection,
    its findings and its version are added, and what stood there before is kept.
    Samples outside the viewer's scope are told as samples that nobody drew.

    Raises
    ------
    FileUnreadable, ColumnMissing, CityMissing
        Nothing is loaded.
    """
    report = TakeReport(path.name, dry_run=not work.keep)
    scope = work.allowed("inspections.write")
    with work.over_everything().locked() as connection:  # the day of an inspection may lay its sample into other grids
        job = _Taking(connection, report, scope)
        job.run(path)
    return report


class _Taking:
    """One form against what the database holds."""

    def __init__(self, connection: Connection, report: TakeReport, scope: Scope) -> None:
        self.connection, self.report, self.scope = connection, report, scope
        self.city = cities.load_city(connection)
        self.now = clock.now(connection)
        self._known: dict[str, dict[str, Any]] = {}
        self._checklists: dict[str, Checklist] = {}

    def run(self, path: Path) -> None:
        """Read, judge, keep."""
        handed = field_forms.read_form(path, self.city.zone, self.now, self._known_of)
        self.report.problems = handed.faults
        self.report.n_refused, self.report.n_not_filled = handed.n_refused, handed.n_not_filled
        changed = [x for x in handed.samples if self._is_change(x)]
        self._note_days(handed.samples)
        if changed:
            self._write(path.name, handed, changed)

    def _known_of(self, numbers: set[str], photographs: set[str]) -> Known:
        known = inspections.samples_known(self.connection, numbers)
        self._known = {number: x for number, x in known.items() if scopes.holds(self.scope, x)}
        newest = {}
        for name in {x["draw"] for x in self._known.values()}:
            draw = inspections.draw_of(self.connection, name)
            self._checklists[name] = _checklist(draw)
            newest[name] = _newest(self.connection, draw)
        items = {
            number: self._checklists[x["draw"]].items(x["sample_type"], x["object"])
            for number, x in self._known.items()
        }
        replaced = {
            number: newest[x["draw"]]
            for number, x in self._known.items()
            if newest[x["draw"]] != x["draw"] and x["content_hash"] is None
        }
        return Known(items, replaced, attachments.known(self.connection, photographs))

    def _is_change(self, x: Taken) -> bool:
        old = self._known[x.sample_no]["content_hash"]
        if old == _content_hash(x):
            self.report.n_unchanged += 1
        elif old is None:
            self.report.n_new += 1
        else:
            self.report.n_corrected += 1
        return bool(old != _content_hash(x))

    def _note_days(self, samples: Iterable[Taken]) -> None:
        """An inspection outside the period of its draw counts in the period in which it was made: that is told."""
        for x in samples:
            period = parse_period(self._known[x.sample_no]["period"])
            start, end = period.bounds(self.city.zone)
            if not start <= x.inspected_at < end:
                told = {"code": "take_outside_period", "facts": {"sample": x.sample_no, "period": period.label}}
                self.report.notes.append({"row": x.row, **told})

    def _write(self, file: str, handed: Handed, changed: Sequence[Taken]) -> None:
        connection = self.connection
        batch_id = batches.new_batch(
            connection, "samples", file=file, file_sha256=handed.sha256, profile="field_form", source_as_of=self.now
        )
        known_at = batches.stamp_batch(connection, batch_id)
        auditing.note(connection, samples=[x.sample_no for x in changed])
        rows = []
        for x in changed:
            known = self._known[x.sample_no]
            checklist = self._checklists[known["draw"]]
            judged = checklists.judge(checklist, known["sample_type"], [(f.item, f.n) for f in x.findings])
            score = exact(judged.score) if x.result == "inspected" else None
            stamp = {"batch_id": batch_id, "known_at": known_at, "content_hash": _content_hash(x)}
            told = {n: getattr(x, n) for n in ("inspected_at", "inspector", "result", "note")}
            found = [
                {
                    "item_code": f.item, "n": f.n, "points": exact(points), "text": f.note,
                    "photographs": list(f.photographs), "lon": f.lon, "lat": f.lat, "found_at": f.found_at,
                }
                for f, points in zip(x.findings, judged.points, strict=True)
            ]  # fmt: skip
            inspections.add_inspection(
                connection, {"draw_item_id": known["id"], "score": score, **told, **stamp}, found
            )
            rows.append(self._sample_row(x, known, checklist, found, score))
        self._merge(pd.DataFrame(rows, index=[x.row for x in changed]), batch_id, known_at)
        counts = {k: v for k, v in self.report.as_dict().items() if k.startswith("n_")}
        batches.close_batch(connection, batch_id, counts)

    def _sample_row(
        self,
        x: Taken,
        known: Mapping[str, Any],
        checklist: Checklist,
        found: Sequence[Mapping[str, Any]],
        score: str | None,
    ) -> dict[str, Any]:
        """A sample as an import would have it; its findings in the city's language."""
        lang = self.city.languages[0]
        titles = {i.code: i.text[lang] for items in checklist.types.values() for i in items}
        told = [f"{f['item_code']} {titles[f['item_code']]} ×{f['n']} −{f['points']} {f['text'] or ''}" for f in found]
        name = known["name_zh"] if lang == "zh" else known["name_en"]
        return {
            "sample_no": x.sample_no, "sample_type": known["sample_type"], "object_name": name,
            "sampled_at": x.inspected_at, "score": score, "result": x.result,
            "findings": "; ".join(t.strip() for t in told) or None, "unit_code": None, "address": None,
            "lon": known["lon"], "lat": known["lat"], "version_at": self.now,
        }  # fmt: skip

    def _merge(self, rows: pd.DataFrame, batch_id: int, known_at: dt.datetime) -> None:
        merging.create(self.connection, facts.SAMPLES)
        merging.add(self.connection, facts.SAMPLES, rows)
        points = merging.points(self.connection, facts.SAMPLES)
        located = Assigner(self.connection, self.city).locate(points)
        located.insert(0, "row_no", points["row_no"])
        merging.set_located(self.connection, located)
        merging.merge(self.connection, facts.SAMPLES, batch_id, known_at)


def _content_hash(x: Taken) -> str:
    """Of what a form says of a sample, wherever in the file it stands."""
    told = [x.inspected_at.isoformat(), x.inspector, x.result, x.note]
    found = [
        [f.item, f.n, f.note, list(f.photographs), repr(f.lon), repr(f.lat), f.found_at and f.found_at.isoformat()]
        for f in x.findings
    ]
    return hashlib.sha256(canonical([*told, found]).encode()).hexdigest()
