"""The city (城市): names, time zone, metric CRS, ordered grid levels. One database is one city."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pyproj import CRS
from pyproj.exceptions import CRSError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gridmgmt.errors import CityInvalid, LevelUnknown

STORAGE_EPSG = 4490
"""SRID of every stored geometry: CGCS2000, degrees (project convention)."""

DATUMS = ("CGCS2000", "WGS84")


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

    def bad(key: str, value: object, expected: str) -> CityInvalid:
        return CityInvalid(key=key, value=str(value), expected=expected)

    if not city.code or not (city.zh or city.en):
        raise bad("code, name", f"{city.code} {city.zh} {city.en}", "a code and at least one name")
    try:
        ZoneInfo(city.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise bad("time_zone", city.time_zone, "an IANA zone such as Asia/Shanghai") from e
    try:
        crs = CRS.from_epsg(city.metric_epsg)
    except CRSError as e:
        raise bad("metric_crs", city.metric_epsg, "an EPSG number") from e
    if not crs.is_projected or any(axis.unit_conversion_factor != 1 for axis in crs.axis_info):
        raise bad("metric_crs", f"EPSG:{city.metric_epsg}", "a projected system in metres")
    if city.datum not in DATUMS:
        raise bad("datum", city.datum, " or ".join(DATUMS))
    if [x.number for x in city.levels] != list(range(1, len(city.levels) + 1)) or not 2 <= len(city.levels) <= 6:
        raise bad("levels", [x.key for x in city.levels], "two to six levels in order, city first")
    if len({x.key for x in city.levels}) != len(city.levels):
        raise bad("levels", [x.key for x in city.levels], "distinct keys")
    if not city.languages or set(city.languages) - {"zh", "en"}:
        raise bad("languages", city.languages, "zh and/or en")


def from_dict(data: dict[str, Any]) -> City:
    """Make a city from the plain mapping that city.yaml and the database hold.

    Raises
    ------
    CityInvalid
        An unknown, missing or wrong key.
    """
    known = {
        "code", "name", "time_zone", "metric_crs", "datum", "levels",
        "prefix_codes", "calendar", "languages", "category_scheme",
    }  # fmt: skip
    for key in set(data) - known:
        raise CityInvalid(key=key, value=str(data[key]), expected="one of " + ", ".join(sorted(known)))
    for key in ("code", "name", "time_zone", "metric_crs"):
        if key not in data:
            raise CityInvalid(key=key, value="", expected="a value (the key is missing)")
    name = data["name"]
    names = {"zh": name, "en": name} if isinstance(name, str) else name
    try:
        levels = (
            tuple(Level(number=i, **x) for i, x in enumerate(data["levels"], 1)) if "levels" in data else DEFAULT_LEVELS
        )
        return City(
            code=str(data["code"]),
            zh=names.get("zh", ""),
            en=names.get("en", ""),
            time_zone=data["time_zone"],
            metric_epsg=int(data["metric_crs"]),
            datum=data.get("datum", "CGCS2000"),
            levels=levels,
            prefix_codes=bool(data.get("prefix_codes", False)),
            calendar=data.get("calendar", "cn"),
            languages=tuple(data.get("languages", ("zh", "en"))),
            scheme=data.get("category_scheme", "gb47678_5"),
        )
    except (TypeError, ValueError, AttributeError) as e:
        raise CityInvalid(key="levels, name or metric_crs", value=str(e), expected="the form of docs/city.md") from e


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
    """Read city.yaml.

    Raises
    ------
    CityInvalid
        Not YAML, an unknown or duplicate key, or a value that cannot be used.
    """
    try:
        data = YAML(typ="safe").load(path.read_text("utf-8"))
    except (OSError, YAMLError) as e:
        raise CityInvalid(key=str(path), value=str(e), expected="a YAML file") from e
    if not isinstance(data, dict):
        raise CityInvalid(key=str(path), value=str(data), expected="keys and values")
    return from_dict(data)
