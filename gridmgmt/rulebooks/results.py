"""What evaluation is made of: the context it reads from, and the node (分项结果) it gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, Protocol, TypeVar

from gridmgmt.files.wording import joined
from gridmgmt.numbers import exact, summed
from gridmgmt.rulebooks.alike import Alike
from gridmgmt.rulebooks.inputs import LISTED, Empty, Input, Rate
from gridmgmt.rulebooks.records import SIGNATURE, SIGNED
from gridmgmt.rulebooks.repeats import n_repeats
from gridmgmt.rulebooks.values import Filing, Finding, Value, once_per_case

Status = Literal["ok", "missing", "no_data", "not_applicable"]

NOTHING = Fraction(0)

T = TypeVar("T")

TOO_LITTLE = "total_too_little"
"""The reason why there is no total where too small a share of its points has data."""


class Book(Protocol):
    """What items and rules read of their rulebook; the rulebook is made of them."""

    inputs: dict[str, Input]
    rates: dict[str, Rate]
    empty: Empty

    def stage(self, stage_id: str) -> Any:
        """The stage of that id."""


@dataclass(frozen=True)
class Reason:
    """Why a line has its points: a code of the catalogue and its facts (exact numbers as text)."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """One item's or rule's result, with those of its parts.

    Attributes
    ----------
    value
        Points of an item, or what a rule costs or earns; None unless ``status`` is ok.
    status
        ``missing``: an input is still to be handed in; ``no_data``: an empty
        denominator, left out; ``not_applicable``: the subject is without it.
    missing
        The inputs that are still to be handed in.
    inputs
        The inputs it was made from directly.
    zeroes
        Of a rule: the whole item scores nothing.
    formed
        Of a total: the share of its points that its value was formed from; the others had no data.
    marks
        Further exact figures of the item, for conditions and for show.
    """

    id: str
    kind: str
    title: Mapping[str, str]
    value: Fraction | None
    status: Status
    reason: Reason
    maximum: Fraction | None = None
    weight: Fraction | None = None
    code: str | None = None
    rate: str | None = None
    parts: tuple[Fraction, Fraction] | None = None
    inputs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    children: tuple["Node", ...] = ()
    zeroes: bool = False
    formed: Fraction = Fraction(1)
    marks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """One subject's result in one period.

    Attributes
    ----------
    status
        ``scored``; ``incomplete``: inputs are missing, or too small a share of the
        points has data; ``no_data``: nothing to
        score; ``unscored``: the stage has no total; ``given``: handed in as a result.
    own, carry_out
        Of a stage with carry-over: the value before charges, and what goes into the next period.
    awaited
        The period was rated, and this subject's rating is still to come: inputs are missing.
    """

    subject: str
    period: str
    stage: str
    status: Literal["scored", "incomplete", "no_data", "unscored", "given"]
    total: Fraction | None
    grade: str | None
    reason: Reason
    root: Node | None = None
    shown: tuple[Node, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    """(period, input) still to be handed in."""
    values: Mapping[str, Value] = field(default_factory=dict)
    rank: int | None = None
    ranked_of: int = 0
    tied: int = 0
    from_bottom: int | None = None
    is_first: bool = False
    is_last: bool = False
    own: Fraction | None = None
    carry_out: Fraction = Fraction(0)
    awaited: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is incomplete until inputs are handed in; facts that never were are not waited for."""
        return self.status == "incomplete" and self.reason.code != TOO_LITTLE

    @property
    def formed(self) -> Fraction | None:
        """The share of the points that the total is formed from, or would be; None where nothing is scored."""
        if self.root is None or self.root.status not in ("ok", "no_data"):
            return None
        has_data = self.root.status == "ok" or self.reason.code == TOO_LITTLE
        return self.root.formed if has_data else NOTHING

    @property
    def is_rated(self) -> bool:
        """Whether there is a total or a grade."""
        return self.total is not None or self.grade is not None

    def node(self, item: str) -> Node | None:
        """The node of an item or rule, wherever it stands."""
        roots = ([self.root] if self.root else []) + list(self.shown)
        return next((n for root in roots for n in flat(root) if n.id == item), None)


def flat(node: Node) -> list[Node]:
    """A node and all below it, parents first."""
    return [node, *(n for child in node.children for n in flat(child))]


