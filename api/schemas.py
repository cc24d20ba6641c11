"""The shapes of answers, as the documentation shows them; codes and figures are explained where they are made."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gridmgmt.scorecards.documents import Document, Header, Line, Reached, Status, Subject, Taken, Tone


class Problem(BaseModel):
    """What is wrong (RFC 9457); ``code`` and ``facts`` are stable, ``title`` and ``detail`` are worded."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:gridmgmt:problem:grid_missing",
                "title": "未找到",
                "status": 404,
                "detail": "没有编码为 429909 的网格",
                "instance": "/v1/grids/429909",
                "code": "grid_missing",
                "facts": {"code": "429909"},
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    facts: dict[str, Any]
    errors: list[dict[str, str]] | None = None


class Health(BaseModel):
    """The application and its database answer."""

    status: Literal["ok"] = "ok"
    version: str


class Name(BaseModel):
    """One name in both languages."""

    zh: str = Field(examples=["临江区"])
    en: str = Field(examples=["Linjiang District"])


class Level(BaseModel):
    """A grid level (网格层级); 1 is the city."""

    number: int = Field(examples=[4])
    key: str = Field(examples=["community"])
    name: Name


class City(BaseModel):
    """The city (城市) of this installation."""

    code: str = Field(examples=["4299"])
    name: Name
    time_zone: str = Field(examples=["Asia/Shanghai"])
    metric_crs: int = Field(examples=[4547])
    datum: str = Field(examples=["CGCS2000"])
    levels: list[Level]
    languages: list[str]
    category_scheme: str = Field(examples=["gb47678_5"])


class Category(BaseModel):
    """A category (类别), written ``kind:code``."""

    category: str = Field(examples=["component:01001"])
    kind: str = Field(examples=["component"])
    name: Name
    major: Name | None


class Edition(BaseModel):
    """An edition of the grids (网格版本), valid from its first day to before ``to``."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(examples=["2025"])
    active: bool
    from_: str | None = Field(alias="from", examples=["2024-01-01"])
    to: str | None
    source: str | None


class GridRef(BaseModel):
    """A grid by name."""

    level: str = Field(examples=["community"])
    code: str = Field(examples=["429901001001"])
    name: Name
    kind: str | None = None
    responsible: str | None = None


class Unit(BaseModel):
    """The unit that answers (责任单位)."""

    code: str
    name: Name
    kind: str | None


class Neighbour(BaseModel):
    """Another leaf grid near the point."""

    code: str
    name: Name
    distance_m: float
    unit: Unit | None = Field(None, description="The unit that would answer there.")


class Located(BaseModel):
    """Who is responsible for a place (网格定位)."""

    lon: float = Field(description="In degrees of EPSG:4490.")
    lat: float
    datum: str
    edition: str
    on: str | None
    category: str | None
    assigned: bool = Field(description="Whether any grid owns the point.")
    swapped: bool = Field(description="No grid owns it, and one would with latitude and longitude the other way round.")
    grids: list[GridRef] = Field(description="From the city down to the deepest grid that owns the point.")
    unit: Unit | None
    near: list[Neighbour] = Field(
        description="Other leaf grids near the border (20 m by default); outside the city the nearest."
    )


class IndicatorTable(BaseModel):
    """Counts and rates of every grid of a level, or of other groups; rates are shares in 0–1, null = no data."""

    period: str
    as_of: str
    edition: str
    by: str
    level: str | None = Field(description="By grid: the level.")
    columns: dict[str, Name] = Field(description="Names of the counts and rates.")
    rows: list[dict[str, Any]]
    unassigned: dict[str, Any] | None = Field(
        description="The same figures of what lies in no grid of this level, in no group."
    )
    total: dict[str, Any] | None = Field(description="Not by grid: the counts of all, to which the groups add up.")


class NumbersBehind(BaseModel):
    """The numbers behind the counts of one group (追溯); ``n`` is how many there are, however many are told."""

    by: str
    code: str
    n: dict[str, int]
    numbers: dict[str, list[str]]


class Replaced(BaseModel):
    """A result that was taken from an assessment which holds no longer: nothing changes by itself."""

    taken: str
    now: str
    through: str | None = Field(None, description="What was taken, and rests on it, where it was not taken itself.")


class AssessmentRow(BaseModel):
    """An assessment in the list."""

    name: str = Field(examples=["grid_baseline-2025-12-1"])
    rulebook: str = Field(examples=["grid_baseline"])
    period: str = Field(examples=["2025-12"])
    as_of: str
    sha256: str
    stale: list[Replaced] = Field(description="Results it took that were corrected since.")


class Assessment(BaseModel):
    """An assessment (考评): name, hash of its canonical JSON, and its header."""

    name: str
    sha256: str
    header: Header


class ReachedConsequence(BaseModel):
    """A consequence (结果运用) that a subject reached."""

    consequence: str = Field(examples=["yellow_card"])
    title: Name
    tone: Tone
    undecided: str | None = Field(description="Why people must still decide: tie, clash, incomplete; null: decided.")


class ScorecardRow(BaseModel):
    """A subject in the ranking; ``points`` are those of each top item (of a count the number itself), null = none."""

    level: str
    code: str
    parent: str | None
    name: Name
    total: str | None = Field(description="Rounded for show; the exact number stands in the scorecard.")
    grade: str | None
    rank: int | None
    status: Status
    formed: str | None = Field(description="The share of the points that have data, exact; null: nothing is scored.")
    reason: str = Field(description="Why there is this total, or none: a code.", examples=["total_sum"])
    n_missing: int = Field(description="Inputs still to be handed in, without which there is no result.")
    consequences: list[ReachedConsequence]
    points: dict[str, str | None]
    counts: dict[str, int | str] = Field(description="Without those that are no data: what nobody could have told.")


class Ranking(BaseModel):
    """The scorecards of one level, best first, those without a total last."""

    assessment: str
    sha256: str
    level: str
    rows: list[ScorecardRow]


class Scorecard(BaseModel):
    """A scorecard (考评表): the stored document, exact, and its texts in the reader's language."""

    assessment: str
    sha256: str
    document: Document
    texts: dict[str, Any]


class Ground(BaseModel):
    """A period that a consequence or a sum over periods rests on."""

    period: str
    assessment: str
    total: str | None
    grade: str | None
    rank: int | None


class Behind(BaseModel):
    """The facts behind one count: how many, and their numbers."""

    name: Name
    n: int
    numbers: list[str]


class Explained(BaseModel):
    """What a line or figure rests on, down to case and sample numbers."""

    assessment: str
    sha256: str
    subject: Subject
    item: str | None
    line: Line | None
    consequence: Reached | None
    text: str = Field(description="The rule and the figures, in one sentence.")
    evidence: dict[str, Behind]
    parts: dict[str, str] = Field(description="Number of a sample that counts here by length → its exact part.")
    entries: dict[str, list[dict[str, Any]]] = Field(description="Input → its entered values with their evidence.")
    entry_texts: dict[str, list[str]] = Field(description="The same entries in the reader's language.")
    input_names: dict[str, Name]
    periods: list[Ground]
    results: dict[str, list["Borrowed"]] = Field(description="Input → results of other assessments it was made of.")
    stale: list[Replaced] = Field(description="Results that the assessment took and that were corrected since.")


class Borrowed(BaseModel):
    """A result of another assessment, and what it rests on in its turn."""

    taken: Taken
    why: Explained
