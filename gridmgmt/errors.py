"""Every error of the platform, as a code and its facts.

The wording, Chinese and English, stands in ``data/texts`` under the error's
``code`` and is filled from ``facts`` when it is shown (:func:`gridmgmt.texts.word`).

::

    GridmgmtError
    ├── InputError            what was handed in is wrong: mend it and try again
    │   ├── LimitExceeded     a file holds more than is read; says which setting raises the limit
    │   ├── FileUnreadable, ColumnMissing, TableInvalid, TableRefused, ProfileInvalid, CityInvalid
    │   ├── FormatForeign, GeometryTooLarge   files of maps
    │   ├── CrsMissing, CrsUnknown, CrsNotConvertible, CoordinateOutOfRange
    │   ├── CrsImplausible    CrsLooksProjected, CrsLooksSwapped, CrsLooksGeographic, CrsAxesSwapped, CrsUnitMistaken,
    │   │                     CrsElsewhere
    │   ├── MetricCrsElsewhere, GridAreaInvalid
    │   ├── PeriodInvalid, PeriodAhead, CutOffAhead, InstantInvalid, LevelUnknown, CodeInvalid, CategorySeveral
    │   ├── CasesInSeveralFiles   a bulk run would count them twice
    │   ├── EditionInvalid    its topology report says why
    │   ├── DeliveryIncomplete, MostOutside
    │   ├── RulebookInvalid   file, line and key
    │   ├── DossierInvalid    every fault of the inputs handed to a rulebook
    │   ├── EntryInvalid      a row of a form, of a subject list or of the daily staff table
    │   ├── PlanInvalid       a sampling plan or a check list: file, line and key
    │   ├── StepIncomplete    a step of a case lacks its actor, reason, unit or a fact
    │   ├── FactUnknown, FactInvalid   a step takes no such fact, or not with that value
    │   ├── FileRefused       a photograph or file that is not kept
    │   ├── BackupInvalid     a backup that is none, or not as it was written
    │   ├── DataFileInvalid   a file of the data folder: file, key and value
    │   ├── ValueUnstorable   a value that no database keeps: NUL, a number or a day beyond its type
    │   ├── FilterInvalid     a filter of features: says where in it
    │   ├── LayerEmpty        none of a file's features can enter the reference layer
    │   ├── RequestKeyReused  another request had its Idempotency-Key
    │   └── OptionInvalid     an argument of a command or request
    ├── NotFoundError         a name that the database does not hold
    │   ├── CityMissing, EditionMissing, GridMissing, TileMissing, AssessmentMissing
    │   ├── RulebookMissing, ProfileMissing, SubjectMissing, ItemMissing, IndicatorMissing, GroupMissing
    │   ├── AssessmentWithoutMap, AppealMissing, SubjectsMissing, DossierMissing, PeriodsNotAssessed
    │   ├── PlanMissing, ChecklistMissing, DrawMissing, NoticeMissing, FindingsMissing
    │   ├── CalendarMissing, CaseMissing, SampleMissing, FileMissing, SchemeMissing, StaffingSchemeMissing
    │   ├── LayerMissing, LayerKindMissing, RepeatRuleMissing, CollectionMissing, FeatureMissing
    │   ├── AccountMissing, KeyMissing, JobMissing, RowMissing, HookMissing
    │   ├── ServiceMissing, JurisdictionMissing, ProviderMissing
    │   ├── RulebookNotInForce  no version of it holds on that day
    │   └── NoEditionOnDate   no edition is valid on that day
    ├── ConflictError         right in itself, but not in this state
    │   ├── AccountExists, RequestUnderWay, JobUnfinished, JobCancelled, JobGivenUp
    │   ├── CityExists, EditionExists, EditionActive, EditionOverlap, EditionShrinks
    │   ├── CategoryUnknown, UnitUnknown, PersonUnknown
    │   ├── DatabaseRefused   a rule of the database itself
    │   ├── RulebookChanged   a version that was used is not edited: it gets a new number
    │   ├── RulebooksDiffer   periods that are to be compared were assessed by different texts
    │   ├── AssessmentFormOld
    │   ├── AssessmentIncomplete, AssessmentPublished, FactsChanged
    │   ├── DrawExists, DrawReplaced, NoticeClosed
    │   ├── LayerExists, LayerOverlap   another one begins on that day, or a later one is there
    │   ├── StepIllegal, StepRefused   a case's state, or the case as it is, does not allow the step
    │   ├── TimeLimitContradicts
    │   ├── CaseExists, CaseChanged    somebody else opened it, or acted on it first
    │   ├── DocketMovedOn     steps were taken since the moment that the docket is asked for
    │   ├── RowTaken          a row of a file became a step before, and says something else now
    │   ├── FilesFull         a step or sample has as many files as are allowed
    │   ├── DatabaseNotEmpty  a backup comes back into an empty database only
    │   ├── DatabaseRefused   its own rules refuse a row
    │   └── AppealRefused     not open for that, or decided already
    ├── AccessError           who asks may not
    │   ├── SignInNeeded      nobody is signed in, or not any more
    │   ├── SignInRefused, SignInLocked   name and password do not belong together; too often, so wait
    │   ├── IdentityUnknown, IdentityRefused   an identity provider's: no account is linked; it does not hold
    │   ├── OriginRefused     a page of another site used somebody's session
    │   ├── AccessDenied      no post of his has the verb
    │   └── OutsideScope      it lies outside what his posts cover
    └── UnavailableError      something outside the process is missing
        ├── RolesMissing      of the database; says what its superuser is to run
        ├── DatabaseUnreachable, DatabaseOutdated, DatabaseForeign, ServerMissing, ServerPidTaken
        ├── Overloaded        the server works on as many requests as it may
        ├── AnswerLate, AskerLeft   what nobody waits for is dropped
        ├── ServingRefused    other machines could reach a server that is not made ready for that
        ├── ProgramFailed     pg_dump or pg_restore
        ├── DatabaseLost, DatabaseExhausted, DatabaseFailed   in the middle: what was begun is undone
        ├── FileLost          a photograph is known and its file is gone or damaged
        ├── FilesUnwritable   the folder of photographs and files
        ├── ProviderUnreachable   an identity provider
        ├── ExtraMissing      a part of the package that is not installed
        ├── JobBroken         by a fault of ours
        ├── TooManyListeners  to events, of one worker of the server
        ├── DiskFull          no room for a file that is being written
        └── SettingInvalid
"""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import InitVar
from typing import Any, ClassVar, dataclass_transform

