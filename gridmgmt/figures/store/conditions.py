"""Conditions of counts as SQL: what is used more than once is worked out once, in a layer of its own."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any as AnyType

from gridmgmt.figures.predicates import (
    AfterCut,
    Always,
    Any,
    AtMost,
    BeforeCut,
    Begins,
    Both,
    Column,
    Condition,
    Either,
    Holds,
    Known,
    Not,
    OneOf,
    Positive,
    Seen,
    Value,
    Within,
)


@dataclass
class Compiled:
    """Conditions over the columns of a relation, as layers of columns of SQL.

    Attributes
    ----------
    columns
        Columns of the frame form that the relation has as an expression, which is worked out where it is asked.
    layers
        What each layer adds to those below it, innermost first: column → expression.
    read
        The columns of the relation that conditions name.
    beyond
        Those of them that are not only asked for what the cut-off sees of them.
    params
        The texts and numbers that conditions name, to be bound.
    clocks
        The instants that conditions compare with the cut-off: columns of the relation, or expressions over them.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    layers: list[dict[str, str]] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    beyond: set[str] = field(default_factory=set)
    params: dict[str, AnyType] = field(default_factory=dict)
    clocks: set[str] = field(default_factory=set)
    _columns: dict[Condition | Value, tuple[str, int]] = field(default_factory=dict)

    def mask(self, conditions: Sequence[Condition]) -> str:
        """An integer with one bit a condition, the first one's the lowest, over the columns of the last layer."""
        uses = Counter(child for c in _distinct(conditions) for child in _children(c))
        uses.update(conditions)
        for condition in _distinct(conditions):
            if isinstance(condition, Both | Any | Within) and uses[condition] > 1:
                self._name(condition)
        bits = (f"(({self._expression(c)})::int::bigint << {bit})" for bit, c in enumerate(conditions))
        return " | ".join(bits) or "0::bigint"

    def holds(self, condition: Condition) -> str:
        """Whether a condition holds."""
        return self._expression(condition)

    def choice(self, conditions: Mapping[str, Condition]) -> str:
        """The name of the first condition that holds."""
        whens = (f"WHEN {self._expression(c)} THEN '{name}'" for name, c in conditions.items())
        return f"CASE {' '.join(whens)} END"

    def over(self, relation: str) -> str:
        """The relation with all layers around it."""
        for layer in self.layers:
            more = "".join(f", {expression} AS {name}" for name, expression in layer.items())
            # nothing below is to be worked out again for each place that names it
            relation = f"(SELECT *{more} FROM {relation} OFFSET 0) AS layer"
        return relation

    def _name(self, node: Condition | Value) -> str:
        """The column that holds a node, in the lowest layer above those that it is made from."""
        if node not in self._columns:
            below = max((self._columns[x][1] for x in _named_below(node, self._columns)), default=-1)
            name = f"x{len(self._columns)}"
            expression = self._made(node)
            while len(self.layers) <= below + 1:
                self.layers.append({})
            self.layers[below + 1][name] = expression
            self._columns[node] = (name, below + 1)
        return self._columns[node][0]

    def _expression(self, node: Condition | Value) -> str:
        return self._columns[node][0] if node in self._columns else self._made(node)

    def _made(self, node: Condition | Value) -> str:
        x = self._expression
        match node:
            case Column(name):
                return self._column(name)
            case Seen(name):
                return f"CASE WHEN {self._seen(name)} THEN {name} END"
            case Either(first, second):
                return f"coalesce({x(first)}, {x(second)})"
            case Both(first, second):
                return f"({x(first)} AND {x(second)})"
            case Any(first, second):
                return f"({x(first)} OR {x(second)})"
            case Not(other):
                return f"(NOT {x(other)})"
            case Always():
                return "true"
            case Known():
                return self._known(node.value)
        return f"({self._compared(node)}) IS TRUE"

    def _known(self, value: Value) -> str:
        match value:
            case Seen(name):
                return f"({self._seen(name)}) IS TRUE"
            case Either(first, second):
                return f"({self._known(first)} OR {self._known(second)})"
        return f"{self._column(value.name)} IS NOT NULL"

    def _compared(self, node: Condition | Value) -> str:
        """A comparison, which may come out unknown."""
        x = self._expression
        match node:
            case Within(value):
                at = self._compared_with_cut(value)
                return f"{at} >= :start AND {at} < :end AND {at} <= :cut"
            case AtMost(first, second):
                return f"{x(first)} <= {x(second)}"
            case BeforeCut(value):
                return f"{self._compared_with_cut(value)} < :cut"
            case AfterCut(value):
                return f"{self._compared_with_cut(value)} > :cut"
            case Holds(name):
                return self.columns[name] if name in self.columns else self._column(name)
            case Positive(name):
                return f"{self._column(name)} > 0"
            case OneOf(name, values):
                return f"{self._column(name)} = ANY({self._bound(list(values))})"
            case Begins(name, stem):
                return f"starts_with(coalesce({self._column(name)}, ''), {self._bound(stem)})"
        raise TypeError(type(node).__name__)

    def _seen(self, name: str) -> str:
        """Whether the cut-off sees a time."""
        self.read.add(name)
        self.clocks.add(name)
        return f"{name} <= :cut"

    def _column(self, name: str) -> str:
        self.read.add(name)
        self.beyond.add(name)
        return name

    def _compared_with_cut(self, value: Value) -> str:
        at = self._expression(value)
        self.clocks.add(at)
        return at

    def _bound(self, value: AnyType) -> str:
        name = f"told{len(self.params)}"
        self.params[name] = value
        return f":{name}"


def _children(node: Condition) -> tuple[Condition, ...]:
    match node:
        case Both(first, second) | Any(first, second):
            return (first, second)
        case Not(other):
            return (other,)
    return ()


def _distinct(conditions: Sequence[Condition]) -> list[Condition]:
    """All conditions and what they are made from, each once, parts before wholes."""
    out: dict[Condition, None] = {}

    def visit(node: Condition) -> None:
        if node not in out:
            for child in _children(node):
                visit(child)
            out[node] = None

    for condition in conditions:
        visit(condition)
    return list(out)


def _named_below(node: Condition | Value, named: Mapping[Condition | Value, object]) -> Iterator[Condition]:
    """The named nodes that a node's expression mentions."""
    for child in _children(node) if isinstance(node, Condition) else ():
        if child in named:
            yield child
        else:
            yield from _named_below(child, named)
