"""What if (试算比对): two sets of rules over the same periods – who moves, by which items, and what follows.

Nothing is saved, and nothing is rounded: totals and differences are exact
fractions. Subjects are matched by level and code, consequences by their id.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from gridmgmt.periods import Period
from gridmgmt.rulebooks.alike import Alike
from gridmgmt.rulebooks.consequences import Reached, consequences
from gridmgmt.rulebooks.dossier import EVERYBODY, Dossier, Subject
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.kinds import ITEMS, TOTALS
from gridmgmt.rulebooks.load import Loaded
from gridmgmt.rulebooks.model import Stage
from gridmgmt.rulebooks.results import Node, Outcome
from gridmgmt.rulebooks.run import Run, run

Who = tuple[str | None, str]
"""Level (None for what is no grid) and code of a subject: the same under any rulebook."""


@dataclass(frozen=True)
class Line:
    """One line of a total under both rules (分项变化): the same place in the tree, on one side perhaps absent.

    Attributes
    ----------
    path
        Ids from below the total down to it.
    is_rule
        A rule inside an item, or another detail of it: a cost is no score.
    """

    path: tuple[str, ...]
    title: Mapping[str, str]
    is_rule: bool
    before: Node | None
    after: Node | None

    @property
    def difference(self) -> Fraction | None:
        """After less before; None where one side has no value."""
        return _difference(_value(self.before), _value(self.after))

    @property
    def is_moved(self) -> bool:
        """Whether value, weight, maximum or status differ."""
        return _weighed(self.before) != _weighed(self.after)

    @property
    def is_felt(self) -> bool:
        """Whether a total can have moved by it: its value or its weight differ, not its maximum alone."""
        weights = [n.weight if n is not None else None for n in (self.before, self.after)]
        has_value = (_value(self.before), _value(self.after)) != (None, None)
        return _value(self.before) != _value(self.after) or (has_value and weights[0] != weights[1])


@dataclass(frozen=True)
class Move:
    """One subject in one period under both rules (得分变化).

    ``lines`` are those that moved, parents first.
    """

    period: Period
    subject: Subject
    code: str
    before: Outcome
    after: Outcome
    lines: tuple[Line, ...]

    @property
    def difference(self) -> Fraction | None:
        """Total after less total before; None where one side has no total."""
        return _difference(self.before.total, self.after.total)

    @property
    def is_moved(self) -> bool:
        """Whether total, rank or grade differ; a subject may be overtaken without a change of its own."""
        return _placed(self.before) != _placed(self.after)

    @property
    def is_regraded(self) -> bool:
        """Whether the grade differs."""
        return self.before.grade != self.after.grade

    @property
    def weight(self) -> tuple[bool, bool, Fraction, int]:
        """How much it moved, for putting the largest first: total come or gone, grade, difference, places."""
        places = (self.before.rank or 0) - (self.after.rank or 0)
        gone = (self.before.total is None) != (self.after.total is None)
        return gone, self.is_regraded, abs(self.difference or Fraction(0)), abs(places)

    @property
    def causes(self) -> tuple[Line, ...]:
        """The deepest items that moved: what the total moved by, rules inside them left to the details."""
        items = [line for line in self.lines if not line.is_rule and line.is_felt]
        above = {line.path[:n] for line in items for n in range(len(line.path))}
        return tuple(line for line in items if line.path not in above)


@dataclass(frozen=True)
class Effect:
    """A consequence under both rules (结果运用变化), where they differ.

    ``kind``: it appears, vanishes, or changes in money, prize, or whether a person decides.
    """

    kind: Literal["appears", "vanishes", "changes"]
    period: str
    subject: Subject
    code: str
    before: Reached | None
    after: Reached | None

    @property
    def consequence(self) -> str:
        """The consequence's id."""
        return (self.after or self.before).consequence  # type: ignore[union-attr]


@dataclass(frozen=True)
class ItemMove:
    """What one item moved by, over all subjects of a period (分项汇总).

    Attributes
    ----------
    n
        Subjects for which it moved; ``n_open`` of them have no value on one side.
    low, mean, high
        Its differences; None where all are open.
    """

    period: Period
    item: str
    title: Mapping[str, str]
    n: int
    n_open: int
    low: Fraction | None
    mean: Fraction | None
    high: Fraction | None

    @property
    def range(self) -> tuple[Fraction | None, Fraction | None, Fraction | None]:
        """Least, mean and most."""
        return self.low, self.mean, self.high


