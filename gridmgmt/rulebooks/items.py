"""What every item (考核项) and rule (评分规则) is: a part of a rulebook that reads inputs and gives a result.

Each kind is one module of :mod:`gridmgmt.rulebooks.kinds`: its data, its exact
result, the same over resampled draws, its words, what it reads. A city's paper
rules are put together from these; what cannot be, is not computed but entered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, get_args

import numpy as np
from pydantic import ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from gridmgmt.documents import Id, Positive, Strict, Words
from gridmgmt.files import wording
from gridmgmt.invalid import Why, why
from gridmgmt.numbers import exact, summed
from gridmgmt.rulebooks.rescoring import Batch, Drawn, as_scored
from gridmgmt.rulebooks.results import NOTHING, Book, Context, Node, Reason, named_parts, titles
from gridmgmt.rulebooks.wording import TESTS, concat, input_title, terms_words


class Only(Strict):
    """Whom an item or rule concerns (适用对象), all of it together.

    Attributes
    ----------
    roles, attributes
        Subjects of one of these roles; subjects that have all these attributes.
    without
        Subjects that have none of these attributes.
    """

    roles: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def concerns(self, context: Context) -> bool:
        """Whether the subject is one of them (适用)."""
        has = set(context.attributes)
        is_of_role = not self.roles or context.role in self.roles
        return is_of_role and has.issuperset(self.attributes) and has.isdisjoint(self.without)

    def words(self) -> Iterator[wording.Words]:
        """Whom it concerns, in words."""
        for key, names in (("roles", self.roles), ("attributes", self.attributes), ("without", self.without)):
            if names:
                yield wording.words(f"show_only_{key}", names=", ".join(names))


@dataclass(frozen=True)
class Reads:
    """Marks a key that names an input, or a sum of inputs with coefficients, of one of these types; none: of any."""

    types: tuple[str, ...] = ()


class Part(Strict):
    """What every item and rule has: an id, a title, its number on paper, its source, and whom it concerns.

    As the type of a field it stands for all its kinds, told apart by ``kind``.
    A kind has ``_result``, ``_words``, and of the other methods that begin with
    an underscore those that it needs. The key ``rate`` names a rate.
    """

    model_config = ConfigDict(defer_build=True)  # until all kinds are known

    is_of_inputs: ClassVar[bool] = False
    """Its result rests on the values of its inputs and on its parts alone: on no role, sample, period or superior."""

    id: Id
    title: Words
    code: str | None = None
    """How the paper numbers it, e.g. ``3.1``."""
    source: str | None = None
    only: Only | None = None
    """Of others the item does not apply, and the rule costs and earns nothing."""
    if TYPE_CHECKING:
        kind: str

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A kind as it is; a base as any of its kinds."""
        if "kind" in cls.model_fields:
            return handler(source)
        return handler.generate_schema(Annotated[reduce(or_, cls.kinds().values()), Field(discriminator="kind")])

    @classmethod
    def kinds(cls) -> dict[str, type[Self]]:
        """Every kind of it, by name."""
        found: dict[str, type[Self]] = {}
        for below in cls.__subclasses__():
            kind = below.model_fields.get("kind")
            found |= {get_args(kind.annotation)[0]: below} if kind is not None else below.kinds()
        return dict(sorted(found.items()))

    # --- what it is made of -------------------------------------------------------------------------------------------

    def below(self) -> "Iterator[tuple[tuple[str | int, ...], Part]]":
        """The items and rules directly below it, each with its place in the file."""
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, Part):
                yield (key,), value
            for place, part in enumerate(value) if isinstance(value, tuple) else ():
                if isinstance(part, Part):
                    yield (key, place), part

    def walk(self, path: tuple[Any, ...] = ()) -> "Iterator[tuple[tuple[Any, ...], Part]]":
        """Itself and everything below it with its path, parents first."""
        yield path, self
        for place, part in self.below():
            yield from part.walk((*path, *place))

    @classmethod
    def reads(cls) -> dict[str, tuple[str, ...]]:
        """Keys that name inputs, with the types that they may have."""
        fields = cls.model_fields.items()
        return {key: mark.types for key, field in fields for mark in field.metadata if isinstance(mark, Reads)}

    def named_inputs(self) -> Iterator[tuple[str, str]]:
        """(key, input), as its own keys name them."""
        for key in self.reads():
            value = getattr(self, key)
            for name in value if isinstance(value, Mapping) else (value,):
                if isinstance(name, str):
                    yield key, name

    @property
    def named_rate(self) -> str | None:
        """The rate that it reads, if any."""
        return getattr(self, "rate", None)

    def inputs(self, book: Book) -> tuple[str, ...]:
        """The inputs that it reads itself, by name or through a rate."""
        rate = book.rates.get(self.named_rate or "")
        return (*(name for _, name in self.named_inputs()), *(rate.inputs if rate is not None else ()))

    def faults(self, _book: Book) -> Iterator[tuple[tuple[str | int, ...], Why]]:
        """What is wrong with it in its rulebook, beside names that lead nowhere: place below it, and why."""
        for place, part in self.below():
            if isinstance(part, Item) and part.weight is not None:
                yield (*place, "weight"), why("weight_misplaced")

    # --- its exact result ---------------------------------------------------------------------------------------------

    @property
    def maximum(self) -> Fraction | None:
        """The most it can score, where that is fixed."""
        return None

    def evaluate(self, context: Context) -> Node:
        """Its result for a subject, with those of all below it."""
        concerned = self.only is None or self.only.concerns(context)
        return self._result(context) if concerned else self._not_applicable()

    def _result(self, context: Context) -> Node:
        """Its result for a subject whom it concerns."""
        raise NotImplementedError

    def _not_applicable(self) -> Node:
        return self.node(NOTHING, "line_not_applicable")

    def node(self, value: Fraction | None, code: str, facts: Mapping[str, Any] | None = None, **more: Any) -> Node:
        """Its result; status is ok and the maximum is its own unless given."""
        more = {"status": "ok", "maximum": self.maximum, **more}
        return Node(self.id, self.kind, self.title, value, reason=Reason(code, facts or {}), code=self.code, **more)

    def missing(self, context: Context, *names: str, lacking: tuple[str, ...] | None = None) -> Node:
        """Its result where its inputs are not all there: it has no value, and names those that are not."""
        lacking = context.missing(*names) if lacking is None else lacking
        facts = {"inputs": titles(context.book, lacking)}
        return self.node(None, "line_missing", facts, status="missing", inputs=names, missing=lacking)

    def open(self, children: Sequence[Node], **more: Any) -> Node:
        """Its result where its parts are not all known: it has no value, and says what is lacking."""
        lacking = tuple(dict.fromkeys(m for c in children for m in c.missing))
        facts = {"n": str(len(lacking)), "parts": named_parts([c for c in children if c.status == "missing"])}
        more = {"missing": lacking, "children": tuple(children), **more}
        return self.node(None, "line_open", facts, status="missing", **more)

    # --- the same over resampled draws --------------------------------------------------------------------------------

    def redraw(self, nodes: Sequence[Node], batch: Batch) -> Drawn:
        """Its result in every draw; ``nodes`` are its exact ones, one a subject. Whom it does not concern keeps his."""
        without = [self.only is not None and n.reason.code == "line_not_applicable" and not n.children for n in nodes]
        held = [k for k, is_without in enumerate(without) if not is_without]
        if not held:
            return as_scored(nodes)
        if len(held) < len(nodes):
            return self._redraw([nodes[k] for k in held], batch.rows(held)).among(held, as_scored(nodes))
        return self._redraw(nodes, batch)

    def _redraw(self, nodes: Sequence[Node], batch: Batch) -> Drawn:
        """The same of subjects whom it concerns."""
        if self._is_rejoined:
            parts = [p.redraw([n.children[k] for n in nodes], batch) for k, (_, p) in enumerate(self.below())]
            return self._rejoined(parts, nodes[0].children)
        fixed = as_scored(nodes)
        again = np.zeros((len(nodes), 1), dtype=bool)
        for name in self.inputs(batch.book):
            again |= batch.resampled.get(name, False)
        if not again.any():
            return fixed
        return self._rescored(batch).where(again, fixed)

    def _rescored(self, batch: Batch) -> Drawn:
        """Its result in every draw, from the inputs."""
        raise NotImplementedError

    def _rejoined(self, parts: Sequence[Drawn], nodes: Sequence[Node]) -> Drawn:
        """Its result in every draw, from those of its parts; ``nodes`` are the parts' exact ones."""
        raise NotImplementedError

    @property
    def _is_rejoined(self) -> bool:
        return type(self)._rejoined is not Part._rejoined

    def unsupported(self, book: Book, names: frozenset[str]) -> "Part | None":
        """The first item or rule that depends on these inputs and is not drawn again; None where all are."""
        for _, part in self.walk():
            is_drawn = part._is_rejoined or type(part)._rescored is not Part._rescored
            if not is_drawn and part.depends(book, names):
                return part
        return None

    def depends(self, book: Book, names: frozenset[str]) -> bool:
        """Whether it, or anything below it, reads one of these inputs."""
        return not names.isdisjoint(self.inputs(book)) or any(p.depends(book, names) for _, p in self.below())

    # --- its words ----------------------------------------------------------------------------------------------------

    def words(self, book: Book) -> wording.Words:
        """How it comes to its points, and whom it concerns."""
        return concat(self._words(book), *(self.only.words() if self.only is not None else ()))

    def _words(self, book: Book) -> wording.Words:
        """How it comes to its points: the catalogue's ``show_`` and its kind."""
        return self.told(book)

    def told(self, book: Book, code: str | None = None, **more: Any) -> wording.Words:
        """An entry of the catalogue with its own keys as facts: inputs and rates by title, numbers exact."""
        keys = [key for key in type(self).model_fields if key not in Item.model_fields]
        facts = {key: self._fact(book, key, getattr(self, key)) for key in keys}
        return wording.words(code or f"show_{self.kind}", **facts | more)

    def _fact(self, book: Book, key: str, value: Any) -> Any:
        if isinstance(value, Fraction):
            return exact(value)
        if key in self.reads() and value is not None:
            return terms_words(book, value) if isinstance(value, Mapping) else input_title(book, value)
        if key == "rate" and value is not None:
            return book.rates[value].title
        if key == "test":
            return TESTS[value]
        return value if isinstance(value, str | int) else None

    def lines(self) -> Iterator[tuple[wording.Words, str | None]]:
        """Further lines in words below its own, each with its source."""
        yield from ()


