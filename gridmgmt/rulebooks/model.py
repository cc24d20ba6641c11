"""A rulebook as typed data. Unknown and duplicate keys are errors; numbers are exact fractions."""

import datetime as dt
import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
)

from gridmgmt.indicators import RATIOS

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+|[0-9]+/0*[1-9][0-9]*)")


def _exact(value: Any) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | str | Fraction):
        raise ValueError("a number was expected")  # a float too: it would not be what the file says
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        raise ValueError(f"{value!r} is not a number such as 5, 0.1 or 1/3")
    return Fraction(value)


Exact = Annotated[Fraction, BeforeValidator(_exact), PlainSerializer(str)]
"""A number written as 0.1, 5 or 1/3 and kept exactly so."""


def _both(value: dict[str, str]) -> dict[str, str]:
    if set(value) != {"zh", "en"} or not all(v.strip() for v in value.values()):
        raise ValueError("needs zh and en")
    return value


Words = Annotated[dict[Literal["zh", "en"], str], AfterValidator(_both)]
"""A text in both languages."""

Day = Annotated[dt.date, Field(strict=True)]
"""A date as YAML writes it; a bare number is none."""


def above_zero(value: Fraction) -> Fraction:
    """Refuse 0 and less."""
    if value <= 0:
        raise ValueError("must be above 0")
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Validity(_Strict):
    """Days on which the rulebook is in force, half-open."""

    first: Day = Field(alias="from")
    last: Day | None = Field(default=None, alias="to")

    @field_validator("last")
    @classmethod
    def _after(cls, last: dt.date | None, info: ValidationInfo) -> dt.date | None:
        if last is not None and "first" in info.data and last <= info.data["first"]:
            raise ValueError("must be later than from: it is the first day on which the rulebook no longer holds")
        return last


class Population(_Strict):
    """Who is assessed: grids of some levels (``all``, or level keys)."""

    kind: Literal["grid"]
    levels: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"


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

    @field_validator("points")
    @classmethod
    def _positive(cls, value: Fraction) -> Fraction:
        return above_zero(value)

    @field_validator("indicator")
    @classmethod
    def _known(cls, name: str) -> str:
        scorable = [r.name for r in RATIOS.values() if r.unit != "per_km2"]  # a measured area is never decided on
        if name not in scorable:
            raise ValueError(f"no indicator {name} that can be scored; known are {', '.join(scorable)}")
        return name


class Proportional(_Item):
    """Points in proportion to a rate (0–1) or a mean score (0–100) of which more is better."""

    kind: Literal["proportional"]

    @field_validator("indicator")
    @classmethod
    def _rewarded(cls, name: str) -> str:
        if RATIOS[name].better == "low":
            raise ValueError(f"of {name} less is better: points in proportion to it would reward the worse; use steps")
        return name


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

    @field_validator("step", "points_per_step")
    @classmethod
    def _forward(cls, value: Fraction) -> Fraction:
        return above_zero(value)

    @field_validator("direction")
    @classmethod
    def _worse(cls, direction: str, info: ValidationInfo) -> str:
        rule = RATIOS.get(info.data.get("indicator", ""))
        if rule is not None and rule.better == ("high" if direction == "above" else "low"):
            raise ValueError(f"of {rule.name} {rule.better} is better: {direction} would punish the better")
        return direction

    @field_validator("zero_beyond")
    @classmethod
    def _farther(cls, limit: Fraction | None, info: ValidationInfo) -> Fraction | None:
        if limit is not None and {"threshold", "direction"} <= set(info.data):
            threshold, above = info.data["threshold"], info.data["direction"] == "above"
            if (limit < threshold) if above else (limit > threshold):
                raise ValueError(f"must not lie on the good side of the threshold {threshold}")
        return limit


Item = Annotated[Proportional | Steps, Field(discriminator="kind")]


class Grade(_Strict):
    """A grade (等次) for totals at or above a bound."""

    id: str
    at_least: Exact
    title: Words


def _distinct(ids: list[str]) -> None:
    for place, name in enumerate(ids):
        if name in ids[:place]:
            raise ValueError(f"the id {name} stands twice")


class Ranking(_Strict):
    """How equal totals rank: ``shared`` is 1, 1, 3."""

    ties: Literal["shared"] = "shared"


class Rulebook(_Strict):
    """One rulebook: who is assessed, by which items, and what the totals mean."""

    id: str
    version: Annotated[int, Field(strict=True, ge=1)]
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

    @field_validator("scale")
    @classmethod
    def _positive(cls, value: Fraction) -> Fraction:
        return above_zero(value)

    @field_validator("items")
    @classmethod
    def _whole(cls, items: "tuple[Proportional | Steps, ...]", info: ValidationInfo) -> Any:
        _distinct([i.id for i in items])
        total = sum((i.points for i in items), Fraction(0))
        if "scale" in info.data and total != info.data["scale"]:
            raise ValueError(f"points sum to {total}, not to the scale of {info.data['scale']}")
        return items

    @field_validator("grades")
    @classmethod
    def _falling(cls, grades: tuple[Grade, ...]) -> tuple[Grade, ...]:
        _distinct([g.id for g in grades])
        bounds = [g.at_least for g in grades]
        if bounds != sorted(set(bounds), reverse=True):
            raise ValueError("at_least must fall from the first to the last")
        return grades

    def item(self, item_id: str) -> "Proportional | Steps | None":
        """The item of that id, if any."""
        return next((i for i in self.items if i.id == item_id), None)
