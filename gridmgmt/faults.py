"""What is wrong in the rows of a file (行错误): one shape for every reader, kept as code + facts, worded when shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gridmgmt import texts


@dataclass(frozen=True)
class Fault:
    """One fault of one row.

    Attributes
    ----------
    row
        Its number as the file shows it; of a map layer the feature's, counted from 1.
    column
        Where in the row it is; empty: the row as a whole.
    value
        What stands there.
    code, facts
        What is wrong, as the catalogue words it; ``expected_…`` tells what should stand there.
    sheet
        Sheet, layer or part of the file, where it has several.
    """

    row: int
    column: str
    value: str | None
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    sheet: str | None = None

    @property
    def expected(self) -> dict[str, Any]:
        """Code and facts in one, as a fact of a message."""
        return {"code": self.code, **self.facts}

    @property
    def told(self) -> dict[str, Any]:
        """The facts with which the fault is worded."""
        return {"row": self.row, "column": self.column, "value": self.value, **self.facts}

    def worded(self, lang: str) -> str:
        """What is wrong, in one language."""
        return texts.word(self.code, self.told, lang)

    def as_dict(self, *names: str) -> dict[str, Any]:
        """Some of its attributes, JSON-ready."""
        return {name: getattr(self, name) for name in names}


class Faults(list[Fault]):
    """The faults of one file, in the order in which they are found."""

    def note(self, row: int, column: str, value: str | None, code: str, /, **facts: Any) -> None:
        """Add a fault."""
        self.append(Fault(row, column, value, code, facts))

    def by_row(self) -> dict[int, list[Fault]]:
        """Row → its faults, in the order of the rows."""
        out: dict[int, list[Fault]] = {row: [] for row in sorted({f.row for f in self})}
        for fault in self:
            out[fault.row].append(fault)
        return out