class Item(Part):
    """A part that has a value (考核项).

    Attributes
    ----------
    is_total
        It joins items, and these are the lines of a scorecard.
    is_of_scale
        Its maximum is part of the rulebook's scale, where that is a sum.
    """

    is_total: ClassVar[bool] = False
    is_of_scale: ClassVar[bool] = True

    weight: Positive | None = None
    """Only below an item of kind ``weighted``."""
    note: Words | None = None

    @property
    def maximum(self) -> Fraction | None:
        """The most it can score, where that is fixed."""
        points: Fraction | None = getattr(self, "points", None)
        return points

    def _not_applicable(self) -> Node:
        return self.node(None, "line_not_applicable", status="not_applicable")


class Rule(Part):
    """A part inside an item that costs or earns points (评分规则).

    Its value is a number of points from 0; whether they are taken away or added is the item's business.
    """


Items = Annotated[tuple[Item, ...], Field(min_length=1)]
Rules = Annotated[tuple[Rule, ...], Field(min_length=1)]


class Total(Item):
    """An item out of items: while one of them is open it is too."""

    is_total = True

    if TYPE_CHECKING:
        items: Items

    def _result(self, context: Context) -> Node:
        children = tuple(context.alike.node(i, context) for i in self.items)
        if any(c.status == "missing" for c in children):
            return self.open(children)
        return replace(self._join(children), formed=self._formed(children))

    def _formed(self, children: tuple[Node, ...]) -> Fraction:
        """The share of its points that have data (有数据的分值占比); what does not apply is no part of it."""
        held = [(self._counts_for(c), c) for c in children if c.status != "not_applicable"]
        whole = summed(points for points, _ in held)
        formed = summed(points if c.formed == 1 else points * c.formed for points, c in held if c.status == "ok")
        return formed / whole if whole else Fraction(bool(not held or any(c.status == "ok" for _, c in held)))

    def _counts_for(self, child: Node) -> Fraction:
        """What an item counts for beside the others: its points."""
        return child.maximum or NOTHING

    def _join(self, children: tuple[Node, ...]) -> Node:
        """Its result where those of its items are known."""
        raise NotImplementedError


class Judged(Item):
    """An item out of rules: it is open while one of them is, and without data where all are, unless one zeroes it."""

    if TYPE_CHECKING:
        rules: Rules

    def _result(self, context: Context) -> Node:
        rules = tuple(r.evaluate(context) for r in self.rules)
        if not any(r.zeroes for r in rules):
            if any(r.status == "missing" for r in rules):
                return self.open(rules)
            if all(r.status == "no_data" for r in rules):
                reason = rules[0].reason
                more = {"rate": rules[0].rate, "inputs": rules[0].inputs, "children": rules}
                return self.node(None, reason.code, reason.facts, status="no_data", **more)
        return self._judge(rules)

    def _judge(self, rules: tuple[Node, ...]) -> Node:
        """Its result where those of its rules say one."""
        raise NotImplementedError
