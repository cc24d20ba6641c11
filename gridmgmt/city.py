"""The city (城市): names, time zone, metric CRS, ordered grid levels. One database is one city."""

import datetime as dt
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pyproj import CRS
from pyproj.exceptions import CRSError

from gridmgmt.accepted import closest
from gridmgmt.errors import CityInvalid, FileUnreadable, LevelUnknown, by_parser
from gridmgmt.texts import expected

STORAGE_EPSG = 4490
"""SRID of every stored geometry: CGCS2000, degrees (project convention)."""

_DATUM_EPSG = {"CGCS2000": STORAGE_EPSG, "WGS84": 4326}
LANGUAGES = ("zh", "en")

KEYS = frozenset({
    "code", "name", "time_zone", "metric_crs", "datum", "levels",
    "prefix_codes", "calendar", "languages", "category_scheme",
})  # fmt: skip
"""What city.yaml may hold."""


@dataclass(frozen=True)
class Level:
    """One grid level (网格层级): ``number`` 1 is the city, the largest number the leaf."""

    number: int
    key: str
    zh: str
    en: str
    code_length: int | None = None


DEFAULT_LEVELS = (
    Level(1, "city", "市", "City", 4),
    Level(2, "district", "区县", "District", 6),
    Level(3, "street", "街道", "Street", 9),
    Level(4, "community", "社区", "Community", 12),
)


@dataclass(frozen=True)
class City:
    """One city's settings, as city.yaml and the database's one row hold them.

    Attributes
    ----------
    datum
        How output coordinates are labelled: CGCS2000 or WGS84 (same numbers).
    metric_epsg
        Projected CRS in metres; areas and distances are measured in it.
    prefix_codes
        Check that a grid's code starts with its parent's code.
    languages
        First one is the default of commands and pages.
    calendar
        Work calendar: a name in ``data/calendars``, or the path of a YAML file.
    scheme
        Category scheme of the city's cases, e.g. ``gb47678_5``.
    """

    code: str
    zh: str
    en: str
    time_zone: str
    metric_epsg: int
    datum: str = "CGCS2000"
    levels: tuple[Level, ...] = DEFAULT_LEVELS
    prefix_codes: bool = False
    calendar: str = "cn"
    languages: tuple[str, ...] = ("zh", "en")
    scheme: str = "gb47678_5"

    def __post_init__(self) -> None:
        check(self)

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone; local times without a zone are in it."""
        return ZoneInfo(self.time_zone)

    @property
    def standard_hours(self) -> float | None:
        """How far the city's clock is from UTC, summer time left out; None where its zone is no place (UTC, Etc/…)."""
        if "/" not in self.time_zone or self.time_zone.startswith("Etc/"):
            return None
        offsets = (dt.datetime(2024, month, 1, tzinfo=self.zone).utcoffset() for month in (1, 7))
        return min(x.total_seconds() for x in offsets if x is not None) / 3600

    @property
    def datum_epsg(self) -> int:
        """How coordinates that leave the database are labelled."""
        return _DATUM_EPSG[self.datum]

    @property
    def leaf(self) -> Level:
        """The deepest level: the one that decides who owns a point."""
        return self.levels[-1]

    def name(self, lang: str) -> str:
        """The city's name in one language, else in the other."""
        return (self.zh or self.en) if lang == "zh" else (self.en or self.zh)

    def level(self, name: str | int) -> Level:
        """A level by key, number or Chinese or English name.

        Raises
        ------
        LevelUnknown
            The city has no such level.
        """
        wanted = str(name).strip().lower()
        for level in self.levels:
            if wanted in (level.key, str(level.number), level.zh, level.en.lower()):
                return level
        raise LevelUnknown(value=str(name), known=[x.key for x in self.levels])


