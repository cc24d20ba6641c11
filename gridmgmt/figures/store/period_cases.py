"""Cases of a period (期内案件) as they were at a cut-off, counted where they are: in the database."""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, TextClause

from gridmgmt.casework.cases import HELD, STANDING
from gridmgmt.casework.transitions import CORRECTING, HALTING, STEADY, TRANSITIONS
from gridmgmt.database import tables as t
from gridmgmt.database.copying import UTC, fetch, fetch_table, query, rows, spooled
from gridmgmt.database.facts import CASES, LOCATED
from gridmgmt.database.spools import Spool
from gridmgmt.figures.grouping import ENDINGS
from gridmgmt.figures.predicates import Condition
from gridmgmt.figures.store.conditions import Compiled
from gridmgmt.figures.store.period_facts import CASE_TYPES

_WEEK = dt.timedelta(days=7)
"""By so much cells are kept apart: weeks of UTC, as ``week_of`` has them in the database."""

_SQL_TYPES = {UTC: "timestamptz", pa.int64(): "bigint", pa.float64(): "double precision", pa.bool_(): "boolean"}

_ROW = {name: kind for name, kind in CASE_TYPES.items() if name != "stands"}

_CLOCKS = ("reported_at", "registered_at", "dispatched_at", "coalesce(due_extended_at, due_at)")
"""The clocks of the base counts: a case counts in a period if one of them lies there."""

_CODE = """coalesce('"' || replace(replace(g{n}.code, '\\', '\\\\'), '"', '\\"') || '"', 'NULL')"""
"""A grid's code as the text of an array has it."""

_ASKED_TO_STAND = ("dispatched_at", "due_at", "due_extended_at")
"""Columns of a case's row on which it depends whether the case stands."""

_CLOCKS_BESIDE = {"reported_at", "dispatched_at"}
"""What is compared with the cut-off beside the conditions: who is told as he was, and who stands."""

_STAMPED = frozenset(CASES.facts) & {TRANSITIONS[kind].stamps for kind in STEADY}
"""The times of a case that went straight which may lie after the cut-off."""

_STANDING = {"standing": list(STANDING), "held": list(HELD), "halting": list(HALTING)}

_KEY_TYPES = {
    **dict.fromkeys((*t.GRID_COLUMNS, "unit_id", "n_rework"), pa.int64()),
    **dict.fromkeys(("source", "category_kind", "category_code", "ending"), pa.string()),
}
"""What cells may be kept apart by."""


@dataclass(frozen=True)
class WorkedAfter:
    """The cases reported by a cut-off on which steps were taken here after it, by what tells how they were then.

    Attributes
    ----------
    n_straight
        Of how many it is their row: nothing in it has changed since but its state and times that were not set before,
        all by steps of :data:`gridmgmt.casework.transitions.STEADY`; they lie where they did, with the unit that has
        them, and had been worked on here before (else they were what an export said).
    others
        The ids of all others.
    versions, assignments
        Of which of these it is a version, and beside it the assignment of that time (None: the row has the place).
    folded
        The numbers of those that only their steps tell.
    """

    n_straight: int = 0
    others: Sequence[int] = ()
    versions: Sequence[int] = ()
    assignments: Sequence[int | None] = ()
    folded: Sequence[str] = ()

    @property
    def params(self) -> dict[str, Any]:
        """What statements are told of them."""
        return {n: list(getattr(self, n)) for n in ("others", "versions", "assignments")}


