"""A rulebook as typed data. Unknown and duplicate keys are errors; numbers are exact fractions."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from gridmgmt.indicators import RATIOS


def _exact(value: Any) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal | Fraction):
        raise ValueError("a number was expected")
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError) as e:
        raise ValueError(f"{value!r} is not a number") from e


Exact = Annotated[Fraction, BeforeValidator(_exact), PlainSerializer(str)]
"""A number written as 0.1, 5 or 1/3 and kept exactly so."""

Words = dict[Literal["zh", "en"], str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Validity(_Strict):
    """Days on which the rulebook is in force, half-open."""

    first: dt.date = Field(alias="from")
    last: dt.date | None = Field(default=None, alias="to")


class Population(_Strict):
    """Who is assessed: grids of some levels (``all``, or level keys)."""

    kind: Literal["grid"]
    levels: Literal["all"] | tuple[str, ...] = "all"


class Empty(_Strict):
    """What an item without data does to the total (空分母的处理), and why."""

    option: Literal["leave_out", "full", "incomplete"]
    reason: Words


class _Item(_Strict):
    id: str
    title: Words
    points: Exact
    indicator: str
    source: str

    @model_validator(mode="after")
    def _known(self) -> "_Item":
        if self.indicator not in RATIOS:
            raise ValueError(f"indicator {self.indicator}: no such indicator; known are {', '.join(RATIOS)}")
        if self.points <= 0:
            raise ValueError("points must be above 0")
        return self


class Proportional(_Item):
    """Points in proportion to a rate (0–1) or a mean score (0–100)."""

    kind: Literal["proportional"]


class Steps(_Item):
    """Points lost by steps beyond a threshold (每上升/下降 n 个百分点扣分).

    ``threshold`` and ``step`` are in percent and percentage points. Beyond
    ``zero_beyond`` the item is 0; exactly at it the steps still count.
    """

    kind: Literal["steps"]
    threshold: Exact
    direction: Literal["above", "below"]
    step: Exact
    points_per_step: Exact
    step_mode: Literal["floor", "ceil", "proportional"] = "floor"
    zero_beyond: Exact | None = None

    @model_validator(mode="after")
    def _step(self) -> "Steps":
        if self.step <= 0:
            raise ValueError("step must be above 0")
        return self


Item = Annotated[Proportional | Steps, Field(discriminator="kind")]


class Grade(_Strict):
    """A grade (等次) for totals at or above a bound."""

    id: str
    at_least: Exact
    title: Words


class Ranking(_Strict):
    """How equal totals rank: ``shared`` is 1, 1, 3."""

    ties: Literal["shared"] = "shared"


class Rulebook(_Strict):
    """One rulebook: who is assessed, by which items, and what the totals mean."""

    id: str
    version: int
    title: Words
    issuer: Words
    source: str
    valid: Validity
    population: Population
    scale: Exact
    empty: Empty
    items: tuple[Item, ...]
    grades: tuple[Grade, ...] = ()
    ranking: Ranking = Ranking()

    @model_validator(mode="after")
    def _whole(self) -> "Rulebook":
        ids = [i.id for i in self.items]
        if len(set(ids)) != len(ids):
            raise ValueError("items: an id stands twice")
        if sum(i.points for i in self.items) != self.scale:
            raise ValueError(f"items: points sum to {float(sum(i.points for i in self.items))}, not to the scale")
        bounds = [g.at_least for g in self.grades]
        if bounds != sorted(set(bounds), reverse=True):
            raise ValueError("grades: bounds must fall from the first to the last")
        return self

    def item(self, item_id: str) -> "Proportional | Steps | None":
        """The item of that id, if any."""
        return next((i for i in self.items if i.id == item_id), None)
