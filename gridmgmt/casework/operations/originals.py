"""The case that a duplicate repeats (所重复案件): here, or in the same file; and no chain of them goes round."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from gridmgmt.errors import CaseMissing, StepRefused


class Asked(Protocol):
    """What is asked of a case: a kind of step, and its facts as they were handed in."""

    @property
    def kind(self) -> str:
        """Kind of the step."""

    @property
    def case_no(self) -> str | None:
        """The case; None: a new one that has no number yet."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Facts, as they were handed in."""


def order(requests: Sequence[Asked]) -> list[int]:
    """Places of requests in the order in which they are taken: a case is reported before another one repeats it.

    All else stays in its order. Of a chain that goes round nobody is first: :func:`check` refuses all of it.
    """
    reports: dict[str, int] = {}
    for place, request in enumerate(requests):
        if request.kind == "report" and request.case_no is not None:
            reports.setdefault(request.case_no, place)
    out: dict[int, None] = {}
    for place in range(len(requests)):
        ahead = [place]
        while (original := reports.get(_named(requests[ahead[-1]]) or "")) is not None and original not in ahead:
            ahead.append(original)
        out |= dict.fromkeys(reversed(ahead))
    return list(out)


def named_by(requests: Sequence[Asked]) -> dict[str, str]:
    """Case to be reported → the case that it repeats, as far as reports name one."""
    found = {str(r.case_no): _named(r) for r in requests if r.kind == "report"}
    return {no: original for no, original in found.items() if original}


def is_any_named(requests: Sequence[Asked]) -> bool:
    """Whether one of them says which case is repeated."""
    return any(_named(request) for request in requests)


def _named(request: Asked) -> str | None:
    return str(request.facts.get("repeat_of") or "").strip() or None


def check(case_no: str, step: str, original: str, *, is_here: bool, next_of: Callable[[str], str | None]) -> None:
    """A case repeats one that is here, and no chain of originals leads back to itself.

    Raises
    ------
    StepRefused, CaseMissing
    """
    seen, at = {original}, next_of(original)
    while at is not None and at not in seen:
        if at == case_no:
            raise StepRefused(case_no=case_no, step=step, why="repeats_round", at="", last="")
        seen.add(at)
        at = next_of(at)
    if not is_here:
        raise CaseMissing(case_no=original)
