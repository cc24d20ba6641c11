"""Mutants (变异体): copies of a module with one small fault each, made by mutmut's operators.

mutmut's own run leaves out decorated functions and whatever stands outside of
functions; here the definitions of counts are properties, and counts and steps
are tables of lambdas. So its operators are applied to whole modules, and
:mod:`tests.mutants.judging` runs the tests.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).resolve().parents[2]

OPERATORS = [(kind, apply) for kind, apply in mutation_operators if apply.__name__ != "operator_string"]
"""A word that is another one fails at once, and messages are no subject here."""


FILE = (1, 10**6)
"""From the first to the last line, however many there are."""


@dataclass(frozen=True)
class Mutant:
    """One fault: where it is, by file and function, not by line, and what became of which text.

    Attributes
    ----------
    lines
        First and last line of the changed place in the file as it is.
    within
        First and last line of the function around it; of the file, where there is none.
    source
        The whole mutated file.
    """

    path: Path
    where: str
    was: str
    now: str
    lines: tuple[int, int]
    within: tuple[int, int]
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by in the list of survivors, wherever its file moves and on whatever line it stands."""
        return self.where, self.was, self.now

    @property
    def is_outside(self) -> bool:
        """Whether it stands in no function."""
        return self.within == FILE


@dataclass(frozen=True)
class Spot:
    """A place where a mutant can be made: its statement of the module, the node, and what would stand there."""

    number: int
    node: cst.CSTNode
    other: cst.CSTNode
    where: str
    lines: tuple[int, int]
    within: tuple[int, int]

    @property
    def function(self) -> str:
        """The function, or class, it stands in; the file's name where it stands in none."""
        return self.where.rpartition(".")[2]


class _Spots(cst.CSTVisitor):
    """All spots of one module; annotations, names for types, decorators and imports are left alone."""

    def __init__(self, stem: str, positions: Mapping[cst.CSTNode, Any], number: int) -> None:
        super().__init__()
        self.found: list[Spot] = []
        self.positions, self.number = positions, number
        self.raised: cst.CSTNode | None = None
        self.names, self.around = [stem], list[tuple[int, int]]()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
            return False
        if isinstance(node, cst.Arg) and _is_strict(node):
            return False
        if len(self.names) == 1 and isinstance(node, cst.Assign) and _is_alias(node.value):
            return False
        lines = self._lines(node)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self.names.append(node.name.value)
        if isinstance(node, cst.FunctionDef):
            self.around.append(lines)
        if isinstance(node, cst.Raise):
            self.raised = node.exc
        for kind, apply in OPERATORS:
            if isinstance(node, kind) and not (node is self.raised and isinstance(node, cst.Call)):
                for other in apply(node):
                    if not _is_idle(node, other):
                        within = self.around[-1] if self.around else FILE
                        self.found.append(Spot(self.number, node, other, ".".join(self.names), lines, within))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self.names.pop()
        if isinstance(original_node, cst.FunctionDef):
            self.around.pop()

    def _lines(self, node: cst.CSTNode) -> tuple[int, int]:
        place = self.positions.get(node)
        return (place.start.line, place.end.line) if place else self.found[-1].lines if self.found else (1, 1)


def _is_alias(value: cst.BaseExpression) -> bool:
    """A name for a type, which nothing asks for when it runs."""
    if isinstance(value, cst.BinaryOperation):
        return isinstance(value.operator, cst.BitOr)
    return isinstance(value, cst.Subscript)


def _is_idle(node: cst.CSTNode, other: cst.CSTNode) -> bool:
    """What tells nothing of the tests.

    None in an argument's place, nearly always a crash (that one is left out stays); a sum without its start, which is
    0 anyway; an empty mapping left out, the default; a zip without its ``strict``; and what the type checker refuses:
    an error without one of its facts, text where a type says None, and None where it says something else.
    """
    if isinstance(node, cst.AnnAssign):
        return isinstance(other, cst.AnnAssign) and (
            isinstance(other.value, cst.SimpleString) or (_is_none(other.value) and not _takes_none(node.annotation))
        )
    if not (isinstance(node, cst.Call) and isinstance(other, cst.Call)):
        return False
    left_out = [a for a in node.args if a not in other.args]
    is_sum = isinstance(node.func, cst.Name) and node.func.value == "sum"
    return len(node.args) == len(other.args) > 0 or is_sum or any(map(_is_as_without, left_out))


def _is_none(value: cst.BaseExpression | None) -> bool:
    return isinstance(value, cst.Name) and value.value == "None"


def _takes_none(annotation: cst.Annotation) -> bool:
    text = cst.Module([]).code_for_node(annotation.annotation)
    return any(word in text for word in ("None", "Any", "object"))


def _is_as_without(argument: cst.Arg) -> bool:
    is_empty = isinstance(argument.value, cst.Dict) and not argument.value.elements
    return is_empty or _is_strict(argument)


def _is_strict(argument: cst.Arg) -> bool:
    return argument.keyword is not None and argument.keyword.value == "strict"


class Source:
    """A module of which mutants are made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        wrapper = MetadataWrapper(cst.parse_module((ROOT / path).read_text(encoding="utf-8")), unsafe_skip_copy=True)
        self.module = wrapper.module
        self.positions = wrapper.resolve(PositionProvider)
        self.head = "".join(self.module.code_for_node(line) for line in self.module.header)
        self.texts = [self.module.code_for_node(s) for s in self.module.body]
        self.tail = "".join(self.module.code_for_node(line) for line in self.module.footer)

    def spots(self) -> Iterator[Spot]:
        """Every place where a mutant can be made, in order."""
        for number, statement in enumerate(self.module.body):
            visitor = _Spots(self.path.stem, self.positions, number)
            statement.visit(visitor)
            yield from visitor.found

    def mutant(self, spot: Spot) -> Mutant | None:
        """The mutant of a spot; None where it changes no text."""
        old = self.texts[spot.number]
        new = self.module.code_for_node(self.module.body[spot.number].deep_replace(spot.node, spot.other))  # type: ignore[arg-type]
        was, now = _changed(old.splitlines(), new.splitlines())
        if was == now:
            return None
        parts = [*self.texts[: spot.number], new, *self.texts[spot.number + 1 :]]
        source = self.head + "".join(parts) + self.tail
        return Mutant(self.path, spot.where, was, now, spot.lines, spot.within, source)


def _changed(old: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    """The lines that differ, as one line each; with the line before where the same line stands elsewhere too."""
    same = list(zip(old, new, strict=False))
    first = next((n for n, (a, b) in enumerate(same) if a != b), len(same))
    last = next((n for n, (a, b) in enumerate(zip(old[::-1], new[::-1], strict=False)) if a != b), 0)
    last = min(last, len(old) - first, len(new) - first)
    was = old[first : len(old) - last]
    if was and sum(line.strip() == was[0].strip() for line in old) > 1 and first:
        first -= 1
    return _joined(old[first : len(old) - last]), _joined(new[first : len(new) - last])


def _joined(lines: Sequence[str]) -> str:
    return " ".join(" ".join(lines).split())