@dataclass(frozen=True)
class PeriodCases:
    """The cases of a period; every method answers for the same rows.

    Attributes
    ----------
    start, end
        The period's bounds, half-open.
    cut, held_since
        The data cut-off; who is on hold since before ``held_since`` no longer stands.
    told
        The cases of ``worked`` that only their steps tell, folded: :data:`CASE_TYPES`.
    worked
        The cases with steps after the cut-off; they count as they were then.
    """

    connection: Connection
    start: dt.datetime
    end: dt.datetime
    cut: dt.datetime
    held_since: dt.datetime
    told: pd.DataFrame
    worked: WorkedAfter = WorkedAfter()

    def rows(self) -> pd.DataFrame:
        """The cases themselves, by number; ``stands``: at the cut-off no deadline runs for anybody."""
        names = {"columns": ", ".join(_ROW), "stands": _stands(), "cases": self._relation(_ROW, _ROW)}
        return fetch(self.connection, query("figures/store/cases_of_period", **names), self._params(), CASE_TYPES)

    def cells(self, keys: Sequence[str], conditions: Sequence[Condition]) -> pd.DataFrame:
        """How many cases meet the same conditions: a row for each set of them (``mask``) and each value of ``keys``."""
        names, made, relation = _counted(tuple(keys), tuple(conditions))
        layers = made.over(self._relation(relation, made.beyond))
        statement = query("figures/store/cells_of_period", **names, layers=layers)
        return fetch(self.connection, statement, self._params() | made.params, _types(keys))

    def cells_by_week(
        self, keys: Sequence[str], conditions: Sequence[Condition], weeks: Collection[dt.datetime] | None = None
    ) -> Any:
        """The same as an Arrow table, by the week in which cases were reported.

        Columns ``week`` (null: cases that are told as they were), ``keys``, ``mask``, ``n``, and ``next_at``: the first
        instant not before the cut-off that a condition asks for.

        Parameters
        ----------
        weeks
            Of cases as they stand only those of these weeks are asked; None: all.
        """
        statement, params = self._by_week(keys, conditions, weeks)
        types = {"week": UTC, **_types(keys), "next_at": UTC}
        return fetch_table(self.connection, statement, self._params() | params, types)

    def question(self, keys: Sequence[str], conditions: Sequence[Condition]) -> list[Any]:
        """All that cells by week depend on beside the facts and the cut-off: the statement and what is bound to it."""
        plain = replace(self, worked=WorkedAfter())  # who was worked on since is told by the steps
        statement, params = plain._by_week(keys, conditions, None)
        bound = {k: v for k, v in plain._params().items() if k not in ("cut", "held_since", "told")}
        return [statement.text, bound | params]

    def _by_week(
        self, keys: Sequence[str], conditions: Sequence[Condition], weeks: Collection[dt.datetime] | None
    ) -> tuple[TextClause, dict[str, Any]]:
        names, made, relation = _counted(tuple(keys), tuple(conditions))
        chosen, params = _of_weeks(weeks)
        layers = made.over(self._relation(relation, made.beyond, made.clocks | _CLOCKS_BESIDE, chosen))
        return query("figures/store/cells_by_week", **names, layers=layers), made.params | params

    def numbers(self, chosen: Condition, conditions: Sequence[Condition]) -> pd.DataFrame:
        """The numbers (``case_no``) of chosen cases that meet any of some conditions, and which (``mask``)."""
        made = Compiled({"stands": _stands()})
        mask = made.mask(conditions)
        names = {
            "chosen": made.holds(chosen),
            "mask": mask,
            "layers": made.over(self._relation({"case_no", *made.read, *_ASKED_TO_STAND}, made.beyond)),
        }
        statement = query("figures/store/case_numbers", **names)
        types = {"case_no": pa.string(), "mask": pa.int64()}
        return fetch(self.connection, statement, self._params() | made.params, types)

    def proofs(self, levels: Sequence[int], conditions: Sequence[Condition], path: Path) -> Spool:
        """The cases that count, by number: where they count and in what (``mask``)."""
        made, mask = _masked(tuple(conditions))
        columns = {n: t.GRID_COLUMNS[n - 1] for n in levels}
        shown = {"case_no", "content_hash", "unit_id", *columns.values()}
        names = {
            "mask": mask, "grids": ", ".join(columns.values()),
            "layers": made.over(self._relation({*shown, *made.read, *_ASKED_TO_STAND}, {*shown, *made.beyond})),
            "codes": ", ".join(_CODE.format(n=n) for n in levels),
            "joins": "\n".join(f"LEFT JOIN grid AS g{n} ON g{n}.id = counted.{c}" for n, c in columns.items()),
        }  # fmt: skip
        statement = query("figures/store/case_proofs", **names)
        return spooled(self.connection, statement, self._params() | made.params, path)

    def _relation(
        self, columns: Collection[str], beyond: Collection[str], clocks: Collection[str] = (), chosen: str = "true"
    ) -> str:
        """The period's cases as SQL, with some of their columns.

        Parameters
        ----------
        beyond
            Columns that are asked for more than what the cut-off sees of them: of the others a time that came later
            may stand there still, which saves looking for the cases that have gone on since.
        clocks
            Given these, cases that their rows tell have two columns more: the week of their report, and the first of
            the clocks, as the rows have them today, that is not before the cut-off (``next_at``).
        chosen
            Which of the cases that their rows tell are asked.
        """
        asked = [n for n in _ROW if n in columns]
        following = ", ".join(f"CASE WHEN {x} >= :cut THEN {x} END" for x in sorted(clocks))
        names = {
            "columns": ", ".join(asked),
            "stored": ", ".join(_as_then(n) if self.worked.n_straight and n in beyond else n for n in asked),
            "within": " OR ".join(f"({clock} >= :start AND {clock} < :end)" for clock in _CLOCKS),
            "versions": _versions(asked),
            "types": ", ".join(f"{name} {_SQL_TYPES.get(kind, 'text')}" for name, kind in _ROW.items()),
            "week": f", week_of(reported_at) AS week, least({following}) AS next_at" if clocks else "",
            "no_week": ", NULL, NULL" if clocks else "",
            "chosen": chosen,
        }
        return query("figures/store/period_cases", **names).text

    def _params(self) -> dict[str, Any]:
        return {
            "start": self.start, "end": self.end, "cut": self.cut, "held_since": self.held_since,
            **_STANDING,
            **self.worked.params, "told": json.dumps(_plain(self.told), ensure_ascii=False),
        }  # fmt: skip