@dataclass(frozen=True)
class Context:
    """What an item is evaluated against: one subject's values in one period.

    Attributes
    ----------
    values
        Typed values of the inputs that were handed in or counted.
    earlier
        Stage → this subject's outcomes of the shorter periods within this one, in order.
    role, attributes
        The subject's, for items and rules that concern only some.
    carry_in, charged, waits
        Of a stage with carry-over; ``waits`` are inputs, as ``period/input``,
        without which what is carried in or charged is not known.
    told_by
        Inputs that are results of other assessments (None) or means of so many samples.
    signed
        Findings and events are completely entered; otherwise they are missing, not none.
    alike
        What was worked out for subjects with the same values.
    """

    book: Book
    values: Mapping[str, Value]
    role: str | None = None
    attributes: tuple[str, ...] = ()
    earlier: Mapping[str, Sequence[Outcome]] = field(default_factory=dict)
    carry_in: Fraction = Fraction(0)
    charged: Fraction = Fraction(0)
    waits: tuple[str, ...] = ()
    signed: bool = True
    told_by: Mapping[str, Fraction | None] = field(default_factory=dict)
    alike: Alike = field(default_factory=Alike)

    def get(self, name: str) -> Value | None:
        """An input's value; its default where it has one; nothing listed is an empty list; else None, missing."""
        spec = self.book.inputs[name]
        if not self.signed and spec.type in LISTED and spec.automatic is None:
            return None
        if name in self.values:
            return _counting(self.values[name], spec)
        if spec.default is not None:
            return spec.default
        return () if spec.type in LISTED and self.signed else None

    def number(self, name: str) -> Fraction | None:
        """An input as a number: findings and listed things by how many, a flag as 0 or 1."""
        value = self.get(name)
        if type(value) is Fraction:
            return value
        rule = self.book.inputs[name].repeats
        if rule is not None and isinstance(value, tuple):
            return Fraction(n_repeats(rule, [x for x in value if isinstance(x, Filing)]))
        if isinstance(value, bool):
            return Fraction(value)
        if isinstance(value, tuple):
            return Fraction(sum(getattr(x, "n", 1) for x in value))
        return value if isinstance(value, Fraction) else None

    def findings(self, name: str) -> tuple[Finding, ...] | None:
        """A findings input; a plain count as that many findings; None where it is missing."""
        value = self.get(name)
        if isinstance(value, Fraction):
            return (Finding(int(value)),) if value else ()
        if isinstance(value, bool):
            return (Finding(),) if value else ()
        return self.listed(name, Finding)

    def listed(self, name: str, kind: type[T]) -> tuple[T, ...] | None:
        """The things of a kind that an input lists (逐条录入): events, accounts, marks …; None where it is missing."""
        value = self.get(name)
        return tuple(x for x in value if isinstance(x, kind)) if isinstance(value, tuple) else None

    def linear(self, terms: Mapping[str, Fraction]) -> Fraction | None:
        """A sum of inputs times coefficients; None where one is missing."""
        total = NOTHING
        for name, coefficient in terms.items():
            value = self.number(name)
            if value is None:
                return None
            term = value if coefficient == 1 else coefficient * value
            total = term if total is NOTHING else total + term
        return total

    def missing(self, *names: str) -> tuple[str, ...]:
        """Which of these inputs have no value yet."""
        return tuple(n for n in names if self.get(n) is None)


def _counting(value: Value, spec: Input) -> Value:
    """The value without findings of codes that never count, and with those on one case as one where it says so."""
    if not (spec.except_codes or spec.distinct) or not isinstance(value, tuple):
        return value
    excepted = {*spec.except_codes, *(name for words in spec.except_codes.values() for name in words.values())}
    found = [x for x in value if isinstance(x, Finding) and x.code not in excepted]
    return tuple(once_per_case(found) if spec.distinct else found)


def titles(book: Book, names: Sequence[str]) -> dict[str, str]:
    """The titles of inputs in both languages."""
    return joined([SIGNATURE.title if n == SIGNED else book.inputs[n].title for n in names])


def numbers(**facts: Fraction | int) -> dict[str, str]:
    """Exact numbers as facts of a reason."""
    return {k: exact(v) if type(v) is Fraction else exact(Fraction(v)) for k, v in facts.items()}


def named_parts(nodes: Sequence[Node]) -> dict[str, str]:
    """The titles of several nodes in both languages."""
    return joined([n.title for n in nodes])


def gained(nodes: Sequence[Node]) -> Fraction:
    """The sum of the values of the nodes that have one."""
    return summed(n.value for n in nodes if n.value is not None)


def clamp(value: Fraction, low: Fraction | None, high: Fraction | None) -> Fraction:
    """The value, no lower and no higher than the limits that are given."""
    if high is not None:
        value = min(value, high)
    return value if low is None else max(value, low)


def used_up(maximum: Fraction, lost: Fraction, left: Fraction) -> tuple[str, dict[str, str]]:
    """Why so much is left of a maximum (扣完为止): the code of the catalogue and its facts."""
    code = "line_deduct_none" if not lost else "line_deduct" if left == maximum - lost else "line_deduct_used_up"
    return code, numbers(maximum=maximum, lost=lost)
