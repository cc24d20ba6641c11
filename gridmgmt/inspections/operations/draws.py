"""Sampling (抽查): what a rulebook's plan asks, the draw from the layers, its check; each draw one transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gridmgmt.assessing.store import entries
from gridmgmt.city import City
from gridmgmt.database import auditing, cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Progress, Work
from gridmgmt.errors import DrawExists, OptionInvalid, PlanInvalid, PlanMissing, SubjectsMissing
from gridmgmt.inspections import checklists, plans, sampling, scopes
from gridmgmt.inspections.frames import Frames, Spot
from gridmgmt.inspections.operations import features
from gridmgmt.inspections.plans import Plan, PlanLine
from gridmgmt.inspections.sampling import Before, Candidate, Key
from gridmgmt.inspections.store import inspections
from gridmgmt.inspections.store.inspections import StoredDraw
from gridmgmt.periods import Period, parse_period
from gridmgmt.places.store import editions
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.load import Loaded
from gridmgmt.rulebooks.store import versions as rulebook_store


@dataclass(frozen=True)
class Planned:
    """What a rulebook asks in a period: its version in force on the last day, and the lines unit by unit."""

    loaded: Loaded
    period: Period
    lines: Sequence[PlanLine]

    @property
    def n(self) -> int:
        """All samples."""
        return sum(x.n for x in self.lines)


@needs("samples.read")
def plan_of(work: Work, rulebook: str, period: str) -> Planned:
    """What is to be drawn in a period (抽查计划): unit by unit and type by type, with exceptions and substitutes.

    The units are those of the rulebook's list on the period's last day, as far as they are the viewer's.

    Raises
    ------
    RulebookMissing, RulebookInvalid, RulebookNotInForce, PeriodInvalid
    PlanMissing
        The rulebook asks for no samples.
    SubjectsMissing
        Nobody is on its list.
    """
    scope = work.allowed("samples.read")
    with work.snapshot() as connection:
        found = _planned(connection, rulebook, parse_period(period))
        if scope.everywhere:
            return found
        city, kind = cities.load_city(connection), found.loaded.rulebook.population.kind
        levels = {line.unit.code: city.level(line.unit.level or kind).number for line in found.lines}
    own = [x for x in found.lines if scope.holds_grid(levels[x.unit.code], x.unit.code)]
    return replace(found, lines=own)


def _planned(connection: Connection, rulebook: str, period: Period) -> Planned:
    loaded = rulebooks.load(rulebook, period.last)
    book = loaded.rulebook
    if not book.samples:
        raise PlanMissing(name=book.id, known=_with_plans())
    units = entries.assessed_on(connection, book.id, period.last)
    if not units:
        raise SubjectsMissing(name=book.id, kind=book.population.kind)
    return Planned(loaded, period, plans.lines(book, units))


def _with_plans() -> list[str]:
    return [name for name in rulebooks.known() if rulebooks.load(name).rulebook.samples]


# --- drawing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DrawReport:
    """A draw that was made, or the same one that was made before.

    ``n_inspected_before`` are samples of the draw in whose place it stands that were inspected: they go on counting.
    """

    name: str
    sha256: str
    document: Mapping[str, Any]
    is_new: bool
    dry_run: bool
    n_inspected_before: int = 0


@needs("inspections.write", whole=True, by_worker=True)
def make_draw(
    work: Work,
    rulebook: str,
    period: str,
    seed: str,
    *,
    again: str | None = None,
) -> DrawReport:
    """Draw a period's samples (抽取) from the layers of its last day; the same draw again changes nothing.

    Parameters
    ----------
    seed
        Any one line of visible text.
    again
        Why the period is drawn anew, by another seed or from other frames. The
        draw before stays, but counts no longer for the span.

    Raises
    ------
    DrawExists
        The period was drawn before, otherwise, and ``again`` gives no reason.
    PlanMissing, PlanInvalid, ChecklistMissing, SubjectsMissing, NoEditionOnDate
    OptionInvalid
        The seed is no such text, or the reason is blank.
    """
    if not (seed.strip() and seed.isprintable()):  # the hash joins it to others by line feeds
        raise OptionInvalid(name="--seed", value=ascii(seed), expected="TEXT")
    if again is not None and not again.strip():
        raise OptionInvalid(name="--again", value=again, expected="TEXT")
    report: DrawReport | None = None
    with work.locked() as connection:
        planned = _planned(connection, rulebook, parse_period(period))
        made = _Making(connection, planned, seed, work.progress)
        report = made.report(again, not work.keep)
    if report is None:
        raise RuntimeError("a draw ended without its report")
    return report


class _Making:
    """One draw under way."""

    def __init__(self, connection: Connection, planned: Planned, seed: str, progress: Progress) -> None:
        self.connection, self.planned, self.period = connection, planned, planned.period
        self.plan, self.plan_text = plans.load(planned.loaded.rulebook.id)
        self.checklist_text = checklists.load(self.plan.checklist)[1]
        self.key = Key(seed, self.plan.id, self.period.label)
        self.city = cities.load_city(connection)
        self.edition = editions.on_date(connection, self.period.last)
        self.asked = plans.asked(planned.lines)
        names = sorted({a.object for a in self.asked})
        self.objects = features.read(connection, names, self.period.last)
        progress("frames", 0)
        self.spots = self._spots()
        progress("draw", len(self.asked))

    def _spots(self) -> dict[str, dict[tuple[str, str], Spot]]:
        """Object → (unit, feature) → where it is visited."""
        grids = editions.grids(self.connection, self.edition.id)
        level = _unit_level(self.planned, self.city, self.plan)
        spread = len(self.city.levels) if self.plan.spread == "leaf" else self.city.level(self.plan.spread).number
        units = {line.unit.code for line in self.planned.lines}
        frames = Frames(grids, self.city.metric_epsg, level, spread, self.plan.least_share)
        found = {kind: frames.spots(layer, kind) for kind, layer in self.objects.layers.items()}
        return {
            name: {
                (s.unit, s.feature): s for kind in found for s in found[kind] if s.feature in own and s.unit in units
            }
            for name, own in self.objects.features.items()
        }

    def _before(self, first_id: int | None, replaced: str | None) -> list[Before]:
        """What other draws within the span took."""
        rows = inspections.drawn_before(self.connection, self.plan.id, first_id)
        near = [
            (name, label, items)
            for name, label, items in rows
            if name != replaced and sampling.is_within(self.plan.span_months, self.period, parse_period(label))
        ]
        return [Before(*item, name, label) for name, label, items in near for item in items]

    def document(self, name: str, first_id: int | None = None, replaced: str | None = None) -> dict[str, Any]:
        """The draw's document under a name."""
        frame = [Candidate(u, o, f, s.grid) for o, own in self.spots.items() for (u, f), s in own.items()]
        before = self._before(first_id, replaced)
        made = sampling.document(self._head(name), self.key, self.asked, frame, before, self.plan.when_short)
        places = enumerate(made["items"], 1)
        return made | {"samples": [self._sample(sampling.sample_no(name, n), item) for n, item in places]}

    def _head(self, name: str) -> dict[str, Any]:
        book = self.planned.loaded.rulebook
        placed = {name: len({feature for _, feature in own}) for name, own in self.spots.items()}
        return {
            "name": name,
            "city": self.city.code,
            "period": self.period.label,
            "edition": self.edition.name,
            "rulebook": {"id": book.id, "version": book.version, "sha256": self.planned.loaded.content_sha256},
            "plan": {"id": self.plan.id, **_kept(self.plan_text)},
            "checklist": {"id": self.plan.checklist, **_kept(self.checklist_text)},
            "layers": [dict(head) for head in self.objects.heads],
            "words": self._words(),
            "objects": {o: {"n": len(own), "n_placed": placed[o]} for o, own in self.objects.features.items()},
        }

    def _words(self) -> dict[str, Any]:
        """What units, types and objects are called; for people, not for drawing."""
        lines = self.planned.lines
        return {
            "units": {line.unit.code: dict(line.unit.name) for line in lines},
            "types": {line.type.id: dict(line.type.title) for line in lines},
            "objects": {a.object: dict(self.plan.object_words(a.object)) for a in self.asked},
        }

    def _sample(self, number: str, item: Mapping[str, Any]) -> dict[str, Any]:
        """What a sample's row says beside its item; coordinates as text, for they go into the hash."""
        spot = self.spots[item["object"]][item["unit"], item["feature"]]
        lengths = [[level, code, mm] for (level, code), mm in sorted(spot.lengths_mm.items())]
        name = dict(self.objects.names[spot.feature])
        place = {"lon": repr(spot.lon), "lat": repr(spot.lat), "grids": list(spot.line)}
        return {"no": number, "name": name, **place, "lengths_mm": lengths, "total_mm": spot.total_mm}

    def report(self, again: str | None, dry_run: bool) -> DrawReport:
        """Keep the draw, unless it was made before."""
        stem = f"{self.plan.id}-{self.period.label}"
        old = inspections.draws_of(self.connection, self.plan.id, self.period.label)
        if old:
            same = self.document(old[-1].name, old[-1].id, old[-2].name if old[1:] else None)
            if sampling.sha256(same) == old[-1].sha256:
                return DrawReport(old[-1].name, old[-1].sha256, same, False, dry_run)
            if not again:
                seed = old[-1].document["key"]["seed"]
                raise DrawExists(name=old[-1].name, period=self.period.label, seed=seed)
        name = f"{stem}.{len(old) + 1}" if old else stem
        document = self.document(name, None, old[-1].name if old else None)
        self._save(document, old[-1] if old else None, again)
        before = inspections.items(self.connection, old[-1].id) if old else []
        n_before = sum(item["inspection_id"] is not None for item in before)
        return DrawReport(name, sampling.sha256(document), document, True, dry_run, n_before)

    def _save(self, document: Mapping[str, Any], replaced: StoredDraw | None, again: str | None) -> None:
        rulebook_store.register(self.connection, self.planned.loaded)
        values = {
            "name": document["name"], "plan_id": self.plan.id, "period": self.period.label,
            "sha256": sampling.sha256(document), "document": document,
            "supersedes": replaced.id if replaced else None, "reason": again if replaced else None,
        }  # fmt: skip
        shares = [
            {"sample_no": s["no"], "level": level, "grid_code": code, "length_mm": mm, "total_mm": s["total_mm"]}
            for s in document["samples"]
            for level, code, mm in s["lengths_mm"]
        ]
        inspections.save_draw(self.connection, values, _rows(document), shares)
        auditing.note(self.connection, draws=[document["name"]])