_Worded = Mapping[str, Any]
"""A code with facts of its own, worded inside a message: see :func:`gridmgmt.texts.expected`."""

_ABSENT: Any = object()
"""The default of a fact that may be left out: it is then neither in ``facts`` nor an attribute. None is a value."""


@dataclass_transform(eq_default=False, kw_only_default=True)
class _Facts:
    """What declares facts, each as an annotated field."""

    declared: ClassVar[Mapping[str, bool]] = {}
    """The facts, and whether each must be given."""

    def __init_subclass__(cls) -> None:
        own = {name: vars(cls).get(name) is not _ABSENT for name in cls.__annotations__}
        bases = [dict(base.declared) for base in cls.__bases__ if issubclass(base, _Facts)]
        cls.declared = dict(ChainMap(own, *bases))
        for name in (name for name, must in own.items() if not must):
            delattr(cls, name)


class GridmgmtError(_Facts, Exception):
    """Something is wrong; ``code`` names it and ``facts`` say where and with what value.

    A subclass declares its facts: JSON-ready values (str, int, float, bool,
    None, lists of them, or :data:`_Worded`) that the message needs. Each is
    given by name and is an attribute of the error as well, unless it is called
    ``code``: that one, an ``InitVar``, is in ``facts`` only.

    Raises
    ------
    TypeError
        A fact that is not declared, or one that must be given and is not.
    """

    code = "error"

    def __init__(self, **facts: Any) -> None:
        needed = {name for name, must in self.declared.items() if must}
        if not needed <= facts.keys() <= self.declared.keys():
            raise TypeError(f"{type(self).__name__} has the facts {[*self.declared]}, not {[*facts]}")
        super().__init__(self.code, facts)
        self.facts = facts
        vars(self).update({name: value for name, value in facts.items() if name != "code"})

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.facts)

    def __str__(self) -> str:
        return f"{self.code}: " + ", ".join(f"{k}={v!r}" for k, v in self.facts.items())

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = "".join("_" + c.lower() if c.isupper() else c for c in cls.__name__).lstrip("_")


