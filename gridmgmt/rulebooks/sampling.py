"""How many samples a month's plan asks for (抽查数量): by unit, type and object, with exceptions and substitutes."""

from collections.abc import Collection, Mapping, Sequence

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