@dataclass(frozen=True)
class WhatIf:
    """Two sets of rules compared over the same periods.

    Attributes
    ----------
    periods
        Those computed under both; results that were only taken over are not compared.
    moves
        Every subject in every period, moved or not; by period, level, and rank after.
    effects
        Consequences that differ, by period.
    only_before, only_after
        Subjects that are assessed under one of the rules only: they are not compared.
    """

    before: Loaded
    after: Loaded
    periods: tuple[Period, ...]
    moves: tuple[Move, ...]
    effects: tuple[Effect, ...]
    only_before: tuple[Who, ...]
    only_after: tuple[Who, ...]

    @cached_property
    def movers(self) -> tuple[Move, ...]:
        """Those whose total, rank or grade moved."""
        return tuple(m for m in self.moves if m.is_moved)

    @cached_property
    def stages(self) -> Mapping[str, tuple[Stage, Stage]]:
        """Period → its stage before and after."""
        return {
            m.period.label: (
                self.before.rulebook.stage(m.before.stage),
                self.after.rulebook.stage(m.after.stage),
            )
            for m in self.moves
        }

    def items(self) -> list[ItemMove]:
        """What every item that moved a total moved by, by period and in the rulebook's order."""
        found: dict[tuple[Period, tuple[str, ...]], list[Line]] = {}
        for move in self.moves:
            for line in move.causes:
                found.setdefault((move.period, line.path), []).append(line)
        order = {p.label: n for n, p in enumerate(self.periods)}
        places = {part.id: n for book in (self.before, self.after) for n, (_, part) in enumerate(book.rulebook.parts())}
        ordered = sorted(found, key=lambda k: (order[k[0].label], places.get(k[1][-1], len(places)), k[1]))
        return [_joined(key[0], found[key]) for key in ordered]


def compare(
    before: Loaded, after: Loaded, dossier_before: Mapping[str, Any], dossier_after: Mapping[str, Any]
) -> WhatIf:
    """Compute both sides and put them beside each other (试算比对).

    Parameters
    ----------
    dossier_before, dossier_after
        Plain dossiers: what holds inputs is computed and compared, what holds
        results is taken as it is. For other rules of the same inputs they are one.

    Raises
    ------
    DossierInvalid
        A value that the rules do not allow.
    """
    alike = Alike()
    old = _side(before, dossier_before, alike)
    is_same = dossier_after is dossier_before and after.rulebook.inputs == before.rulebook.inputs
    new = _side(after, dossier_after, alike, old.dossier if is_same else None)
    labels = [p for p in old.made.periods if p.label in old.computed and p.label in new.computed]
    moves, lone_before, lone_after = [], dict[Who, None](), dict[Who, None]()
    for period in labels:
        mine, theirs = old.outcomes(period.label), new.outcomes(period.label)
        lone_before |= dict.fromkeys(w for w in mine if w not in theirs)
        lone_after |= dict.fromkeys(w for w in theirs if w not in mine)
        pairs = [(who, mine[who], theirs[who]) for who in mine if who in theirs]
        found = [_move(period, new.subjects[w], w, a, b) for w, a, b in pairs]
        moves += sorted(found, key=lambda m: (new.levels.index(m.subject.level), *_place(m)))
    compared = {(m.period.label, _who(m.subject)) for m in moves}
    effects = tuple(_effects(old, new, [p.label for p in labels], compared))
    return WhatIf(before, after, tuple(labels), tuple(moves), effects, tuple(lone_before), tuple(lone_after))


@dataclass(frozen=True)
class _Side:
    """One set of rules computed: its run, its ledger, its subjects, and which periods were computed from inputs."""

    made: Run
    dossier: Dossier
    ledger: Sequence[Reached]
    computed: frozenset[str]

    @cached_property
    def subjects(self) -> Mapping[Who, Subject]:
        """Subjects by level and code."""
        return {_who(s): s for s in self.dossier.subjects.values()}

    @cached_property
    def levels(self) -> Sequence[str | None]:
        """The subjects' levels in the dossier's order."""
        return list(dict.fromkeys(s.level for s in self.dossier.subjects.values()))

    def outcomes(self, label: str) -> dict[Who, Outcome]:
        """A period's outcomes by level and code."""
        return {_who(self.dossier.subjects[c]): o for c, o in self.made.outcomes[label].items()}