def _remade(cls: type[GridmgmtError], facts: dict[str, Any]) -> GridmgmtError:
    """An error that was pickled or copied, as test runners and process pools do."""
    return cls(**facts)


# --- facts that several errors have -----------------------------------------------------------------------------------


class _Name(_Facts):
    name: str


class _Known(_Facts):
    known: list[str]


class _File(_Facts):
    file: str


class _Value(_Facts):
    value: str


class _N(_Facts):
    n: int


class _CaseNo(_Facts):
    case_no: str


class _Step(_Facts):
    step: str


class _Day(_Facts):
    day: str


class _Reason(_Facts):
    reason: _Worded


class _Key(_Facts):
    key: str


class _Kind(_Facts):
    kind: str


class _At(_Facts):
    at: str


class _Expected(_Facts):
    expected: str | _Worded


class _Point(_Facts):
    x: str
    y: str


class _Period(_Facts):
    period: str


class _Why(_Facts):
    why: str


class _Code(_Facts):
    code: InitVar[str]


class _Other(_Facts):
    other: str


# --- the errors -------------------------------------------------------------------------------------------------------


class InputError(GridmgmtError):
    """What was handed in is wrong."""


class FileUnreadable(InputError, _File):
    """A file is absent, empty, or not of its format."""

    reason: _Worded


def by_program(text: str) -> _Worded:
    """What another program said, in its own words (原文), as a reason."""
    return {"code": "original_text", "text": text.strip() or "—"}


def by_parser(e: Exception) -> _Worded:
    """What the reader of a format found wrong, in its own words, as a reason of :class:`FileUnreadable`."""
    known = {FileNotFoundError: "absent", PermissionError: "forbidden", IsADirectoryError: "folder"}
    code = next((code for kind, code in known.items() if isinstance(e, kind)), None)
    if code is not None:
        return {"code": f"unreadable_{code}"}
    return {"code": "unreadable_detail", "detail": " ".join(str(e).split())[:200] or type(e).__name__}


class FormatForeign(InputError, _File, _Known):
    """A map file of a format that is not read, or one that points to other files or to the network."""


class GeometryTooLarge(InputError, _File, _N):
    """A map file is larger than is read; ``what`` says in which respect."""

    what: str
    most: int
    row: int | None


class LimitExceeded(InputError, _File):
    """A file holds more than is read: ``limit`` names the bound, ``setting`` the variable that raises it."""

    limit: str
    found: int
    most: int
    setting: str


class ColumnMissing(InputError, _File):
    """A column that the mapping names is not in the file."""

    columns: list[str]
    found: list[str]


class TableInvalid(InputError, _File, _Expected):
    """A row of a reference table (units, categories, responsibility) is wrong."""

    row: int
    column: str
    value: str | None


class TableRefused(InputError, _File, _N):
    """Rows of a reference table that do not fit together, all of them named."""

    faults: Sequence[_Worded]


class ProfileInvalid(InputError, _Key, _Reason):
    """A column mapping (导入方案) breaks its own rules."""

    profile: str


class CityInvalid(InputError, _Value, _Key, _Expected):
    """city.yaml breaks its own rules."""


