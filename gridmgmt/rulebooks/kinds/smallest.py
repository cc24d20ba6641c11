"""Of several rules the one with least points (取较小者): nothing, unless all hold."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from gridmgmt.rulebooks.kinds.largest import Chosen, Several


class Smallest(Chosen):
    """Of several rules only the one with least points counts: nothing, unless all hold (两者都有才扣)."""

    kind: Literal["smallest"]
    rules: Several

    def _choose(self, values: Sequence[Fraction], zeroes: Sequence[bool]) -> tuple[Fraction, bool]:
        return min(values), all(zeroes)
