"""Profiles (导入方案): how one city's export maps to the platform's fields, as data.

A profile is ``data/profiles/<id>.yaml`` or any YAML file of that form; its
keys are the fields of :class:`Profile`. Unknown and duplicate keys are errors,
and so is every word that no row could be read with: a mistake in a profile is
told when it is loaded, not once for each row.
"""

import codecs
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from ruamel.yaml.error import YAMLError

from gridmgmt import invalid
from gridmgmt.accepted import closest
from gridmgmt.bounds import read_text
from gridmgmt.casework.cases import MARKS, ORDER_KINDS, STATES, VERDICTS
from gridmgmt.casework.transitions import BY_PEOPLE
from gridmgmt.codes import CATEGORY_KINDS
from gridmgmt.deadlines import Limit
from gridmgmt.documents import Exact, Strict
from gridmgmt.errors import CrsUnknown, ProfileInvalid, ProfileMissing
from gridmgmt.files.rows import X, Y
from gridmgmt.geo import WEB_SYSTEMS, parse_crs
from gridmgmt.invalid import Invalid
from gridmgmt.settings import data_path
from gridmgmt.yamls import safe_yaml

CASE_TEXTS = ("source", "address", "description", "unit_code", "reporter_name", "reporter_phone")
CASE_TIMES = (
    "reported_at", "accepted_at", "registered_at", "dispatched_at", "due_extended_at",
    "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip
_CASE_FIELDS = frozenset({"case_no", "status", "n_rework", "is_repeat", "repeat_of", *CASE_TEXTS, *CASE_TIMES})

SAMPLE_TEXTS = ("sample_type", "object_name", "result", "findings", "address", "unit_code")
_SAMPLE_FIELDS = frozenset({"sample_no", "sampled_at", "score", *SAMPLE_TEXTS})

STEP_TEXTS = ("actor", "reason", "source", "address", "description", "reporter_name", "reporter_phone")
STEP_CODES = ("ref", "unit_code", "category", "amount", "amount_unit", "repeat_of")
STEP_FLAGS = ("is_repeat", "wrong_dispatch", "agreed")
STEP_WORDS = ("kind", "category_kind", "verdict", "order_kind", "mark")
_STEP_FIELDS = frozenset({"case_no", "at", "due_at", "order", *STEP_TEXTS, *STEP_CODES, *STEP_FLAGS, *STEP_WORDS})

FIELDS = {"cases": _CASE_FIELDS, "samples": _SAMPLE_FIELDS, "steps": _STEP_FIELDS}
_REQUIRED = {"cases": ("case_no", "reported_at"), "samples": ("sample_no", "sampled_at"), "steps": ("case_no", "kind")}
"""Fields of a kind of file that its profile must map; the first one names what a row is about."""

STATUSES = tuple(STATES)
"""A case's state as an export tells it (当前状态)."""

WORDS = {
    "status": STATUSES, "kind": BY_PEOPLE, "category_kind": CATEGORY_KINDS,
    "verdict": VERDICTS, "order_kind": ORDER_KINDS, "mark": MARKS,
}  # fmt: skip
"""Fields that hold a word of the platform, and which words there are."""


Day = Literal["start", "end"]
"""What a day without a time means: its first instant, or its end (24:00), which is the first of the next."""

IfWrong = Literal["quarantine", "drop"]
"""What becomes of a row with a wrong value in a field that figures can do without."""

_JUDGED_BY = frozenset({"status", "unit_code", "closed_at", "voided_at"})
"""Fields of cases and samples that decide who is judged, and how: no row goes without what its file meant to say."""


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


_Mapped = Annotated[FieldSpec, _short_for("column")]
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


def _one_or_more(value: Any) -> Any:
    """A rule alone is a list of one."""
    return [value] if isinstance(value, dict) else value


class Title(Strict):
    """The profile's name in both languages."""

    zh: str
    en: str


class Profile(Strict):
    """One mapping from a file's columns to fields of cases, samples or steps of cases."""

    id: str
    kind: Literal["cases", "samples", "steps"]
    title: Title
    time_zone: str | None = None
    encodings: tuple[str, ...] = ("utf-8", "gb18030")
    null_values: tuple[str, ...] = ("",)
    version: str | None = None
    columns: dict[str, _Mapped]
    location: Location | None = Field(default=None, validate_default=True)
    category: Category | None = None
    deadline: Annotated[tuple[Deadline, ...], BeforeValidator(_one_or_more)] = ()
    unknown_units: Literal["quarantine", "add"] = "quarantine"
    sheet: str | None = None
    separator: str | None = Field(default=None, min_length=1, max_length=1)

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as e:
            raise Invalid("no_zone", name=name) from e
        return name

    @field_validator("encodings")
    @classmethod
    def _known_encodings(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                codecs.lookup(name)
            except LookupError as e:
                raise Invalid("no_encoding", name=name) from e
        return names

    @field_validator("columns")
    @classmethod
    def _known_fields(cls, columns: dict[str, FieldSpec], info: ValidationInfo) -> dict[str, FieldSpec]:
        if "kind" not in info.data:
            return columns
        known = FIELDS[info.data["kind"]]
        for name in columns:
            if name not in known:
                raise Invalid("no_field", name=name, known=closest(name, sorted(known)))
        for name in _REQUIRED[info.data["kind"]]:
            if name not in columns:
                raise Invalid("unmapped", name=name)
            if columns[name].default is not None:
                raise Invalid("default_key", name=name)
        needed = _JUDGED_BY | {*_REQUIRED[info.data["kind"]]} if info.data["kind"] != "steps" else known
        for name in sorted(name for name in needed & columns.keys() if columns[name].invalid == "drop"):
            raise Invalid("needed", name=name)
        for name in WORDS.keys() & columns.keys():
            columns[name].require_words(WORDS[name])
        return columns

    @field_validator("location")
    @classmethod
    def _needs_a_place(cls, location: Location | None, info: ValidationInfo) -> Location | None:
        if location is None and info.data.get("kind") != "steps":
            raise Invalid("missing")
        return location

    @model_validator(mode="after")
    def _fits(self) -> "Profile":
        if self.kind != "cases" and (self.category or self.deadline):
            raise Invalid("only_cases")
        for rule in self.deadline:
            if rule.from_ is not None and rule.from_ not in self.columns:
                raise Invalid("deadline_field", name=rule.from_)
        return self

    @property
    def key(self) -> str:
        """The field that identifies a row across files."""
        return _REQUIRED[self.kind][0]

    @property
    def by_geometry(self) -> bool:
        """Whether a row's place is the file's own point."""
        return self.location is not None and self.location.geometry

    def file_columns(self) -> list[str]:
        """Every column of the file that this profile reads."""
        return list(dict.fromkeys(column for column, _ in self._readings()))

    @cached_property
    def droppable(self) -> Mapping[str, tuple[str, ...]]:
        """Column → the fields that are left out where its cell is wrong; only columns that nothing else reads."""
        found: dict[str, dict[str | None, None]] = {}
        for column, field in self._readings():
            found.setdefault(column, {})[field] = None
        return {c: tuple(f for f in fields if f is not None) for c, fields in found.items() if None not in fields}

    def _readings(self) -> Iterator[tuple[str, str | None]]:
        """Every column that is read, with the field that may be left out for it (``invalid: drop``); None: none may."""
        for name, spec in self.columns.items():
            yield from ((column, name if spec.invalid == "drop" else None) for column in spec.names)
        always: list[str | None] = [self.version]
        if self.location is not None:
            always += (X, Y) if self.location.geometry else (self.location.lon, self.location.lat)
            always += [*self.location.system.names] if self.location.system else []
        always += [self.category.column, *self.category.kind.names] if self.category else []
        yield from ((column, None) for column in always if column)
        for rule in self.deadline:
            read = [rule.column, *rule.first, rule.when.column if rule.when else None]
            yield from ((column, "due_at" if rule.invalid == "drop" else None) for column in read if column)


def parse(text: str, name: str) -> Profile:
    """Read a profile from YAML text.

    A key written ``null:`` without quotes, which YAML reads as nothing, is
    taken for the word.

    Raises
    ------
    ProfileInvalid
        Names the profile, the key and what was expected.
    """
    try:
        data = safe_yaml().load(text)
    except YAMLError as e:
        raise ProfileInvalid(profile=name, key="YAML", reason=invalid.no_yaml(e, with_line=True)) from e
    try:
        return Profile.model_validate(_null_is_a_word(data))
    except ValidationError as e:
        faults = e.errors()
        fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
        raise ProfileInvalid(profile=name, key=_key(fault), reason=invalid.reason(fault, Profile)) from e


def _null_is_a_word(data: Any) -> Any:
    if isinstance(data, dict):
        return {"null" if k is None else k: _null_is_a_word(v) for k, v in data.items()}
    return [_null_is_a_word(v) for v in data] if isinstance(data, list) else data


def _key(error: ErrorDetails) -> str:
    path = [str(part) for part in error["loc"]]
    if path[-1:] == ["[key]"]:  # a key that is no text: pydantic calls true 1
        path[-2:] = [str(error["input"]).lower()]
    return ".".join(path) or "profile"


def load(name: str) -> Profile:
    """A profile by its id in ``data/profiles`` or by the path of a YAML file.

    Raises
    ------
    ProfileMissing
        Neither exists; lists the known ids.
    ProfileInvalid
        It breaks its own rules.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else data_path("profiles", f"{name}.yaml")
    if not path.is_file():
        raise ProfileMissing(name=name, known=sorted(p.stem for p in data_path("profiles").glob("*.yaml")))
    try:
        return parse(read_text(path), path.name)
    except UnicodeDecodeError as e:
        raise ProfileInvalid(profile=path.name, key="YAML", reason=invalid.NOT_UTF8) from e