class CrsMissing(InputError, _File):
    """A layer carries no coordinate system and none was given."""


class CrsUnknown(InputError, _Value):
    """A coordinate system's name is not known."""


class CrsImplausible(InputError, _File, _Point, _N):
    """The numbers of a layer cannot belong to the coordinate system it claims."""

    crs: str


class CrsLooksProjected(CrsImplausible):
    """A layer is labelled as degrees and holds the numbers of a projected system."""


class CrsLooksSwapped(CrsImplausible):
    """A layer in degrees holds latitude before longitude."""


class CrsLooksGeographic(CrsImplausible):
    """A layer is labelled as projected and holds degrees."""


class _Placed(_Facts):
    lon: float
    lat: float


class CrsAxesSwapped(CrsImplausible):
    """A layer's coordinates have the northing (北坐标、纬度) before the easting."""


class CrsUnitMistaken(CrsImplausible):
    """A layer's coordinates are feet where its system has metres, or metres where it has feet."""


class CrsElsewhere(CrsImplausible, _Placed):
    """A layer lies outside the area that its coordinate system is made for."""

    area: str


class MetricCrsElsewhere(InputError, _File, _Placed):
    """The city's metric CRS is made for another region than that where a layer lies; ``wrong``: by what share."""

    metric_crs: str
    area: str
    wrong: str


class GridAreaInvalid(InputError, _N):
    """Grids of which no area can be measured: it is zero, infinite or no number."""

    codes: list[str]
    metric_crs: str


class CrsNotConvertible(InputError):
    """No published transformation connects a coordinate system's datum to the stored one."""

    crs: str
    target: str


class CoordinateOutOfRange(InputError, _Point):
    """A coordinate lies where its system is not defined."""

    system: str


class PeriodInvalid(InputError, _Value):
    """A period (考核周期) is not written in a known form."""

    forms: list[str]


class PeriodAhead(InputError, _Period):
    """The data ends before the period (考核周期) begins."""

    known: str


class CutOffAhead(InputError):
    """A data cut-off (数据截止时点) that lies in the future: facts that nobody knows yet would be seen by it."""

    given: str
    now: str


class CasesInSeveralFiles(InputError):
    """Cases that stand in more than one file of a bulk run (同一案件在多个文件中): they would be counted twice."""

    n: int


class InstantInvalid(InputError, _Value):
    """An instant is not ISO 8601."""

    zone: str


class LevelUnknown(InputError, _Value, _Known):
    """A grid level that the city does not have."""


class CodeInvalid(InputError, _Value, _Expected):
    """A grid or category code breaks the layout."""


class EditionInvalid(InputError, _Name, _N):
    """An edition's grids would make an assignment ambiguous."""

    findings: list[str]


class DeliveryIncomplete(InputError, _N):
    """A partial delivery (局部更新) holds grids without their district."""

    codes: list[str]


class MostOutside(InputError, _File, _N):
    """Most located rows of a file lie outside all grids; ``guesses``: with which coordinates they would not."""

    n_outside: int
    guesses: Sequence[_Worded]


class RulebookInvalid(InputError, _File, _Key, _Reason):
    """A rulebook (考核办法) breaks its own rules."""

    line: int


class DossierInvalid(InputError, _File, _N):
    """The inputs handed to a rulebook (考核数据) are wrong; every fault is listed."""

    problems: Sequence[_Worded]


class EntryInvalid(InputError, _File, _N):
    """Rows of an entry form (录入表), a subject list or a staff table are wrong; every fault is listed."""

    problems: Sequence[_Worded]


class PlanInvalid(InputError, _File, _Key, _Value, _Expected):
    """A sampling plan (抽查方案) or a check list (检查表) breaks its own rules."""

    line: int
    fault: str


class StepIncomplete(InputError, _CaseNo, _Step):
    """A step (办理步骤) lacks what its kind needs."""

    missing: list[str]