@lru_cache(maxsize=64)
def _masked(conditions: tuple[Condition, ...]) -> tuple[Compiled, str]:
    """Conditions as SQL, not to be added to, and their mask."""
    made = Compiled({"stands": _stands()})
    return made, made.mask(conditions)


@lru_cache(maxsize=64)
def _counted(
    keys: tuple[str, ...], conditions: tuple[Condition, ...]
) -> tuple[Mapping[str, str], Compiled, frozenset[str]]:
    """What is counted by keys, as parts of a statement, and the columns that are read for it."""
    made = Compiled({"stands": _stands()})
    names = {
        "keys": ", ".join(keys), "mask": made.mask(conditions),
        "read": ", ".join(f"{made.choice(ENDINGS)} AS ending" if k == "ending" else k for k in keys),
    }  # fmt: skip
    return names, made, frozenset({*keys, *made.read, *_ASKED_TO_STAND} - {"ending"})


def _types(keys: Sequence[str]) -> dict[str, pa.DataType]:
    return {**{k: _KEY_TYPES[k] for k in keys}, "mask": pa.int64(), "n": pa.int64()}


def _of_weeks(weeks: Collection[dt.datetime] | None) -> tuple[str, dict[str, Any]]:
    """Whether a case is of some weeks: a range for those that follow each other, so that the index is used."""
    if weeks is None:
        return "true", {}
    ranges: list[list[dt.datetime]] = []
    for week in sorted(weeks):
        if ranges and ranges[-1][1] == week:
            ranges[-1][1] = week + _WEEK
        else:
            ranges.append([week, week + _WEEK])
    told = [f"reported_at >= :from{n} AND reported_at < :to{n}" for n in range(len(ranges))]
    bound = {f"{name}{n}": at for n, span in enumerate(ranges) for name, at in zip(("from", "to"), span, strict=True)}
    return " OR ".join(told) or "false", bound


def _plain(told: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them; what is unknown is null."""
    if told.empty:
        return []
    names = [str(name) for name in told.columns]
    rows = told.astype(object).where(told.notna(), None).itertuples(index=False, name=None)
    return [
        {n: v.isoformat() if isinstance(v, dt.datetime) else v for n, v in zip(names, row, strict=True)} for row in rows
    ]


def _as_then(column: str) -> str:
    """A column of a case's row at the cut-off, if the case has gone straight since."""
    if column in _STAMPED:
        return f"CASE WHEN {column} > :cut AND {_worked()} THEN NULL ELSE {column} END AS {column}"
    if column != "content_hash":
        return column
    facts = (f"CASE WHEN {n} <= :cut THEN {n} END AS {n}" if n in _STAMPED else n for n in CASES.facts if n != "status")
    then = query("figures/store/hash_at_cut", hashed=CASES.hashed, facts=", ".join(facts)).text
    return f"CASE WHEN {_worked()} THEN {then} ELSE content_hash END AS content_hash"


def _versions(columns: Collection[str]) -> str:
    """Cases at the cut-off as versions tell them; where no assignment tells the place it is that of the row."""
    made = {n: f"CASE WHEN a.id IS NULL THEN c.{n} ELSE a.{n} END" for n in LOCATED}
    made |= {"case_no": "c.case_no", "unit_id": f"coalesce(u.id, {made['unit_id']})"}
    asked = {*columns, *_ASKED_TO_STAND, "reported_at", "registered_at"}
    chosen = ", ".join(f"{made.get(n, f'v.{n}')} AS {n}" for n in _ROW if n in asked)
    return query("figures/store/versions_at_cut", columns=chosen).text


def at_cut(connection: Connection, cut: dt.datetime, held_since: dt.datetime, worked: WorkedAfter) -> pd.DataFrame:
    """The cases at a cut-off of which a version tells it: :data:`CASE_TYPES`, by number."""
    names = {"columns": ", ".join(_ROW), "stands": _stands(), "versions": _versions(_ROW)}
    params = {"cut": cut, "held_since": held_since, **_STANDING, **worked.params}
    return fetch(connection, query("figures/store/cases_at_cut", **names), params, CASE_TYPES)


def worked_after(connection: Connection, cut: dt.datetime) -> WorkedAfter:
    """The cases reported by a cut-off on which steps were taken here after it."""
    told = {"steady": list(STEADY), "correcting": list(CORRECTING)}
    (found,) = rows(connection, "figures/store/worked_after", cut=cut, **told)
    return WorkedAfter(**found)


def _worked() -> str:
    return query("figures/store/is_worked_after").text


def _stands() -> str:
    return query("figures/store/stands").text
