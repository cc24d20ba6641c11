"""What is frozen with an assessment (考评依据): the facts that count, each with the counts it is in."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pandas as pd
from sqlalchemy import Connection, literal, select, text

from gridmgmt.database import tables as t
from gridmgmt.database.copying import rows, unspool
from gridmgmt.database.spools import Spool


def save(connection: Connection, table: str, assessment_id: int, proof: Spool) -> None:
    """Freeze the facts that count, with the columns of the spool's head, in its order."""
    columns = ", ".join(proof.columns)
    connection.execute(text(f"CREATE TEMPORARY TABLE proof AS SELECT {columns} FROM {table} LIMIT 0"))
    unspool(connection, "proof", proof)
    frozen = f"INSERT INTO {table} (assessment_id, {columns}) SELECT :id, {columns} FROM proof"
    connection.execute(text(frozen), {"id": assessment_id})
    connection.execute(text("DROP TABLE proof"))


def facts(connection: Connection, table: str, assessment_id: int) -> pd.DataFrame:
    """The frozen facts of a kind in the order they were saved: number, hash, codes of grids, unit, mask, shares."""
    columns = [c for c in t.metadata.tables[table].c if c.name != "assessment_id"]
    own = t.metadata.tables[table].c
    found = connection.execute(select(*columns).where(own.assessment_id == assessment_id).order_by(text("ctid")))
    return pd.DataFrame(found.mappings().all(), columns=[c.name for c in columns])


def numbers(connection: Connection, table: str, assessment_id: int, level: int, code: str, bit: int) -> list[str]:
    """The numbers of the frozen facts behind one count of one grid, each once; of level 0 a unit's, acts a person's."""
    own = "person_code" if table == t.assessment_act.name else "unit_code"
    whose = "grid_codes[:level] = :code" if level else f"{own} = :code"
    if level and table == t.assessment_sample.name:  # a road counts wherever a part of it lies
        whose = f"COALESCE(jsonb_exists(shares -> CAST(:level AS text), :code), {whose})"
    statement = text(
        f"SELECT fact_no FROM {table} "
        f"WHERE assessment_id = :assessment_id AND {whose} AND mask & :bit <> 0 ORDER BY fact_no"
    )
    params = {"assessment_id": assessment_id, "code": code, "bit": 1 << bit, **({"level": level} if level else {})}
    return list(connection.execute(statement, params).scalars())


def parts_in(connection: Connection, assessment_id: int, level: int, code: str) -> dict[str, str]:
    """Number of each frozen sample that counts for a grid by length (按长度分摊) → its exact part there."""
    statement = text(
        "SELECT fact_no, shares -> CAST(:level AS text) ->> :code AS part FROM assessment_sample "
        "WHERE assessment_id = :assessment_id AND jsonb_exists(shares -> CAST(:level AS text), :code) ORDER BY fact_no"
    )
    found = connection.execute(statement, {"assessment_id": assessment_id, "level": level, "code": code})
    return {r.fact_no: r.part for r in found}


def fact(connection: Connection, table: str, assessment_id: int, fact_no: str) -> Mapping[str, Any] | None:
    """One frozen fact: its grids' codes by level, its unit, the counts it is in; None: it counts nowhere.

    Of a sample also ``shares``: level → code → exact part, None where it counts as a whole.
    """
    statement = text(f"SELECT * FROM {table} WHERE assessment_id = :assessment_id AND fact_no = :fact_no")
    found = connection.execute(statement, {"assessment_id": assessment_id, "fact_no": fact_no}).mappings().one_or_none()
    return dict(found) if found else None


_STEP_NO = re.compile(r"(.+)(#[0-9]+|!(?:order|hang|exposed)[0-9.]*)")
"""The number of a step (``C1#7``) or of an event that follows from steps (``C1!hang2``): its case, and which it is."""


def case_of(step_no: str) -> str:
    """The number of the case that a step's or event's number names."""
    found = _STEP_NO.fullmatch(step_no)
    return found[1] if found else step_no


def steps_of_case(connection: Connection, table: str, assessment_id: int, case_no: str) -> dict[str, Mapping[str, Any]]:
    """Number → the frozen fact of every step and event, or of every act, of a case that counts in an assessment."""
    statement = text(
        f"SELECT * FROM {table} WHERE assessment_id = :assessment_id "
        "AND fact_no >= :first AND fact_no < :after ORDER BY fact_no"
    )
    bounds = {"first": f"{case_no}!", "after": f"{case_no}$"}  # from ! to #, both of them
    found = connection.execute(statement, {"assessment_id": assessment_id, **bounds}).mappings()
    return {r["fact_no"]: dict(r) for r in found if case_of(r["fact_no"]) == case_no}


def amounts(connection: Connection, of: str, assessment_id: int, fact_no: str) -> dict[str, Fraction]:
    """What a frozen fact adds to sums: reworks of a case, the score of a sample, of the version that counted."""
    if of in ("steps", "acts"):
        return {}
    column, versions, fact_id, key = {
        "cases": ("n_rework", "case_version", "case_id", "case_no"),
        "samples": ("score", "sample_version", "sample_id", "sample_no"),
    }[of]
    table = f"assessment_{of.removesuffix('s')}"
    statement = text(
        f"SELECT v.{column} FROM {table} AS a JOIN {of} AS f ON f.{key} = a.fact_no "
        f"JOIN {versions} AS v ON v.{fact_id} = f.id AND v.content_hash = a.content_hash "
        "WHERE a.assessment_id = :assessment_id AND a.fact_no = :fact_no LIMIT 1"
    )
    found = connection.execute(statement, {"assessment_id": assessment_id, "fact_no": fact_no}).scalar()
    return {column: Fraction(str(found))} if found is not None else {}


def copy(connection: Connection, table: str, source: int, target: int) -> None:
    """Give a corrected assessment the frozen facts of the one it corrects."""
    columns = [c for c in t.metadata.tables[table].c if c.name != "assessment_id"]
    own = t.metadata.tables[table].c.assessment_id
    frozen = select(literal(target), *columns).where(own == source)
    names = ["assessment_id", *(c.name for c in columns)]
    connection.execute(t.metadata.tables[table].insert().from_select(names, frozen))


def spots(connection: Connection, assessment_id: int, level: int, code: str, bit: int) -> list[tuple[float, float]]:
    """Where the cases behind one count of one grid stood, lon and lat in EPSG:4490, in case-number order."""
    found = rows(
        connection, "assessing/store/spots_of_grid", assessment_id=assessment_id, level=level, code=code, bit=1 << bit
    )
    return [(r["lon"], r["lat"]) for r in found]