class FactUnknown(InputError, _Step, _Name):
    """A step takes no fact of that name; ``takes`` are those that it does."""

    takes: list[str]


class FactInvalid(InputError, _Step, _Name, _Value):
    """A fact of a step has a value that is not of its type."""

    type: str
    options: str | None


class FileRefused(InputError, _File, _Why):
    """A photograph or file (照片、附件) is not kept; ``why`` says why not."""

    n_bytes: int = _ABSENT
    max_bytes: int = _ABSENT
    media_type: str = _ABSENT
    allowed: list[str] = _ABSENT
    found: str = _ABSENT
    max_pixels: int = _ABSENT


class BackupInvalid(InputError, _File, _Why):
    """A backup (备份) that is none, of another format, or not as it was written; ``member`` is the part."""

    member: str


class DataFileInvalid(InputError, _File, _Key):
    """A file of the data folder breaks its own rules; ``fault`` says how."""

    fault: str
    value: str | None
    line: int | None = _ABSENT
    expected: _Worded = _ABSENT


class LayerEmpty(InputError, _File, _Kind, _N):
    """None of a file's features can enter the reference layer (参考图层)."""

    faults: list[str]


class OptionInvalid(InputError, _Name, _Expected):
    """An argument has a value that is not allowed."""

    value: str | int | list[float]


class FilterInvalid(InputError, _Reason):
    """A filter of features (过滤条件) cannot be read or asked; ``where``: a place of its text, a path of its JSON."""

    where: _Worded


class ValueUnstorable(InputError, _Reason):
    """A value that the database cannot keep: a NUL in a text, a number or a day beyond its type."""


class NotFoundError(GridmgmtError):
    """A name that the database or the data folder does not hold."""


class CalendarMissing(NotFoundError, _Name, _Known):
    """No work calendar has that name."""


class CollectionMissing(NotFoundError, _Name, _Known):
    """There is no collection of features (要素集) of that name."""


class FeatureMissing(NotFoundError, _Name):
    """A collection has no feature (要素) of that id, or not at the time that is asked for."""

    id: str


class CaseMissing(NotFoundError, _CaseNo):
    """No case (案件) has that number."""


class SampleMissing(NotFoundError):
    """No sample (样本) has that number, drawn or looked at."""

    sample_no: str


class FileMissing(NotFoundError):
    """No photograph or file has that SHA-256."""

    sha256: str


class SchemeMissing(NotFoundError, _Name, _Known):
    """No scheme of reporting (报送制度) has that id."""


class StaffingSchemeMissing(NotFoundError, _Name, _Known):
    """No scheme of staffing (人员配置标准) has that id."""


class LayerMissing(NotFoundError, _Kind, _Day, _Known):
    """No reference layer (参考图层) of that kind and name is valid on that day."""

    name: str | None


class LayerKindMissing(NotFoundError, _Name, _Known):
    """No kind of reference layers (图层种类) has that name."""


class RepeatRuleMissing(NotFoundError, _Name, _Known):
    """No rule of repeat cases (重复案件规则) has that name."""


class CityMissing(NotFoundError):
    """The database has no city yet."""


class EditionMissing(NotFoundError, _Name, _Known):
    """No edition (网格版本) has that name."""


class NoEditionOnDate(NotFoundError, _Day, _Known):
    """No active edition is valid on that day."""


class ServiceMissing(NotFoundError, _Code):
    """Open311: no service of the catalogue has that code."""


class JurisdictionMissing(NotFoundError, _Code, _Known):
    """Open311: another city is asked for."""


class GridMissing(NotFoundError, _Code):
    """No grid has that code in the edition."""


class TileMissing(NotFoundError):
    """A zoom has no square of that column and row; ``most`` is the last of both."""

    z: int
    x: int
    y: int
    most: int


class AssessmentMissing(NotFoundError, _Name, _Known):
    """No assessment (考评) has that name."""