def _kept(text: str) -> dict[str, str]:
    return {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _unit_level(planned: Planned, city: City, plan: Plan) -> int:
    """The level of the units; samples are drawn for grids of one level only."""
    keys = sorted({line.unit.level or planned.loaded.rulebook.population.kind for line in planned.lines})
    if len(keys) > 1 or planned.loaded.rulebook.population.kind != "grid":
        file = f"{plan.id}.yaml"
        raise PlanInvalid(file=file, line=1, key="id", value=", ".join(keys), fault="no_grids", expected="")
    return city.level(keys[0]).number


def _rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A document's samples as rows of the store."""
    return [
        {
            "sample_no": s["no"],
            "unit_code": item["unit"],
            "sample_type": item["type"],
            "object": item["object"],
            "feature": item["feature"],
            "name_zh": s["name"]["zh"],
            "name_en": s["name"]["en"],
            "grid_codes": s["grids"],
            "lon": float(s["lon"]),
            "lat": float(s["lat"]),
        }
        for item, s in zip(document["items"], document["samples"], strict=True)
    ]


# --- looking at draws -------------------------------------------------------------------------------------------------


@needs("samples.read")
def show_draw(work: Work, name: str, unit: str | None = None) -> tuple[StoredDraw, list[dict[str, Any]]]:
    """A draw and its samples, all or one unit's, each as far as it was inspected.

    Of other units no samples are told, nor what they could be drawn by (:func:`gridmgmt.inspections.scopes.part`).

    Raises
    ------
    DrawMissing
    """
    scope = work.allowed("samples.read")
    with work.snapshot() as connection:
        found = inspections.draw_of(connection, name)
        items = scopes.own(scope, inspections.items(connection, found.id))
    if not scope.everywhere:
        found = replace(found, document=scopes.part(found.document, scope, [i["sample_no"] for i in items]))
    return found, [i for i in items if unit in (None, i["unit_code"])]


CHECKS = ("texts", "document", "drawn", "rows")
"""What :func:`verify_draw` looks at: plan and check list have their hash, the document has its, drawing again from
the document gives its items, and the rows of the samples are those of the document."""


@needs("samples.read", whole=True, by_worker=True)
def verify_draw(work: Work, name: str) -> dict[str, bool]:
    """Draw again from what is kept with a draw and compare (复核); each of :data:`CHECKS` true or false.

    Raises
    ------
    DrawMissing
    """
    with work.snapshot() as connection:
        found = inspections.draw_of(connection, name)
        items = inspections.items(connection, found.id)
    document = found.document
    kept = [document["plan"], document["checklist"]]
    rows = [{k: item[k] for k in inspections.ITEM} for item in items]
    answers = (
        all(part["sha256"] == _kept(part["text"])["sha256"] for part in kept),
        sampling.sha256(document) == found.sha256,
        sampling.agrees(document),
        rows == _rows(document),
    )
    return dict(zip(CHECKS, answers, strict=True))
