"""What may be asked for as a job (任务种类), with what it takes and the verb that it needs."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

State = Literal["waiting", "running", "done", "failed", "cancelled"]

_ID = r"^\w{1,100}$"
"""An id of the data folder: whoever asks from elsewhere names no file of this machine."""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError as e:
        raise ValueError("utf-8 | gb18030 | …") from e
    return name


_Column = Annotated[str, Field(min_length=1, max_length=200)]
_Encoding = Annotated[str, Field(max_length=40), AfterValidator(_encoding)]
_Crs = Annotated[str, Field(max_length=10_000, examples=["epsg:4547"])]


class ImportAsked(_Asked):
    """A file of cases, samples or steps to be imported by a profile."""

    profile: str = Field(pattern=_ID)
    source_as_of: AwareDatetime | None = Field(None, description="When the export was made; default: now.")
    outside_ok: bool = Field(False, description="It is right that most rows lie outside all grids.")
    dry_run: bool = Field(False, description="Everything is done, reported, and undone.")


class RetryAsked(_Asked):
    """The quarantine's rows to be tried again, of one profile or all."""

    profile: str | None = Field(None, pattern=_ID)


class AssignmentAsked(_Asked):
    """Cases and samples to be assigned again, after a change of editions, rules or areas."""

    edition: str | None = Field(None, max_length=200, description="Only rows that go to the edition of this name.")


class ScoringAsked(_Asked):
    """A period to be assessed by a rulebook."""

    rulebook: str = Field(pattern=_ID, examples=["grid_baseline"])
    period: str = Field(max_length=40, examples=["2025-12"])
    level: str | None = Field(None, max_length=100)
    as_of: AwareDatetime | None = Field(None, description="Data cut-off.")


class RecomputeAsked(_Asked):
    """An assessment to be computed again from its frozen inputs, and held against what is stored of it."""

    assessment: str = Field(min_length=1, max_length=200)


class CorrectionAsked(_Asked):
    """A published assessment to be corrected by the appeals that were granted."""

    assessment: str = Field(min_length=1, max_length=200)


class EditionAsked(_Asked):
    """Boundary files to be loaded as an inactive edition (网格版本)."""

    edition: str = Field(min_length=1, max_length=200, examples=["2026"])
    base: str | None = Field(None, max_length=200, description="An edition that completes a partial delivery.")
    crs: _Crs | None = Field(None, description="Where a file names none or a wrong one.")
    layers: tuple[_Column, ...] = Field((), max_length=20, description="Of one file: only these layers of it.")
    code: _Column = Field("code", description="Columns: the grids' codes …")
    name: _Column | None = None
    name_en: _Column | None = None
    level: _Column | None = Field(None, description="A column, or the one level that all rows belong to.")
    parent: tuple[_Column, ...] = Field((), max_length=10, description="Codes of the grids above, upwards.")
    swap_xy: bool = Field(False, description="Northing or latitude stands first.")
    dissolve: bool = Field(False, description="A code that stands in several rows is one grid.")
    overlaps: Literal["accept", "cut"] | None = Field(None, description="What becomes of land that two grids claim.")
    first: tuple[_Column, ...] = Field((), max_length=1_000, description="Codes that keep what they share.")
    why: str | None = Field(None, max_length=2_000, description="Needed with ``overlaps``: it stands in the report.")
    replace: bool = Field(False, description="Load an inactive edition of that name anew.")
    encoding: _Encoding | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.overlaps is not None and not (self.why or "").strip():
            raise ValueError("why: TEXT")
        if self.first and self.overlaps != "cut":
            raise ValueError("overlaps: cut")
        return self


class ActivationAsked(_Asked):
    """An edition to be made valid from a day on; the one before ends on it."""

    edition: str = Field(max_length=200)
    from_: dt.date = Field(alias="from")
    shrinks: bool = Field(False, description="The city did become smaller.")


class LayerAsked(_Asked):
    """A file to be loaded as the reference layer (参考图层) of a kind from a day on."""

    kind: str = Field(pattern=_ID, examples=["roads"])
    name: str | None = Field(None, max_length=200, description="Where a kind has several; default: the kind's.")
    layer: _Column | None = Field(None, description="Layer or worksheet of the file.")
    crs: _Crs | None = None
    map: tuple[Annotated[str, Field(max_length=400)], ...] = Field((), max_length=40, description="FIELD=COLUMN")
    valid_from: dt.date | None = Field(None, description="Default: today in city time.")
    number: bool = Field(False, description="Give numbers to features without a code.")
    replace: bool = Field(False, description="Correct the layers that begin on the same day or later.")
    encoding: _Encoding | None = None
    dry_run: bool = Field(False, description="Everything is done, reported, and undone.")


