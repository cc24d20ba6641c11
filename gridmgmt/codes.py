"""Grid codes (网格编码) and category codes (类别代码): how they are written, nested and matched."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from gridmgmt.city import Level
from gridmgmt.errors import CodeInvalid

CATEGORY_KINDS = ("component", "event", "matter")
"""部件, 事件 (GB/T 30428.2) and 事项 (GB/T 47678.5)."""


@dataclass(frozen=True)
class CodeLayout:
    """How long the code of each level is, where a child's code continues its parent's (层级编码).

    A code may be filled up with zeros behind its level's length, as official
    tables write divisions (``310100`` for the city ``3101``). Levels without
    a length are free: their hierarchy is in ``parent_code`` alone.
    """

    lengths: dict[int, int | None]

    @classmethod
    def of(cls, levels: Iterable[Level]) -> Self:
        """The layout that a city's levels declare."""
        return cls({level.number: level.code_length for level in levels})

    def prefix_problem(self, code: str, parent_code: str | None, level: int) -> tuple[str, dict[str, Any]] | None:
        """What is wrong with a grid's code, as reason code and facts; None if nothing is.

        Parameters
        ----------
        parent_code
            Code of the grid one level above; None or empty at the city level.
        """
        length = self.lengths[level]
        if length and (len(code) < length or code[length:].strip("0")):
            return "code_wrong_length", {"code": code, "level": level, "length": length}
        stem = (parent_code or "")[: self.lengths.get(level - 1)]
        if not code.startswith(stem):
            return "code_not_under_parent", {"code": code, "parent_code": parent_code, "level": level}
        return None


@dataclass(frozen=True, order=True)
class CategoryKey:
    """A category within a scheme, written ``component:01001``; a component and its matter may share the number."""

    kind: str
    code: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``kind:code``; the code is any text without ``*``, so that a city's own classes fit.

        Raises
        ------
        CodeInvalid
            An unknown kind, no code, or a ``*`` (a pattern, not a key).
        """
        kind, _, code = (part.strip() for part in text.partition(":"))
        if kind not in CATEGORY_KINDS or not code or "*" in code:
            raise CodeInvalid(value=text, expected=f"{'|'.join(CATEGORY_KINDS)}:01001")
        return cls(kind, code)

    def __str__(self) -> str:
        return f"{self.kind}:{self.code}"


@dataclass(frozen=True)
class CategoryPattern:
    """Categories meant together: ``component:01001``, ``component:01*``, ``component:*`` or ``*``.

    Attributes
    ----------
    kind
        None for every kind.
    stem
        What the code is, or begins with if ``open_ended``.
    """

    kind: str | None
    stem: str
    open_ended: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern; ``*`` stands only at the end.

        Raises
        ------
        CodeInvalid
            None of the four forms.
        """
        trimmed = text.strip()
        if trimmed == "*":
            return cls(None, "", open_ended=True)
        kind, _, code = trimmed.partition(":")
        stem = code.removesuffix("*")
        if kind not in CATEGORY_KINDS or not code or "*" in stem:
            raise CodeInvalid(value=text, expected=f"{'|'.join(CATEGORY_KINDS)}:01001 | :01* | :* | *")
        return cls(kind, stem, open_ended=code != stem)

    def matches(self, key: CategoryKey) -> bool:
        """Whether the category is one of those meant."""
        if self.kind is None:
            return True
        return key.kind == self.kind and (key.code.startswith(self.stem) if self.open_ended else key.code == self.stem)

    def specificity(self) -> int:
        """Order of precedence among patterns that match the same category: the larger number decides."""
        return 0 if self.kind is None else 1 + len(self.stem) + (not self.open_ended)

    def __str__(self) -> str:
        return "*" if self.kind is None else f"{self.kind}:{self.stem}{'*' if self.open_ended else ''}"
