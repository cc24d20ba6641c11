"""CQL2 text → the tree of CQL2 JSON, by precedence: OR, AND, NOT, then one comparison; each part with its place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gridmgmt import bounds
from gridmgmt.errors import FilterInvalid

_MANY = 10_000
_SPATIAL = ("intersects", "equals", "disjoint", "touches", "within", "overlaps", "crosses", "contains")
_TEMPORAL = (
    "after", "before", "contains", "disjoint", "during", "equals", "finishedBy", "finishes", "intersects", "meets",
    "metBy", "overlappedBy", "overlaps", "startedBy", "starts",
)  # fmt: skip

ARITY: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("and", "or"), (2, _MANY)),
    **dict.fromkeys(("not", "isNull", "casei"), (1, 1)),
    **dict.fromkeys(("=", "<>", "<", "<=", ">", ">=", "like"), (2, 2)),
    "between": (3, 3),
    "in": (2, _MANY),
    **{f"s_{name}": (2, 2) for name in _SPATIAL},
    **{f"t_{name}": (2, 2) for name in _TEMPORAL},
}
"""Operation → how many arguments it has, at least and at most."""


@dataclass(frozen=True)
class Raw:
    """A part of CQL2 JSON and its place: a path, or of a text the number of a character."""

    value: Any
    at: str

    def part(self, key: str, default: Any) -> "Raw":
        """What stands under a key."""
        found = self.value.get(key, default)
        return found if isinstance(found, Raw) else Raw(found, f"{self.at}.{key}")

    def item(self, n: int) -> "Raw":
        """What stands at a place of a list."""
        found = self.value[n]
        return found if isinstance(found, Raw) else Raw(found, f"{self.at}[{n}]")


def wrong(at: str, code: str, **facts: Any) -> FilterInvalid:
    """What is wrong with a filter, and where."""
    where: dict[str, Any] = {"code": "filter_place", "at": at} if at else {"code": "filter_place_whole"}
    if at.isdecimal():
        where = {"code": "filter_place_character", "n": int(at)}
    return FilterInvalid(where=where, reason={"code": f"filter_wrong_{code}", **facts})


def place(position: int) -> str:
    """A character of the text, counted from 1."""
    return str(position + 1)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_TOKENS = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<text>'(?:[^'\\]|''|\\.)*')
    |(?P<quoted>"(?:[^"]|"")+")
    |(?P<word>[^\W\d][\w.:]*)
    |(?P<sign><=|>=|<>|[=<>(),+-])""",
    re.X,
)
_WKT = ("POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION")
_RESERVED = {"AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL"}
_COMPARED = ("=", "<>", "<", "<=", ">", ">=")


def read(text: str) -> Raw:
    """The tree of a text.

    Raises
    ------
    FilterInvalid
    """
    reader = _Reader(text)
    found = reader.either(0)
    if reader.next.kind != "end":
        raise reader.unexpected()
    return found


