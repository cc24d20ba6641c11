"""Every error of the platform, as a code and its facts.

The wording, Chinese and English, stands in ``data/texts`` under the error's
``code`` and is filled from ``facts`` when it is shown (:func:`gridmgmt.texts.word`).

::

    GridmgmtError
    ├── InputError            what was handed in is wrong: mend it and try again
    │   ├── FileUnreadable, ColumnMissing, TableInvalid, TableRefused, ProfileInvalid, CityInvalid
    │   ├── CrsMissing, CrsUnknown, CrsNotConvertible, CoordinateOutOfRange
    │   ├── CrsImplausible    CrsLooksProjected, CrsLooksSwapped, CrsLooksGeographic
    │   ├── PeriodInvalid, PeriodAhead, InstantInvalid, LevelUnknown, CodeInvalid
    │   ├── EditionInvalid    its topology report says why
    │   │   └── DeliveryIncomplete
    │   ├── RulebookInvalid   file, line and key
    │   ├── DossierInvalid    every fault of the inputs handed to a rulebook
    │   ├── EntryInvalid      a row of a form, of a subject list or of the daily staff table
    │   ├── PlanInvalid       a sampling plan or a check list: file, line and key
    │   ├── StepIncomplete    a step of a case lacks its actor, reason, unit or a fact
    │   ├── FactUnknown, FactInvalid   a step takes no such fact, or not with that value
    │   ├── FileRefused       a photograph or file that is not kept
    │   ├── DataFileInvalid   a file of the data folder: file, key and value
    │   ├── LayerEmpty        none of a file's features can enter the reference layer
    │   └── OptionInvalid     an argument of a command or request
    ├── NotFoundError         a name that the database does not hold
    │   ├── CityMissing, EditionMissing, GridMissing, AssessmentMissing
    │   ├── RulebookMissing, ProfileMissing, SubjectMissing, ItemMissing, IndicatorMissing
    │   ├── AssessmentWithoutMap, AppealMissing, SubjectsMissing, DossierMissing, PeriodsNotAssessed
    │   ├── PlanMissing, ChecklistMissing, DrawMissing, NoticeMissing, FindingsMissing
    │   ├── CalendarMissing, CaseMissing, SampleMissing, FileMissing, SchemeMissing, StaffingSchemeMissing
    │   ├── LayerMissing, LayerKindMissing, RepeatRuleMissing
    │   ├── RulebookNotInForce  no version of it holds on that day
    │   └── NoEditionOnDate   no edition is valid on that day
    ├── ConflictError         right in itself, but not in this state
    │   ├── CityExists, EditionExists, EditionActive, EditionOverlap, EditionShrinks
    │   ├── CategoryUnknown, UnitUnknown
    │   ├── RulebookChanged   a version that was used is not edited: it gets a new number
    │   ├── RulebooksDiffer   periods that are to be compared were assessed by different texts
    │   ├── AssessmentIncomplete, AssessmentPublished
    │   ├── DrawExists, DrawReplaced, NoticeClosed
    │   ├── LayerExists, LayerOverlap   another one begins on that day, or a later one is there
    │   ├── StepIllegal, StepRefused   a case's state, or the case as it is, does not allow the step
    │   ├── TimeLimitContradicts
    │   ├── CaseExists, CaseChanged    somebody else opened it, or acted on it first
    │   ├── DocketMovedOn     steps were taken since the moment that the docket is asked for
    │   ├── RowTaken          a row of a file became a step before, and says something else now
    │   ├── FilesFull         a step or sample has as many files as are allowed
    │   └── AppealRefused     not open for that, or decided already
    └── UnavailableError      something outside the process is missing
        ├── DatabaseUnreachable, DatabaseOutdated, DatabaseForeign, ServerMissing
        ├── FileLost          a photograph is known and its file is gone or damaged
        ├── FilesUnwritable   the folder of photographs and files
        └── SettingInvalid
"""

from typing import Any, ClassVar


class GridmgmtError(Exception):
    """Something is wrong; ``code`` names it and ``facts`` say where and with what value.

    Parameters
    ----------
    **facts
        JSON-ready values (str, int, float, bool, None or lists of them) that
        the message needs; each is an attribute of the error as well, unless
        it is called ``code`` (that one is in ``facts`` only).
    """

    code: ClassVar[str] = "error"

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.code, facts)
        self.facts = facts

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.facts)

    def __str__(self) -> str:
        return f"{self.code}: " + ", ".join(f"{k}={v!r}" for k, v in self.facts.items())

    def __init_subclass__(cls) -> None:
        cls.code = "".join("_" + c.lower() if c.isupper() else c for c in cls.__name__).lstrip("_")