@dataclass(frozen=True)
class _List:
    formats: Sequence[str]
    needed: Sequence[str]
    taken: Sequence[str] = ()


_TABLES = ("csv", "xlsx", "gpkg", "parquet")
_LISTS: Mapping[str, _List] = {
    "cases": _List(_TABLES, (), ("states", "unit", "grid", "category", "overdue")),
    "samples": _List(_TABLES, (), ("period", "unit", "grid")),
    "indicators": _List(_TABLES, ("period", "level"), ("as_of",)),
    "grids": _List(_TABLES, (), ("edition", "day", "levels")),
    "layers": _List(_TABLES, ("kind",), ("day", "name")),
    "scorecards": _List((*_TABLES, "zip"), ("assessment", "level"), ("codes",)),
    "quarantine": _List(("zip",), ()),
}
"""List → the formats it is written in, the filters that it needs, and those that it takes."""


class Wanted(_Asked):
    """Which rows of a list: what is left out restricts nothing."""

    states: tuple[str, ...] = Field((), max_length=30)
    unit: str | None = Field(None, max_length=100)
    grid: str | None = Field(None, max_length=100)
    category: str | None = Field(None, max_length=100, examples=["component:01*"])
    overdue: bool = False
    period: str | None = Field(None, max_length=40)
    level: str | None = Field(None, max_length=100)
    as_of: AwareDatetime | None = None
    edition: str | None = Field(None, max_length=200)
    day: dt.date | None = None
    levels: tuple[str, ...] = Field((), max_length=10)
    assessment: str | None = Field(None, max_length=200)
    codes: tuple[str, ...] = Field((), max_length=10_000)
    kind: str | None = Field(None, pattern=_ID, description="Of reference layers.")
    name: str | None = Field(None, max_length=200)


class ExportAsked(_Asked):
    """A list to be written as a file; ``zip`` are all scorecards of a level with their summary, or workbooks of rows.

    The rows in quarantine come as a workbook for each file, to be mended and imported again.
    """

    list: Literal["cases", "samples", "indicators", "grids", "layers", "scorecards", "quarantine"]
    format: Literal["csv", "xlsx", "gpkg", "parquet", "zip"]
    filter: Wanted = Field(default_factory=lambda: Wanted.model_validate({}))
    lang: Literal["zh", "en"] | None = Field(None, description="Of scorecards; default: both.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        known = _LISTS[self.list]
        if self.format not in known.formats:
            raise ValueError(f"format: {' | '.join(known.formats)}")
        given = self.told().keys()
        if odd := given - {*known.needed, *known.taken}:
            raise ValueError(f"filter: {', '.join(sorted(odd))}; {', '.join((*known.needed, *known.taken))}")
        if lacking := [name for name in known.needed if name not in given]:
            raise ValueError(f"filter: {', '.join(lacking)}")
        return self

    def told(self) -> dict[str, Any]:
        """The filters that restrict something, as the file keeps them."""
        return self.filter.model_dump(mode="json", exclude_defaults=True)


Asked = (
    ImportAsked | RetryAsked | AssignmentAsked | ScoringAsked | RecomputeAsked | CorrectionAsked | ExportAsked
    | EditionAsked | ActivationAsked | LayerAsked
)  # fmt: skip

KINDS: Mapping[str, type[Asked]] = {
    "import": ImportAsked, "retry": RetryAsked, "assignment": AssignmentAsked, "scoring": ScoringAsked,
    "recompute": RecomputeAsked, "correction": CorrectionAsked, "export": ExportAsked,
    "edition": EditionAsked, "activation": ActivationAsked, "layer": LayerAsked,
}  # fmt: skip
"""Kind of job → what is asked."""


@dataclass(frozen=True)
class Job:
    """A job as it stands (后台任务).

    Attributes
    ----------
    login
        Who asked for it; None: the machine's own operator.
    file, file_sha256
        What was handed in.
    progress
        Step, how much is done, of how much.
    error
        Code and facts of why it failed.
    result_file, result_sha256
        The file that it made, if it makes one.
    """

    id: int
    kind: str
    asked: Mapping[str, Any]
    login: str | None
    file: str | None
    file_sha256: str | None
    state: State
    n_tries: int
    progress: Mapping[str, Any] | None
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    result_file: str | None
    result_sha256: str | None
    started_at: dt.datetime | None
    cancel_asked_at: dt.datetime | None
    finished_at: dt.datetime | None
    known_at: dt.datetime
