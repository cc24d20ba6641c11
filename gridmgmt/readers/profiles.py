"""Profiles (导入方案): how one city's export maps to the platform's fields, as data.

A profile is ``data/profiles/<id>.yaml`` or any YAML file of that form; its
keys are the fields of :class:`Profile`. Unknown and duplicate keys are errors.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gridmgmt.errors import ProfileInvalid, ProfileMissing
from gridmgmt.settings import data_path

CASE_TEXTS = ("source", "address", "description", "unit_code", "reporter_name", "reporter_phone")
CASE_TIMES = (
    "reported_at", "accepted_at", "registered_at", "dispatched_at", "due_extended_at",
    "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip
CASE_FIELDS = frozenset({"case_no", "status", "n_rework", "is_repeat", *CASE_TEXTS, *CASE_TIMES})

SAMPLE_TEXTS = ("sample_type", "object_name", "result", "findings", "address", "unit_code")
SAMPLE_FIELDS = frozenset({"sample_no", "sampled_at", "score", *SAMPLE_TEXTS})

STATUSES = (
    "reported", "accepted", "registered", "dispatched", "handling",
    "answered", "verification", "closed", "void",
)  # fmt: skip
"""A case's state as an export tells it (当前状态)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldSpec(_Strict):
    """Where a field's value comes from: one column, or several joined by ``-`` (a key made of parts).

    ``map`` turns the file's words into the platform's; a value it does not
    name is a problem of that row, unless ``default`` is given. ``null`` lists
    values that mean "none" in this column beside the profile's own.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    format: str | None = None
    map: dict[str, Any] | None = None
    default: Any = None
    null: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _some_source(self) -> "FieldSpec":
        if self.column is None and self.default is None and not self.columns:
            raise ValueError("needs column, columns or default")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the file that it reads."""
        return (self.column,) if self.column is not None else self.columns

    @property
    def label(self) -> str:
        """What messages call it."""
        return ", ".join(self.names)


def _spec(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class Location(_Strict):
    """Where a row's point stands and in which coordinate system.

    ``system`` is ``epsg:NNNN``, ``gcj02`` or ``bd09``, or depends on a column.
    ``geometry: true`` takes the file's own point geometry instead of columns.
    ``null`` lists pairs that are no location, e.g. ``[0, 0]``.
    """

    lon: str | None = None
    lat: str | None = None
    geometry: bool = False
    system: FieldSpec | None = None
    null: tuple[tuple[float, float], ...] = ()

    @field_validator("system", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"default": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> "Location":
        if self.geometry == (self.lon is not None and self.lat is not None):
            raise ValueError("needs lon and lat, or geometry: true")
        if not self.geometry and self.system is None:
            raise ValueError("needs system: which coordinates are these? (epsg:4326, gcj02, …)")
        return self


class Category(_Strict):
    """Which columns name a case's category, written ``kind:code`` in the platform.

    ``unknown: add`` takes a class that the city's table does not hold into it;
    ``quarantine`` refuses the row.
    """

    column: str
    kind: FieldSpec
    scheme: str
    unknown: Literal["quarantine", "add"] = "quarantine"

    @field_validator("kind", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"default": value} if isinstance(value, str) else value


class When(_Strict):
    """A condition on another column."""

    column: str
    in_: tuple[str, ...] = Field(alias="in")


class Deadline(_Strict):
    """One way in which a deadline arises: a column's value, or hours after a time field (running hours)."""

    column: str | None = None
    format: str | None = None
    after: str | None = None
    hours: float | None = None
    when: When | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Deadline":
        if (self.column is None) == (self.after is None):
            raise ValueError("needs either column, or after and hours")
        if self.after is not None and (self.hours is None or self.after not in CASE_TIMES):
            raise ValueError(f"after must be one of {', '.join(CASE_TIMES)}, with hours")
        return self


class Profile(_Strict):
    """One mapping from a file's columns to fields of cases or samples."""

    id: str
    kind: Literal["cases", "samples"]
    title: dict[Literal["zh", "en"], str]
    time_zone: str | None = None
    encodings: tuple[str, ...] = ("utf-8", "gb18030")
    null_values: tuple[str, ...] = ("",)
    version: str | None = None
    columns: dict[str, FieldSpec]
    location: Location
    category: Category | None = None
    deadline: tuple[Deadline, ...] = ()
    unknown_units: Literal["quarantine", "add"] = "quarantine"
    sheet: str | None = None

    @field_validator("columns", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {k: _spec(v) for k, v in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _fields(self) -> "Profile":
        known = CASE_FIELDS if self.kind == "cases" else SAMPLE_FIELDS
        needed = {"case_no", "reported_at"} if self.kind == "cases" else {"sample_no", "sampled_at"}
        for name in self.columns:
            if name not in known:
                raise ValueError(f"columns.{name}: no such field; known are {', '.join(sorted(known))}")
        if needed - set(self.columns):
            raise ValueError(f"columns: {', '.join(sorted(needed - set(self.columns)))} must be mapped")
        if self.kind == "samples" and (self.category or self.deadline):
            raise ValueError("samples have no category and no deadline")
        return self

    @property
    def key(self) -> str:
        """The field that identifies a row across files."""
        return "case_no" if self.kind == "cases" else "sample_no"

    def file_columns(self) -> list[str]:
        """Every column of the file that this profile reads."""
        names: list[str | None] = [n for s in self.columns.values() for n in s.names]
        names += [self.version, self.location.lon, self.location.lat]
        names += [*self.location.system.names] if self.location.system else []
        names += [self.category.column, *self.category.kind.names] if self.category else []
        for rule in self.deadline:
            names += [rule.column, rule.when.column if rule.when else None]
        return list(dict.fromkeys(n for n in names if n))


def parse(text: str, name: str) -> Profile:
    """Read a profile from YAML text.

    Raises
    ------
    ProfileInvalid
        Names the profile, the key and what was expected.
    """
    try:
        data = YAML(typ="safe").load(text)
    except YAMLError as e:
        raise ProfileInvalid(profile=name, key="YAML", reason=str(e)) from e
    try:
        return Profile.model_validate(data)
    except ValidationError as e:
        first = e.errors()[0]
        key = ".".join(map(str, first["loc"])) or "profile"
        raise ProfileInvalid(profile=name, key=key, reason=first["msg"]) from e


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
    if not path.exists():
        raise ProfileMissing(name=name, known=sorted(p.stem for p in data_path("profiles").glob("*.yaml")))
    return parse(path.read_text("utf-8"), path.name)