def _remade(cls: type[GridmgmtError], facts: dict[str, Any]) -> GridmgmtError:
    """An error that was pickled or copied, as test runners and process pools do."""
    return cls(**facts)


class InputError(GridmgmtError):
    """What was handed in is wrong."""


class FileUnreadable(InputError):
    """A file is absent, empty, or not of its format."""


class ColumnMissing(InputError):
    """A column that the mapping names is not in the file."""


class TableInvalid(InputError):
    """A row of a reference table (units, categories, responsibility) is wrong."""


class TableRefused(InputError):
    """Rows of a reference table that do not fit together, all of them named."""


class ProfileInvalid(InputError):
    """A column mapping (导入方案) breaks its own rules."""


class CityInvalid(InputError):
    """city.yaml breaks its own rules."""


class CrsMissing(InputError):
    """A layer carries no coordinate system and none was given."""


class CrsUnknown(InputError):
    """A coordinate system's name is not known."""


class CrsImplausible(InputError):
    """The numbers of a layer cannot belong to the coordinate system it claims."""


class CrsLooksProjected(CrsImplausible):
    """A layer is labelled as degrees and holds the numbers of a projected system."""


class CrsLooksSwapped(CrsImplausible):
    """A layer in degrees holds latitude before longitude."""


class CrsLooksGeographic(CrsImplausible):
    """A layer is labelled as projected and holds degrees."""


class CrsNotConvertible(InputError):
    """No published transformation connects a coordinate system's datum to the stored one."""


class CoordinateOutOfRange(InputError):
    """A coordinate lies where its system is not defined."""


class PeriodInvalid(InputError):
    """A period (考核周期) is not written in a known form."""


class PeriodAhead(InputError):
    """The data ends before the period (考核周期) begins."""


class InstantInvalid(InputError):
    """An instant is not ISO 8601."""


class LevelUnknown(InputError):
    """A grid level that the city does not have."""


class CodeInvalid(InputError):
    """A grid or category code breaks the layout."""


class EditionInvalid(InputError):
    """An edition's grids would make an assignment ambiguous."""


class DeliveryIncomplete(EditionInvalid):
    """A partial delivery (局部更新) holds grids without their district."""


class RulebookInvalid(InputError):
    """A rulebook (考核办法) breaks its own rules."""


class DossierInvalid(InputError):
    """The inputs handed to a rulebook (考核数据) are wrong; every fault is listed."""


class EntryInvalid(InputError):
    """Rows of an entry form (录入表), a subject list or a staff table are wrong; every fault is listed."""


class PlanInvalid(InputError):
    """A sampling plan (抽查方案) or a check list (检查表) breaks its own rules."""


class StepIncomplete(InputError):
    """A step (办理步骤) lacks what its kind needs."""


class FactUnknown(InputError):
    """A step takes no fact of that name; ``takes`` are those that it does."""


class FactInvalid(InputError):
    """A fact of a step has a value that is not of its type."""


class FileRefused(InputError):
    """A photograph or file (照片、附件) is not kept; ``why`` says why not."""


class DataFileInvalid(InputError):
    """A file of the data folder breaks its own rules; ``fault`` says how."""


class LayerEmpty(InputError):
    """None of a file's features can enter the reference layer (参考图层)."""


class OptionInvalid(InputError):
    """An argument has a value that is not allowed."""


class NotFoundError(GridmgmtError):
    """A name that the database or the data folder does not hold."""


class CalendarMissing(NotFoundError):
    """No work calendar has that name."""


class CaseMissing(NotFoundError):
    """No case (案件) has that number."""


class SampleMissing(NotFoundError):
    """No sample (样本) has that number, drawn or looked at."""


class FileMissing(NotFoundError):
    """No photograph or file has that SHA-256."""


class SchemeMissing(NotFoundError):
    """No scheme of reporting (报送制度) has that id."""


class StaffingSchemeMissing(NotFoundError):
    """No scheme of staffing (人员配置标准) has that id."""


class LayerMissing(NotFoundError):
    """No reference layer (参考图层) of that kind and name is valid on that day."""


class LayerKindMissing(NotFoundError):
    """No kind of reference layers (图层种类) has that name."""


class RepeatRuleMissing(NotFoundError):
    """No rule of repeat cases (重复案件规则) has that name."""


class CityMissing(NotFoundError):
    """The database has no city yet."""


class EditionMissing(NotFoundError):
    """No edition (网格版本) has that name."""


class NoEditionOnDate(NotFoundError):
    """No active edition is valid on that day."""


class GridMissing(NotFoundError):
    """No grid has that code in the edition."""


class AssessmentMissing(NotFoundError):
    """No assessment (考评) has that name."""


