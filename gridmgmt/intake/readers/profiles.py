"""Profiles (导入方案): how one city's export maps to the platform's fields, as data.

A profile is ``data/profiles/<id>.yaml`` or any YAML file of that form; its
keys are the fields of :class:`Profile`. Unknown and duplicate keys are errors,
and so is every word that no row could be read with: a mistake in a profile is
told when it is loaded, not once for each row.
"""

import codecs
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
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
from gridmgmt.documents import Strict
from gridmgmt.errors import ProfileInvalid, ProfileMissing
from gridmgmt.files.rows import X, Y
from gridmgmt.intake.readers.columns import CASE_TIMES, Category, Deadline, FieldSpec, Location, Mapped
from gridmgmt.invalid import Invalid
from gridmgmt.settings import data_path
from gridmgmt.yamls import safe_yaml

CASE_TEXTS = ("source", "address", "description", "unit_code", "reporter_name", "reporter_phone")
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


_JUDGED_BY = frozenset({"status", "unit_code", "closed_at", "voided_at"})
"""Fields of cases and samples that decide who is judged, and how: no row goes without what its file meant to say."""


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
    columns: dict[str, Mapped]
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

    def open_columns(self) -> list[str]:
        """The same but for those that tell who reported (举报人信息): they go to nobody who only mends a row."""
        hidden = {c for name, spec in self.columns.items() if name.startswith("reporter_") for c in spec.names}
        return [c for c in self.file_columns() if c not in hidden]

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
        data = _plain(text)
    except YAMLError as e:
        raise ProfileInvalid(profile=name, key="YAML", reason=invalid.no_yaml(e, with_line=True)) from e
    try:
        return Profile.model_validate(_null_is_a_word(data))
    except ValidationError as e:
        faults = e.errors()
        fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
        raise ProfileInvalid(profile=name, key=_key(fault), reason=invalid.reason(fault, Profile)) from e


@lru_cache(maxsize=32)
def _plain(text: str) -> Any:
    """A YAML text as plain values; the same text is read once."""
    return safe_yaml().load(text)


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
