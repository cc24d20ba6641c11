"""Calendars and traffic lights from their files: ``data/calendars``, ``data/time_limits/lights.yaml``, a city's own."""

from functools import cache
from pathlib import Path

from gridmgmt.calendars import Calendar, CalendarFile
from gridmgmt.deadlines import Lights
from gridmgmt.errors import CalendarMissing
from gridmgmt.files import data_files
from gridmgmt.settings import data_path


@cache
def load(name: str) -> Calendar:
    """A calendar by its name in ``data/calendars`` or by the path of a YAML file.

    Raises
    ------
    CalendarMissing
        Neither exists; lists the known names.
    DataFileInvalid
        The file breaks its own rules.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else data_path("calendars", f"{name}.yaml")
    if not path.is_file():
        raise CalendarMissing(name=name, known=sorted(p.stem for p in data_path("calendars").glob("*.yaml")))
    return data_files.read(path, CalendarFile).calendar()


@cache
def lights() -> Lights:
    """The shares of a limit at which green and yellow end.

    Raises
    ------
    DataFileInvalid
    """
    return data_files.read(data_path("time_limits", "lights.yaml"), Lights)
