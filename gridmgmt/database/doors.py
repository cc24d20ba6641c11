"""What a use case asks of who calls it (权限检查): its verb, whether everywhere, and whether over every row."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from gridmgmt.database.work import Work
from gridmgmt.errors import OutsideScope

P = ParamSpec("P")
R = TypeVar("R")


def needs(
    verb: str, *, whole: bool = False, by_worker: bool = False
) -> Callable[[Callable[Concatenate[Work, P], R]], Callable[Concatenate[Work, P], R]]:
    """A use case that a verb opens.

    Parameters
    ----------
    whole
        Only whoever has the verb for the whole city: what is done holds for all of it, or would be wrong on a part.
    by_worker
        It is done past the row policies: in bulk, or over rows that are not the viewer's, who is told his part alone.

    Raises
    ------
    AccessDenied, OutsideScope
        By what is made of the function.
    """

    def opened(function: Callable[Concatenate[Work, P], R]) -> Callable[Concatenate[Work, P], R]:
        @wraps(function)
        def asked(work: Work, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with work.refusals_told():
                scope = work.allowed(verb)
                if whole and not scope.everywhere:
                    raise OutsideScope(verb=verb, about="city")
                return function(work.over_everything() if by_worker else work, *args, **kwargs)

        asked.__dict__["door"] = verb
        return asked

    return opened