class _Reader:
    """Reads from left to right, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text, self._n = text, 0
        self._tokens = [t for t in self._split() if t.kind != "space"]

    def _split(self) -> list[_Token]:
        out, at = [], 0
        while at < len(self._text):
            match = _TOKENS.match(self._text, at)
            if match is None:
                raise wrong(place(at), "character", found=self._text[at])
            out.append(_Token(str(match.lastgroup), match[0], at))
            at = match.end()
        return [*out, _Token("end", "", at)]

    @property
    def next(self) -> _Token:
        return self._tokens[self._n]

    def unexpected(self) -> FilterInvalid:
        """What stands here cannot."""
        return wrong(place(self.next.at), "unexpected" if self.next.text else "end", found=self.next.text)

    def _is(self, *words: str) -> bool:
        return self.next.kind in ("word", "sign") and self.next.text.upper() in words

    def _take(self, *words: str) -> bool:
        taken = self._is(*words)
        self._n += taken
        return taken

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self.unexpected()

    def either(self, depth: int) -> Raw:
        """What OR joins."""
        return self._joined("OR", depth)

    def _joined(self, word: str, depth: int) -> Raw:
        start = self.next.at
        parts = [self._part(word, depth)]
        while self._take(word):
            parts.append(self._part(word, depth))
        return parts[0] if len(parts) == 1 else _call(word.lower(), parts, start)

    def _part(self, word: str, depth: int) -> Raw:
        return self._joined("AND", depth) if word == "OR" else self._negated(depth)

    def _negated(self, depth: int) -> Raw:
        start = self.next.at
        if depth > bounds.most("filter_depth"):
            most = bounds.most("filter_depth")
            raise wrong(place(start), "too_deep", most=most, setting="GRIDMGMT_MAX_FILTER_DEPTH")
        return _call("not", [self._negated(depth + 1)], start) if self._take("NOT") else self._compared(depth)

    def _compared(self, depth: int) -> Raw:
        left, start = self._term(depth), self.next.at
        if self._is(*_COMPARED):
            op = self.next.text
            self._n += 1
            return _call(op, [left, self._term(depth)], start)
        if self._take("IS"):
            is_not = self._take("NOT")
            self._need("NULL")
            return self._maybe(is_not, _call("isNull", [left], start), start)
        is_not = self._take("NOT")
        if self._take("LIKE"):
            return self._maybe(is_not, _call("like", [left, self._term(depth)], start), start)
        if self._take("BETWEEN"):
            low = self._term(depth)
            self._need("AND")
            return self._maybe(is_not, _call("between", [left, low, self._term(depth)], start), start)
        if self._take("IN"):
            return self._maybe(is_not, _call("in", [left, *self._arguments(depth)], start), start)
        if is_not:
            raise self.unexpected()
        return left

    @staticmethod
    def _maybe(is_not: bool, call: Raw, start: int) -> Raw:
        return _call("not", [call], start) if is_not else call

    def _arguments(self, depth: int) -> list[Raw]:
        self._need("(")
        out = [self.either(depth + 1)]
        while self._take(","):
            out.append(self.either(depth + 1))
        self._need(")")
        return out

    def _term(self, depth: int) -> Raw:
        """A literal, a column, a call, or something in brackets."""
        token, at = self.next, place(self.next.at)
        if self._take("("):
            inner = self.either(depth + 1)
            self._need(")")
            return inner
        self._n += token.kind != "end"
        if token.kind == "sign" and token.text in "+-" and self.next.kind == "number":
            self._n += 1
            return Raw(_number(token.text + self._tokens[self._n - 1].text), at)
        if token.kind == "number":
            return Raw(_number(token.text), at)
        if token.kind == "text":
            return Raw(_unquoted(token.text), at)
        if token.kind == "quoted":
            return Raw({"property": token.text[1:-1].replace('""', '"')}, at)
        if token.kind == "word" and token.text.upper() not in _RESERVED:
            return self._named(token, at, depth)
        self._n -= token.kind != "end"
        raise self.unexpected()

    def _named(self, token: _Token, at: str, depth: int) -> Raw:
        """What begins with a word: a truth value, a shape, a time, a call, or a column."""
        word = token.text.upper()
        if word in ("TRUE", "FALSE"):
            return Raw(word == "TRUE", at)
        if word in _WKT:
            return Raw({"wkt": self._shape(token)}, at)
        if not self._is("("):
            return Raw({"property": token.text}, at)
        args = self._arguments(depth)
        plain = [arg.value for arg in args]
        if word in ("DATE", "TIMESTAMP") and len(args) == 1:
            return Raw({word.lower(): plain[0]}, at)
        if word in ("INTERVAL", "BBOX"):
            return Raw({word.lower(): plain}, at)
        return _call(token.text, args, token.at)

    def _shape(self, token: _Token) -> str:
        """The well-known text from its name to the bracket that closes it."""
        if self.next.text.upper() in ("Z", "M", "ZM"):
            self._n += 1
        depth = 0
        while self.next.kind != "end":
            depth += {"(": 1, ")": -1}.get(self.next.text, 0)
            self._n += 1
            if depth <= 0:
                break
        before = self._tokens[self._n - 1]
        return self._text[token.at : before.at + len(before.text)]


def _call(op: str, args: list[Raw], at: int) -> Raw:
    return Raw({"op": op, "args": Raw(args, place(at))}, place(at))


def _number(text: str) -> float:
    return float(text) if re.search("[.eE]", text) or len(text) > 18 else int(text)


def _unquoted(text: str) -> str:
    r"""A text without its quotes; ``''`` and ``\'`` are one."""
    return text[1:-1].replace("''", "'").replace("\\'", "'")
