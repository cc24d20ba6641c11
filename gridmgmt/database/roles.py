"""The database's roles (数据库角色): its owner migrates, a worker does bulk jobs, the web what a request asks for.

The worker is past the row policies, since COPY refuses them: its scope is checked before it starts. The web is neither
owner nor superuser; each of its transactions tells who views, and the policies let it see that viewer's rows only.
"""

from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from gridmgmt.errors import RolesMissing

Role = Literal["owner", "worker", "web"]

ROLE = "gridmgmt_role"
"""Option of a connection: as which role it was opened."""

NAMES: dict[Role, str] = {"worker": "gridmgmt_worker", "web": "gridmgmt_web"}
"""Role → its name on the server, whose databases share it."""

_MADE: dict[Role, str] = {"worker": "LOGIN BYPASSRLS", "web": "LOGIN"}

_LEAKPROOF = ("geometry_overlaps(geometry, geometry)", "geometry_same(geometry, geometry)")
"""Operators of indexes on geometries (&&, ~=). They tell nothing of a row that they are asked of: they fail only where
two systems of coordinates are mixed, and all columns have one. Without the mark the planner asks row policies first and
leaves the index aside."""


def ensure(connection: psycopg.Connection[Any]) -> None:
    """Make the roles that are absent, let the owner act as them, and mark the operators of spatial indexes.

    Raises
    ------
    RolesMissing
        A role is absent and this user may not make it; says what a superuser is to run.
    """
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    is_super = row is not None and row[0]
    absent = [f"CREATE ROLE {NAMES[role]} {how}" for role, how in _MADE.items() if NAMES[role] not in known]
    for statement in absent:
        try:
            connection.execute(sql.SQL(statement))
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            continue  # made for another database meanwhile
        except psycopg.errors.InsufficientPrivilege as e:
            raise RolesMissing(statements=_for_superuser(connection)) from e
    if is_super:
        for function in _LEAKPROOF:
            connection.execute(sql.SQL(f"ALTER FUNCTION {function} LEAKPROOF"))
    elif not _may_act(connection):
        raise RolesMissing(statements=_for_superuser(connection))


def may_read(connection: Connection) -> bool:
    """Whether the roles may do what they are for: a dump that came back has none of their rights."""
    may = "bool_and(has_table_privilege(oid, 'alembic_version', 'SELECT'))"
    asked = text(f"SELECT {may} FROM pg_roles WHERE rolname = ANY (:names)")
    return bool(connection.execute(asked, {"names": [*NAMES.values()]}).scalar())


def grant(connection: Connection) -> None:
    """Give the roles what they are for; to be done by the owner."""
    path = Path(__file__).with_name("sql") / "grants.sql"
    connection.exec_driver_sql(path.read_text("utf-8"))


def _may_act(connection: psycopg.Connection[Any]) -> bool:
    asked = "SELECT bool_and(pg_has_role(current_user, oid, 'MEMBER')) FROM pg_roles WHERE rolname = ANY (%s)"
    row = connection.execute(asked, [[*NAMES.values()]]).fetchone()
    return row is not None and bool(row[0])


def _for_superuser(connection: psycopg.Connection[Any]) -> list[str]:
    row = connection.execute("SELECT quote_ident(current_user)").fetchone()
    user = row[0] if row else ""
    return [
        *(f"CREATE ROLE {NAMES[role]} {how};" for role, how in _MADE.items()),
        f"GRANT {', '.join(NAMES.values())} TO {user};",
        *(f"ALTER FUNCTION {function} LEAKPROOF;" for function in _LEAKPROOF),
    ]