class SubjectMissing(NotFoundError, _Name, _Code):
    """The assessment has no such subject (考核对象)."""


class ItemMissing(NotFoundError, _Known):
    """The rulebook has no such item."""

    item: str


class IndicatorMissing(NotFoundError, _Name, _Known):
    """No indicator has that name."""


class GroupMissing(NotFoundError, _Code, _Known):
    """The figures have no such group (source, category, unit, person, ending or grid)."""

    by: str


class RulebookMissing(NotFoundError, _Name, _Known):
    """No rulebook has that id."""


class RulebookNotInForce(NotFoundError, _Name, _Known, _Day):
    """No version of the rulebook is in force on that day."""


class SubjectsMissing(NotFoundError, _Name, _Kind):
    """Nobody is there to be assessed: the rulebook's list of subjects is to be imported first."""


class DossierMissing(NotFoundError, _Name):
    """An assessment was made before its inputs were kept with it."""


class PeriodsNotAssessed(NotFoundError, _Name):
    """Periods that are to be compared under other rules have no assessment yet."""

    periods: list[str]
    first: str


class AssessmentWithoutMap(NotFoundError, _Name):
    """An assessment of units or persons has no map."""


class AppealMissing(NotFoundError):
    """No appeal (申诉) has that number."""

    number: int


class PlanMissing(NotFoundError, _Name, _Known):
    """No sampling plan (抽查方案) says how the samples of a rulebook are drawn."""


class ChecklistMissing(NotFoundError, _Name, _Known):
    """No check list (检查表) has that id."""


class DrawMissing(NotFoundError, _Name, _Known):
    """No draw (抽取) has that name."""


class NoticeMissing(NotFoundError, _Known):
    """No rectification notice (整改通知) has that number."""

    number: str


class FindingsMissing(NotFoundError):
    """There is nothing to be rectified: no findings that stand in no notice yet."""

    draw: str
    unit: str


class ProfileMissing(NotFoundError, _Name, _Known):
    """No profile has that id."""


class ConflictError(GridmgmtError):
    """Right in itself, but not in this state of the database."""


class CityExists(ConflictError, _Code):
    """The database already has its city, and its settings are others: ``changes`` tell from what to what."""

    changes: Sequence[_Worded]


class EditionExists(ConflictError, _Name):
    """An edition of that name was loaded before."""


class EditionActive(ConflictError, _Name):
    """An active edition is never changed."""

    valid_from: str


class EditionShrinks(ConflictError, _Name, _Other):
    """An edition covers less than the one before it: perhaps a partial delivery without its base."""

    area_km2: str
    other_km2: str


class EditionOverlap(ConflictError, _Name, _Day, _Other):
    """The dates of two editions would overlap."""

    other_from: str


class CategoryUnknown(ConflictError, _Value):
    """A category that the city's table does not hold."""


class CategorySeveral(InputError, _Value, _Known):
    """A name that several categories of the city's table have or hold."""


class UnitUnknown(ConflictError, _Value):
    """A unit that the city's table does not hold."""


class DatabaseRefused(ConflictError, _Reason):
    """The database's own rules refuse a row: it stands there already, lacks something, or may not be changed.

    No value is told. Mostly somebody else wrote the same at the same time; else it is a fault of ours.
    """

    table: str | None


class PersonUnknown(ConflictError, _Value):
    """A person whom the city's table does not hold, or never held in a post."""


class RulebookChanged(ConflictError, _Name):
    """A version of a rulebook that was used has another text now."""

    version: int


class RulebooksDiffer(ConflictError, _Name):
    """The assessments of a range of periods were made by different texts of the rulebook."""

    periods: list[str]


class AssessmentFormOld(ConflictError, _Name):
    """An assessment is stored in a form that is no longer read."""

    schema: str
    known: list[str]


class AssessmentIncomplete(ConflictError, _Name, _N):
    """An assessment that lacks inputs is not published."""

    missing: list[str]


