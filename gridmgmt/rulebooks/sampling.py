"""How many samples a month's plan asks for (抽查数量): by unit, type and object, with exceptions and substitutes."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridmgmt.errors import OptionInvalid
from gridmgmt.rulebooks.model import SampleType


def planned(
    types: Sequence[SampleType], group: str | None, attributes: Collection[str] = ()
) -> dict[str, dict[str, int]]:
    """The samples of one unit: type → object → number.

    Parameters
    ----------
    group
        What kind of unit it is, e.g. ``street`` or ``town``.
    attributes
        What the unit is without, in the words of the plan, e.g. ``no_market``.
    """
    out: dict[str, dict[str, int]] = {}
    for kind in types:
        if (kind.only and group not in kind.only) or kind.unless in attributes:
            continue
        out[kind.id] = dict(kind.instead if kind.instead_if in attributes else kind.objects)
    return out


def totals(plans: Sequence[Mapping[str, Mapping[str, int]]]) -> tuple[int, dict[str, int]]:
    """All samples of several units, and by object."""
    by_object: dict[str, int] = {}
    for plan in plans:
        for objects in plan.values():
            for name, n in objects.items():
                by_object[name] = by_object.get(name, 0) + n
    return sum(by_object.values()), by_object


@dataclass(frozen=True)
class OnPaper:
    """What a plan asks of so many equal units (纸上测算): ``units`` as they were told, ``plan`` of each of them."""

    units: str
    n_units: int
    plan: Mapping[str, Mapping[str, int]]

    @property
    def n_each(self) -> int:
        """Samples of one of them."""
        return totals([self.plan])[0]

    @property
    def n(self) -> int:
        """Samples of all."""
        return self.n_units * self.n_each


_MOST_UNITS = 10_000


def on_paper(types: Sequence[SampleType], told: str) -> OnPaper:
    """Units as people tell them: ``street=4``, and apart those without something, ``street+no_market=1``.

    Raises
    ------
    OptionInvalid
        No such form or attribute, a group that looks like a mistyped one, or a rulebook without samples.
    """
    what, _, number = told.partition("=")
    group, *without = (x.strip() for x in what.split("+"))
    groups = sorted({g for kind in types for g in kind.only})
    lacking = sorted({x for kind in types for x in (kind.unless, kind.instead_if) if x})
    mistyped = group not in groups and difflib.get_close_matches(group, groups, cutoff=0.75)
    is_number = re.fullmatch("[0-9]{1,6}", number.strip()) is not None and int(number) <= _MOST_UNITS
    if not types or not group or mistyped or not {*without} <= {*lacking} or not is_number:
        expected = f"{' | '.join([*groups, '…'])}[+{' | '.join(lacking)}]=N" if types else "–"
        raise OptionInvalid(name="--units", value=told, expected=expected)
    return OnPaper(what.strip(), int(number), planned(types, group, without))


@dataclass(frozen=True)
class PaperPlan:
    """What a month's plan asks for on paper figures: of each kind of unit, and of all together by object."""

    lines: Sequence[OnPaper]
    n: int
    objects: Mapping[str, int]

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        units = [
            {"units": x.units, "n_units": x.n_units, "n_each": x.n_each, "n": x.n, "plan": x.plan} for x in self.lines
        ]
        return {"n": self.n, "units": units, "objects": dict(self.objects)}


def plan_on_paper(types: Sequence[SampleType], told: Sequence[str]) -> PaperPlan:
    """The plan for units as :func:`on_paper` reads them.

    Raises
    ------
    OptionInvalid
    """
    lines = [on_paper(types, text) for text in told]
    objects: dict[str, int] = {}
    for line in (x for x in lines if x.n_units):
        for name, n in totals([line.plan])[1].items():
            objects[name] = objects.get(name, 0) + n * line.n_units
    return PaperPlan(lines, sum(objects.values()), objects)