class SubjectMissing(NotFoundError):
    """The assessment has no such subject (考核对象)."""


class ItemMissing(NotFoundError):
    """The rulebook has no such item."""


class IndicatorMissing(NotFoundError):
    """No indicator has that name."""


class RulebookMissing(NotFoundError):
    """No rulebook has that id."""


class RulebookNotInForce(NotFoundError):
    """No version of the rulebook is in force on that day."""


class SubjectsMissing(NotFoundError):
    """Nobody is there to be assessed: the rulebook's list of subjects is to be imported first."""


class DossierMissing(NotFoundError):
    """An assessment was made before its inputs were kept with it."""


class PeriodsNotAssessed(NotFoundError):
    """Periods that are to be compared under other rules have no assessment yet."""


class AssessmentWithoutMap(NotFoundError):
    """An assessment of units or persons has no map."""


class AppealMissing(NotFoundError):
    """No appeal (申诉) has that number."""


class PlanMissing(NotFoundError):
    """No sampling plan (抽查方案) says how the samples of a rulebook are drawn."""


class ChecklistMissing(NotFoundError):
    """No check list (检查表) has that id."""


class DrawMissing(NotFoundError):
    """No draw (抽取) has that name."""


class NoticeMissing(NotFoundError):
    """No rectification notice (整改通知) has that number."""


class FindingsMissing(NotFoundError):
    """There is nothing to be rectified: no findings that stand in no notice yet."""


class ProfileMissing(NotFoundError):
    """No profile has that id."""


class ConflictError(GridmgmtError):
    """Right in itself, but not in this state of the database."""


class CityExists(ConflictError):
    """The database already has its city."""


class EditionExists(ConflictError):
    """An edition of that name was loaded before."""


class EditionActive(ConflictError):
    """An active edition is never changed."""


class EditionShrinks(ConflictError):
    """An edition covers less than the one before it: perhaps a partial delivery without its base."""


class EditionOverlap(ConflictError):
    """The dates of two editions would overlap."""


class CategoryUnknown(ConflictError):
    """A category that the city's table does not hold."""


class UnitUnknown(ConflictError):
    """A unit that the city's table does not hold."""


class RulebookChanged(ConflictError):
    """A version of a rulebook that was used has another text now."""


class RulebooksDiffer(ConflictError):
    """The assessments of a range of periods were made by different texts of the rulebook."""


class AssessmentIncomplete(ConflictError):
    """An assessment that lacks inputs is not published."""


class AssessmentPublished(ConflictError):
    """The assessment is published, or another one of its period is."""


class AppealRefused(ConflictError):
    """An appeal that cannot be opened or decided."""


class DrawExists(ConflictError):
    """The samples of a period were drawn before, by another seed or from other frames."""


class DrawReplaced(ConflictError):
    """The samples of a period were drawn anew: those of the draw before are not visited any more."""


class NoticeClosed(ConflictError):
    """A rectification notice (整改通知) was checked and found done."""


class LayerExists(ConflictError):
    """Another reference layer (参考图层) of that kind and name begins on that very day."""


class LayerOverlap(ConflictError):
    """A reference layer (参考图层) of that kind and name begins later."""


class StepIllegal(ConflictError):
    """The state of a case does not allow a step; ``legal`` names those it does."""


class StepRefused(ConflictError):
    """A step that the state allows, but not for this case at this moment."""


class CaseExists(ConflictError):
    """A case of that number was opened before."""


class CaseChanged(ConflictError):
    """Somebody acted on the case since the version that was seen."""


class DocketMovedOn(ConflictError):
    """The docket (案件台账) is asked for as of a moment after which steps were taken: it is today's."""


class RowTaken(ConflictError):
    """A row of a file became a step before, and says something else now."""


class FilesFull(ConflictError):
    """A step or sample has as many photographs and files as are allowed."""


class TimeLimitContradicts(ConflictError):
    """A time limit for the same class, stage and days is stated otherwise."""


class UnavailableError(GridmgmtError):
    """Something outside this process is missing."""


class DatabaseUnreachable(UnavailableError):
    """No PostgreSQL answers at the address."""


class DatabaseOutdated(UnavailableError):
    """The database's tables are not those of this release."""


class DatabaseForeign(UnavailableError):
    """The database's tables are of a release that this one cannot migrate."""


class FileLost(UnavailableError):
    """A photograph or file is known, but not in the files folder as it was handed in."""


class FilesUnwritable(UnavailableError):
    """The files folder cannot be written."""


class ServerMissing(UnavailableError):
    """PostgreSQL with PostGIS is not installed here."""


class SettingInvalid(UnavailableError):
    """An environment variable is unknown or has a wrong value."""