def check(city: City) -> None:
    """Refuse a city that could not be computed with.

    Raises
    ------
    CityInvalid
        Names the key, the value seen and what was expected.
    """
    if not city.code or not (city.zh or city.en):
        raise bad("code, name", f"{city.code} {city.zh} {city.en}", "code_and_name")
    try:
        ZoneInfo(city.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:  # OSError: a folder of the zone table, such as Asia
        raise bad("time_zone", city.time_zone, "zone") from e
    try:
        crs = CRS.from_epsg(city.metric_epsg)
    except CRSError as e:
        raise bad("metric_crs", city.metric_epsg, "epsg") from e
    if not crs.is_projected or any(axis.unit_conversion_factor != 1 for axis in crs.axis_info):
        raise bad("metric_crs", f"EPSG:{city.metric_epsg}", "metres")
    if city.datum not in _DATUM_EPSG:
        raise bad("datum", city.datum, "one_of", known=[*_DATUM_EPSG])
    if [x.number for x in city.levels] != list(range(1, len(city.levels) + 1)) or not 2 <= len(city.levels) <= 6:
        raise bad("levels", [x.key for x in city.levels], "levels_in_order")
    if len({x.key for x in city.levels}) != len(city.levels):
        raise bad("levels", [x.key for x in city.levels], "level_keys")
    if not city.languages or any(x not in LANGUAGES for x in city.languages):
        raise bad("languages", list(city.languages), "languages")


def bad(key: str, value: object, code: str, /, **facts: Any) -> CityInvalid:
    """What is wrong with a key of city.yaml, and what was expected; of a long value its beginning is told."""
    text = " ".join(str(value).split())
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return CityInvalid(key=key, value=shown, expected=expected(code, **facts))


_SHOWN = 100
"""Characters of a wrong value that are told."""


def from_dict(data: dict[str, Any]) -> City:
    """Make a city from the plain mapping that city.yaml and the database hold.

    Nothing is guessed: ``prefix_codes: "false"`` is a text and refused, as
    Python would take it for true.

    Raises
    ------
    CityInvalid
        An unknown, missing or wrong key.
    """
    for key, value in data.items():
        if key not in KEYS:
            raise bad(str(key), value, "known_key", known=closest(str(key), sorted(KEYS)))
    for key in ("code", "name", "time_zone", "metric_crs"):
        if key not in data:
            raise bad(key, "", "a_key")
    zh, en = _names(data["name"])
    return City(
        code=str(_of(data, "code", (str, int), None, "city_code")),
        zh=zh,
        en=en,
        time_zone=_of(data, "time_zone", str, None, "zone"),
        metric_epsg=_epsg(data["metric_crs"]),
        datum=_of(data, "datum", str, "CGCS2000", "datum"),
        levels=_levels(data["levels"]) if "levels" in data else DEFAULT_LEVELS,
        prefix_codes=_of(data, "prefix_codes", bool, False, "unquoted_flag"),
        calendar=_of(data, "calendar", str, "cn", "calendar"),
        languages=tuple(_of(data, "languages", (list, tuple), LANGUAGES, "languages")),
        scheme=_of(data, "category_scheme", str, "gb47678_5", "scheme"),
    )


def _of(data: dict[str, Any], key: str, kinds: type | tuple[type, ...], default: Any, wanted: str) -> Any:
    """A key's value, if it is of the kinds; true and false are no numbers."""
    value = data.get(key, default)
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise bad(key, value, wanted)
    return value


def _names(value: Any) -> tuple[str, str]:
    """Chinese and English name; one text is both."""
    if isinstance(value, str):
        return value, value
    if not isinstance(value, dict) or any(k not in LANGUAGES or not isinstance(v, str) for k, v in value.items()):
        raise bad("name", value, "city_name")
    return value.get("zh", ""), value.get("en", "")


def _epsg(value: Any) -> int:
    """``4547`` or ``epsg:4547``."""
    text = str(value).strip().lower().removeprefix("epsg:")
    if not re.fullmatch("[0-9]{4,6}", text):
        raise bad("metric_crs", value, "epsg")
    return int(text)


def _levels(value: Any) -> tuple[Level, ...]:
    wanted = "level_list"
    if not isinstance(value, list | tuple):
        raise bad("levels", value, wanted)
    for item in value:
        if not isinstance(item, dict) or not {"key", "zh", "en"} <= set(item) <= {"key", "zh", "en", "code_length"}:
            raise bad("levels", item, wanted)
        length = item.get("code_length")
        if not all(isinstance(item[k], str) and item[k] for k in ("key", "zh", "en")):
            raise bad("levels", item, wanted)
        if length is not None and (not isinstance(length, int) or isinstance(length, bool) or length < 1):
            raise bad("levels", item, "code_length")
    return tuple(Level(number, **item) for number, item in enumerate(value, 1))


def to_dict(city: City) -> dict[str, Any]:
    """The plain mapping of a city; :func:`from_dict` reads it back."""
    levels = [{k: v for k, v in asdict(x).items() if k != "number"} for x in city.levels]
    return {
        "code": city.code,
        "name": {"zh": city.zh, "en": city.en},
        "time_zone": city.time_zone,
        "metric_crs": city.metric_epsg,
        "datum": city.datum,
        "levels": levels,
        "prefix_codes": city.prefix_codes,
        "calendar": city.calendar,
        "languages": list(city.languages),
        "category_scheme": city.scheme,
    }


def read(path: Path) -> City:
    """Read city.yaml; the path of a calendar of the city's own is told from the folder of city.yaml.

    Raises
    ------
    FileUnreadable
        It is not there, or may not be read.
    CityInvalid
        Not YAML in UTF-8, an unknown or duplicate key, or a value that cannot be used.
    """
    from ruamel.yaml.error import YAMLError

    from gridmgmt.bounds import read_text
    from gridmgmt.invalid import NOT_UTF8, no_yaml
    from gridmgmt.yamls import safe_yaml

    try:
        data = safe_yaml().load(read_text(path))
    except OSError as e:
        raise FileUnreadable(file=str(path), reason=by_parser(e)) from e
    except (UnicodeDecodeError, YAMLError) as e:
        reason = NOT_UTF8 if isinstance(e, UnicodeDecodeError) else no_yaml(e, with_line=True)
        raise bad(path.name, "", "yaml_file", reason=reason) from e
    if not isinstance(data, dict):
        raise bad(path.name, data, "keys_and_values")
    city = from_dict(data)
    if city.calendar.endswith((".yaml", ".yml")):
        city = replace(city, calendar=str((path.parent / city.calendar).resolve()))
    return city