class AssessmentPublished(ConflictError, _Period, _Other):
    """The assessment is published, or another one of its period is."""


class FactsChanged(ConflictError):
    """A draft whose facts are no longer those that it was scored from."""

    name: str
    kinds: Sequence[str]


class AppealRefused(ConflictError, _Why):
    """An appeal that cannot be opened or decided."""

    name: str = _ABSENT
    fact: str = _ABSENT
    subject: str = _ABSENT
    number: int = _ABSENT
    state: str = _ABSENT


class DrawExists(ConflictError, _Name, _Period):
    """The samples of a period were drawn before, by another seed or from other frames."""

    seed: str


class DrawReplaced(ConflictError, _Name):
    """The samples of a period were drawn anew: those of the draw before are not visited any more."""

    by: str


class NoticeClosed(ConflictError, _At):
    """A rectification notice (整改通知) was checked and found done."""

    number: str


class LayerExists(ConflictError, _Name, _Kind, _Day):
    """Another reference layer (参考图层) of that kind and name begins on that very day."""


class LayerOverlap(ConflictError, _Name, _Kind, _Day):
    """A reference layer (参考图层) of that kind and name begins later."""

    other_from: str


class StepIllegal(ConflictError, _CaseNo, _Step):
    """The state of a case does not allow a step; ``legal`` names those it does."""

    state: str
    legal: list[str]


class StepRefused(ConflictError, _CaseNo, _Step, _Why, _At):
    """A step that the state allows, but not for this case at this moment."""

    last: str
    unit: str = _ABSENT


class CaseExists(ConflictError, _CaseNo):
    """A case of that number was opened before."""


class CaseChanged(ConflictError, _CaseNo, _Step, _At):
    """Somebody acted on the case since the version that was seen."""

    expected: int
    found: int
    actor: str


class DocketMovedOn(ConflictError):
    """The docket (案件台账) is asked for as of a moment after which steps were taken: it is today's."""

    now: str
    last: str


class RowTaken(ConflictError, _CaseNo, _Step, _At):
    """A row of a file became a step before, and says something else now."""

    ref: str


class FilesFull(ConflictError):
    """A step or sample has as many photographs and files as are allowed."""

    n_most: int


class DatabaseNotEmpty(ConflictError, _N):
    """A backup comes back into an empty database and folder only; ``what`` are tables or files."""

    db: str
    what: str


class TimeLimitContradicts(ConflictError):
    """A time limit for the same class, stage and days is stated otherwise."""

    category: str
    unit_code: str | None
    stage: str
    stated: Sequence[_Worded]
    given: Sequence[_Worded]
    valid_from: str


class UnavailableError(GridmgmtError):
    """Something outside this process is missing."""


class ExtraMissing(UnavailableError):
    """A part of the package that is installed only where it is asked for (可选组件)."""

    module: str
    extra: str


class Overloaded(UnavailableError):
    """The server works on as many requests as it may, and as many wait."""

    n: int
    seconds: int


class TooManyListeners(UnavailableError):
    """So many listen to events as a worker of the server may keep."""

    n: int
    setting: str


class AnswerLate(UnavailableError):
    """An answer took longer than it may; what was done for it is dropped."""

    seconds: int
    setting: str


class AskerLeft(UnavailableError):
    """Who asked has left before the answer was there; what was done for it is dropped."""


class ServingRefused(UnavailableError):
    """The server would be open to other machines and is not made ready for that; ``wanted``: what lacks."""

    wanted: list[str]


class DatabaseUnreachable(UnavailableError, _Reason):
    """No PostgreSQL answers at the address."""

    url: str


class DatabaseLost(UnavailableError, _Reason):
    """The database ended the connection in the middle of a use case."""


class DatabaseExhausted(UnavailableError, _Reason):
    """The database's server has no room left: disk, memory or connections."""