def _side(loaded: Loaded, plain: Mapping[str, Any], alike: Alike, known: Dossier | None = None) -> _Side:
    dossier = read_dossier(loaded.rulebook, plain, is_frozen=True, known=known)
    made = run(loaded.rulebook, dossier, alike=alike)
    computed = (
        label
        for label, records in dossier.periods.items()
        if any(r.given is None for code, r in records.items() if code != EVERYBODY) or set(records) == {EVERYBODY}
    )
    return _Side(made, dossier, consequences(made, dossier), frozenset(computed))


def _who(subject: Subject) -> Who:
    """Level and code; a dossier over several levels writes them as one, ``street/D1``."""
    return subject.level, subject.code.removeprefix(f"{subject.level}/")


def _place(move: Move) -> tuple[bool, int, str]:
    return move.after.rank is None, move.after.rank or 0, move.code


# --- totals and lines -------------------------------------------------------------------------------------------------


def _move(period: Period, subject: Subject, who: Who, before: Outcome, after: Outcome) -> Move:
    mine, theirs = _lines(before), _lines(after)
    lines = []
    for path in dict.fromkeys([*theirs, *mine]):
        node, is_rule = theirs.get(path) or mine[path]
        pair = [side[path][0] if path in side else None for side in (mine, theirs)]
        line = Line(path, node.title, is_rule, *pair)
        if line.is_moved:
            lines.append(line)
    return Move(period, subject, who[1], before, after, tuple(lines))


def _lines(outcome: Outcome) -> dict[tuple[str, ...], tuple[Node, bool]]:
    """All lines of a total by their path, parents first, each with whether it is a detail of an item.

    A total that joins nothing is its own line.
    """
    root = outcome.root
    if root is None:
        return {}
    parts = root.children if root.kind in TOTALS else (root,)
    return dict(x for part in parts for x in _walk((), part, False))


def _walk(path: tuple[str, ...], node: Node, in_rule: bool) -> Iterator[tuple[tuple[str, ...], tuple[Node, bool]]]:
    in_rule = in_rule or node.kind not in ITEMS
    yield (*path, node.id), (node, in_rule)
    for child in node.children:
        yield from _walk((*path, node.id), child, in_rule)


def _weighed(node: Node | None) -> tuple[Any, ...] | None:
    return (node.value, node.weight, node.maximum, node.status) if node is not None else None


def _placed(outcome: Outcome) -> tuple[Any, ...]:
    return outcome.total, outcome.rank, outcome.grade


def _value(node: Node | None) -> Fraction | None:
    return node.value if node is not None else None


def _difference(before: Fraction | None, after: Fraction | None) -> Fraction | None:
    return None if before is None or after is None else after - before


def _joined(period: Period, lines: Sequence[Line]) -> ItemMove:
    found = [x.difference for x in lines if x.difference is not None]
    low, high = (min(found), max(found)) if found else (None, None)
    mean = sum(found, Fraction(0)) / len(found) if found else None
    title = lines[0].title
    return ItemMove(period, lines[0].path[-1], title, len(lines), len(lines) - len(found), low, mean, high)


# --- consequences -----------------------------------------------------------------------------------------------------


def _effects(old: _Side, new: _Side, labels: Sequence[str], compared: set[tuple[str, Who]]) -> Iterator[Effect]:
    """Where the two ledgers differ, in the periods and for the subjects that are compared."""
    mine, theirs = _by_key(old, compared), _by_key(new, compared)
    order = {label: n for n, label in enumerate(labels)}
    place = {c.id: n for n, c in enumerate((*old.made.book.consequences, *new.made.book.consequences))}
    for key in sorted({*mine, *theirs}, key=lambda k: (order[k[0]], place[k[1]], k[2][0] or "", k[2][1])):
        before, after = mine.get(key), theirs.get(key)
        if _brought(before) == _brought(after):
            continue
        kind: Literal["appears", "vanishes", "changes"] = (
            "appears" if before is None else "vanishes" if after is None else "changes"
        )
        period, _, who = key
        yield Effect(kind, period, new.subjects[who], who[1], before, after)


def _by_key(side: _Side, compared: set[tuple[str, Who]]) -> dict[tuple[str, str, Who], Reached]:
    found = ((r, _who(side.dossier.subjects[r.subject])) for r in side.ledger)
    return {(r.period, r.consequence, who): r for r, who in found if (r.period, who) in compared}


def _brought(reached: Reached | None) -> tuple[Any, ...] | None:
    return (reached.money, reached.prize, reached.undecided) if reached is not None else None
