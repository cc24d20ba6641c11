"""Asking for jobs as somebody with an account, and what stands afterwards."""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from gridmgmt.access.operations import users
from gridmgmt.database.work import Work
from gridmgmt.jobs.kinds import ImportAsked, Job
from gridmgmt.jobs.operations import asking
from gridmgmt.jobs.operations.running import Doors
from gridmgmt.jobs.store import files
from tests.api.small_city import HEADERS
from tests.postgis import towns


def as_(doors: Doors, login: str | None) -> Work:
    if login is None:
        return doors.work
    return doors.web.but(viewer=users.present(doors.work, login), worker=doors.work.engine)


def case(no: str, at: str = "2025-06-15 12:00:00", place: str = "D1-1") -> dict[str, str]:
    """A row as the profile ``demo_cases`` has it."""
    x, y = towns.middle(place)
    return {"案卷编号": no, "上报时间": at, "经度": repr(x), "纬度": repr(y), "坐标系": "CGCS2000", "更新时间": at}


def handed_in(doors: Doors, folder: Path, *rows: dict[str, str], login: str | None = "centre", **asked: Any) -> Job:
    """A file of cases, to be imported."""
    path = towns.write_csv(folder / "cases.csv", rows, HEADERS)
    with path.open("rb") as content:
        wanted = ImportAsked(profile="demo_cases", **asked)
        return asking.import_file(as_(doors, login), doors.root, content, "cases.csv", wanted)


def values(work: Work, statement: str) -> list[Any]:
    with work.connect() as connection:
        return list(connection.execute(text(statement)).scalars())


def kept(doors: Doors) -> set[str]:
    """Names of the whole files that jobs keep."""
    here = files.folder(doors.root)
    return {path.name for path in here.glob("*") if path.suffix != ".part"}
