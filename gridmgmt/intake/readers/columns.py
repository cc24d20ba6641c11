"""What a profile says of columns (列的对应): where a field, a row's place, its class and its deadline come from."""

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, field_validator, model_validator

from gridmgmt.codes import CATEGORY_KINDS
from gridmgmt.deadlines import Limit
from gridmgmt.documents import Exact, Strict
from gridmgmt.errors import CrsUnknown
from gridmgmt.geo import WEB_SYSTEMS, parse_crs
from gridmgmt.invalid import Invalid

CASE_TIMES = (
    "reported_at", "accepted_at", "registered_at", "dispatched_at", "due_extended_at",
    "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip


Day = Literal["start", "end"]
"""What a day without a time means: its first instant, or its end (24:00), which is the first of the next."""


IfWrong = Literal["quarantine", "drop"]
"""What becomes of a row with a wrong value in a field that figures can do without."""


class FieldSpec(Strict):
    """Where a field's value comes from: one column, several joined by ``-`` (a key), or the ``first`` that has one.

    ``map`` turns the file's words into the platform's; a value it does not
    name is a problem of that row, unless ``default`` is given. ``null`` lists
    values that mean "none" in this column beside the profile's own. ``day``
    says of a column of days which end of the day is meant. ``invalid: drop``
    leaves a value that is wrong out, and the row in.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    format: str | None = None
    day: Day = "start"
    invalid: IfWrong = "quarantine"
    map: dict[str, Any] | None = None
    default: Any = None
    null: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _some_source(self) -> "FieldSpec":
        n_sources = (self.column is not None) + bool(self.columns) + bool(self.first)
        if n_sources == 0 and self.default is None:
            raise Invalid("no_source")
        if n_sources > 1:
            raise Invalid("two_sources")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the file that it reads."""
        return (self.column,) if self.column is not None else self.columns or self.first

    @property
    def label(self) -> str:
        """What messages call it."""
        return ", ".join(self.names)

    def require_words(self, known: tuple[str, ...]) -> None:
        """Refuse a map or default that gives another word than the platform's."""
        given = [*(self.map or {}).values(), self.default]
        wrong = [str(v) for v in given if v is not None and v not in known]
        if wrong:
            raise Invalid("no_word", wrong=wrong, known=[*known])


def _short_for(key: str) -> BeforeValidator:
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


Mapped = Annotated[FieldSpec, _short_for("column")]
"""A word alone is the column."""


_Fixed = Annotated[FieldSpec, _short_for("default")]
"""A word alone is the value of every row."""


class Location(Strict):
    """Where a row's point stands and in which coordinate system.

    ``system`` is ``epsg:NNNN``, ``gcj02`` or ``bd09``, or depends on a column.
    ``geometry: true`` takes the file's own point geometry instead of columns.
    ``null`` lists pairs that are no location, e.g. ``[0, 0]``.
    """

    lon: str | None = None
    lat: str | None = None
    geometry: bool = False
    system: _Fixed | None = None
    null: tuple[tuple[float, float], ...] = ()

    @field_validator("system")
    @classmethod
    def _usable(cls, spec: FieldSpec | None) -> FieldSpec | None:
        for name in [*(spec.map or {}).values(), spec.default] if spec else []:
            try:
                if name is not None and str(name).strip().lower() not in WEB_SYSTEMS:
                    parse_crs(str(name))
            except CrsUnknown as e:
                raise Invalid("no_system", name=str(name), known=[*WEB_SYSTEMS]) from e
        return spec

    @model_validator(mode="after")
    def _one_way(self) -> "Location":
        n_columns = (self.lon is not None) + (self.lat is not None)
        if n_columns != (0 if self.geometry else 2):
            raise Invalid("no_place")
        if not self.geometry and self.system is None:
            raise Invalid("which_system")
        return self


class Category(Strict):
    """Which columns name a case's category, written ``kind:code`` in the platform.

    ``unknown: add`` takes a class that the city's table does not hold into it;
    ``quarantine`` refuses the row.
    """

    column: str
    kind: _Fixed
    scheme: str
    unknown: Literal["quarantine", "add"] = "quarantine"

    @field_validator("kind")
    @classmethod
    def _of_the_platform(cls, spec: FieldSpec) -> FieldSpec:
        spec.require_words(CATEGORY_KINDS)
        return spec


class When(Strict):
    """A condition on another column."""

    column: str
    in_: tuple[str, ...] = Field(alias="in")


_HOURS = {
    "hours": "urgent_hour",
    "days": "calendar_day",
    "working_hours": "working_hour",
    "working_days": "working_day",
}
"""Keys of a deadline's length, and the units of time limits that they are counted in."""


def _some_time(value: Fraction) -> Fraction:
    if value <= 0:
        raise Invalid("above", limit="0")
    return value


_Written = BeforeValidator(lambda value: str(value) if isinstance(value, float) else value)


_Length = Annotated[Exact, AfterValidator(_some_time), _Written]
"""So many of a unit, as they are written."""


class Deadline(Strict):
    """One way in which a deadline arises: a column's value, or so much time after a time field (``from``).

    ``hours`` and ``days`` (24 hours each) run without stop, ``working_hours`` and ``working_days`` count as the city's
    calendar says. ``first``, ``day`` and ``invalid`` are those of a field.
    """

    column: str | None = None
    first: tuple[str, ...] = ()
    format: str | None = None
    day: Day = "start"
    from_: str | None = Field(default=None, validation_alias=AliasChoices("from", "after"))
    hours: _Length | None = None
    days: _Length | None = None
    working_hours: _Length | None = None
    working_days: _Length | None = None
    invalid: IfWrong = "quarantine"
    when: When | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Deadline":
        n_lengths = sum(getattr(self, name) is not None for name in _HOURS)
        if (self.column is not None) + bool(self.first) + (self.from_ is not None) != 1:
            raise Invalid("deadline_way", lengths=[*_HOURS])
        if self.from_ is not None and (n_lengths != 1 or self.from_ not in CASE_TIMES):
            raise Invalid("deadline_after", known=[*CASE_TIMES], lengths=[*_HOURS])
        if self.from_ is None and n_lengths:
            raise Invalid("deadline_hours", lengths=[*_HOURS])
        if self.from_ is not None and (self.day == "end" or self.format is not None):
            raise Invalid("deadline_column")
        return self

    @property
    def field(self) -> FieldSpec | None:
        """Where its value stands in the file; None: it is counted."""
        if self.from_ is not None:
            return None
        return FieldSpec(column=self.column, first=self.first, format=self.format, day=self.day, invalid=self.invalid)

    @property
    def limit(self) -> Limit:
        """The time that is counted from its beginning."""
        key = next(name for name in _HOURS if getattr(self, name) is not None)
        return Limit(getattr(self, key), _HOURS[key])