class DatabaseFailed(UnavailableError, _Reason):
    """The database could not do it: a deadlock, a cancelled statement, a damaged file; ``state`` is its SQLSTATE."""

    state: str


class AccessError(GridmgmtError):
    """Who asks may not: he is not known, or it is not his; ``is_told``: it stands in the audit by now."""

    is_told = False


class SignInNeeded(AccessError):
    """Nobody is signed in, or what was shown holds no more."""


class SignInRefused(AccessError):
    """A name and a password that do not belong together, or a disabled account: which is not told."""


class SignInLocked(AccessError):
    """Too many tries in a row by this name or from this address; says how long to wait."""

    wait_s: int


class IdentityUnknown(AccessError):
    """Whom an identity provider (统一身份认证) knows is linked with no account that may sign in."""

    issuer: str
    subject: str


class IdentityRefused(AccessError):
    """What came back from an identity provider does not hold: another state, a wrong token, or it said no."""

    reason: str


class ProviderMissing(NotFoundError):
    """No identity provider is set."""


class ProviderUnreachable(UnavailableError):
    """The identity provider does not answer."""

    reason: str


class OriginRefused(AccessError):
    """A page of another site used somebody's session."""

    origin: str


class AccessDenied(AccessError):
    """No post of his has the verb."""

    verb: str


class OutsideScope(AccessError):
    """It lies outside what his posts cover."""

    verb: str
    about: str


class AccountMissing(NotFoundError):
    """Nobody may sign in by this name."""

    login: str


class KeyMissing(NotFoundError):
    """There is no key of this number that holds."""

    number: int


class HookMissing(NotFoundError):
    """There is no hook of this number."""

    number: int


class RowMissing(NotFoundError):
    """No row of that number waits in quarantine, or it is not the viewer's."""

    number: int


class JobMissing(NotFoundError):
    """No job (后台任务) of this number is the viewer's to see, or it made no file that is still kept."""

    number: int


class JobUnfinished(ConflictError):
    """A job has no result (yet)."""

    number: int
    state: str


class JobCancelled(ConflictError):
    """Somebody asked to cancel a job, or another worker goes on with it: what this try did is undone."""

    number: int


class JobGivenUp(ConflictError):
    """A job was begun many times and never ended: its workers died."""

    number: int
    n: int


class JobBroken(UnavailableError):
    """A job ended by a fault of ours; ``kind`` is what Python calls it."""

    kind: str


class RequestUnderWay(ConflictError):
    """A request of this key is being done, or was done by a process that ended before it answered."""

    key: str


class RequestKeyReused(InputError):
    """Another request had this key."""

    key: str


class AccountExists(ConflictError):
    """Somebody signs in by this name already."""

    login: str


class RolesMissing(UnavailableError):
    """A role of the database is absent, and its owner may not make it."""

    statements: list[str]


class DiskFull(UnavailableError, _File):
    """The disk has no room left for a file that is being written; what stood there stays."""


class DatabaseOutdated(UnavailableError):
    """The database's tables are not those of this release."""

    found: str
    wanted: str


class DatabaseForeign(UnavailableError):
    """The database's tables are of a release that this one cannot migrate."""

    found: str
    oldest: str
    newest: str


class FileLost(UnavailableError):
    """A photograph or file is known, but not in the files folder as it was handed in."""

    sha256: str
    folder: str


class FilesUnwritable(UnavailableError, _Reason):
    """The files folder cannot be written."""

    folder: str


class ServerMissing(UnavailableError):
    """PostgreSQL with PostGIS is not installed here."""

    packages: list[str]
    variable: str


class ServerPidTaken(UnavailableError, _File):
    """The private server's pid file was left behind and names a living process of another program."""

    pid: int


class ProgramFailed(UnavailableError, _Reason):
    """One of PostgreSQL's own programs did not end well."""

    program: str


class SettingInvalid(UnavailableError, _Name, _Known):
    """An environment variable is unknown or has a wrong value."""
