"""Sampling plans (抽查方案): how a rulebook's samples are drawn. How many of what the rulebook itself says."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from gridmgmt import invalid
from gridmgmt.bounds import read_text
from gridmgmt.documents import Exact, Id, Strict, Words
from gridmgmt.errors import PlanInvalid, PlanMissing
from gridmgmt.inspections.sampling import Asked, WhenShort
from gridmgmt.rulebooks.document import exact_yaml
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.rulebooks.load import first_fault, locate
from gridmgmt.rulebooks.model import Rulebook, SampleType
from gridmgmt.rulebooks.sampling import planned
from gridmgmt.settings import data_path
from gridmgmt.yamls import safe_yaml

M = TypeVar("M", bound=Strict)

WHY = ("as_stated", "instead", "other_group", "without")
"""Why a unit has so many samples of a type: as the plan says, another object instead, or none for a reason."""


def _share(value: Fraction) -> Fraction:
    if not 0 <= value <= 1:
        raise ValueError("0 … 1")
    return value


class Plan(Strict):
    """How the samples of the rulebook of the same id are drawn.

    Attributes
    ----------
    checklist
        Id of the check list by which they are judged.
    spread
        Level over whose grids a unit's samples are spread; ``leaf`` is the deepest.
    span
        No object twice for one unit and type in so many months: ``P3M``; ``P0M`` lets it return at once.
    when_short
        What to do where too few objects are left: ``oldest_first`` takes those
        drawn within the span, longest ago first; ``leave_short`` takes none.
    least_share
        A line belongs to a unit that holds at least this share of its length.
    objects
        What the objects of the rulebook's samples are called.
    reasons
        Why a value is what it is, by key.
    """

    id: Id
    title: Words
    source: str
    checklist: Id
    spread: str = "leaf"
    span: Annotated[str, Field(pattern=r"^P(0|[1-9][0-9]?)M$")]
    when_short: WhenShort
    least_share: Annotated[Exact, AfterValidator(_share)]
    objects: dict[Id, Words] = Field(default_factory=dict)
    reasons: dict[Id, Words] = Field(default_factory=dict)

    def object_words(self, name: str) -> Words:
        """What an object is called, its own word where the plan has none."""
        return self.objects.get(name, {"zh": name, "en": name})

    @property
    def span_months(self) -> int:
        """The span in months."""
        return int(re.sub("[PM]", "", self.span))


def load(name: str) -> tuple[Plan, str]:
    """The plan of a rulebook, ``data/plans/<rulebook>.yaml``, and its text.

    Raises
    ------
    PlanMissing, PlanInvalid
    """
    path = data_path("plans", f"{name}.yaml")
    if not path.is_file():
        raise PlanMissing(name=name, known=sorted(p.stem for p in path.parent.glob("*.yaml")))
    text = read_text(path)
    return read_strictly(text, path.name, Plan), text


def read_strictly(text: str, file: str, model: type[M], yaml: Callable[[], YAML] = exact_yaml) -> M:
    """A data file of plans or check lists; unknown and duplicate keys are errors, named by line and key.

    Raises
    ------
    PlanInvalid
    """
    try:
        data = yaml().load(text)
    except YAMLError as e:
        mark = e.problem_mark if isinstance(e, MarkedYAMLError) else None
        line, told = (mark.line + 1 if mark else 1), invalid.no_yaml(e, with_line=False)
        raise PlanInvalid(file=file, line=line, key="YAML", value="", fault="yaml", expected=told) from e
    try:
        return model.model_validate(data)
    except ValidationError as e:
        error = first_fault(e.errors())
        key, line = locate(safe_yaml().compose(text), error["loc"], missing=error["type"] == "missing")
        fault = {"extra_forbidden": "unknown_key", "missing": "missing_key"}.get(error["type"], "value")
        expected = invalid.reason(error, model) if fault == "value" else ""
        value = "…" if isinstance(error["input"], dict | list) else str(error["input"])[:80]
        raise PlanInvalid(file=file, line=line, key=key or "YAML", value=value, fault=fault, expected=expected) from e


# --- what is asked of whom --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanLine:
    """One type of sample for one unit: objects with their numbers, and why (one of :data:`WHY`).

    ``attribute`` is the word of the unit's list that brought an exception or a substitute.
    """

    unit: Subject
    type: SampleType
    objects: Mapping[str, int]
    why: str
    attribute: str | None = None

    @property
    def n(self) -> int:
        """Samples of this type."""
        return sum(self.objects.values())


def lines(book: Rulebook, units: Sequence[Subject]) -> list[PlanLine]:
    """What the rulebook asks of each unit, type by type, those with nothing too (抽查数量)."""
    return [_line(unit, kind) for unit in sorted(units, key=lambda u: u.code) for kind in book.samples]


def _line(unit: Subject, kind: SampleType) -> PlanLine:
    objects = planned([kind], unit.group, unit.attributes).get(kind.id, {})
    if kind.only and unit.group not in kind.only:
        return PlanLine(unit, kind, {}, "other_group", unit.group)
    if kind.unless in unit.attributes:
        return PlanLine(unit, kind, {}, "without", kind.unless)
    if kind.instead_if in unit.attributes:
        return PlanLine(unit, kind, objects, "instead", kind.instead_if)
    return PlanLine(unit, kind, objects, "as_stated")


def asked(plan: Sequence[PlanLine]) -> list[Asked]:
    """The plan's lines as what a draw is asked for."""
    return [Asked(x.unit.code, x.type.id, name, n) for x in plan for name, n in x.objects.items()]
