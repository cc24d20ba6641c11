"""Old against new: what an old city's results were, and what its facts are scored to today, subject by subject.

`recompute` computes from what was frozen, by the rulebook of then. Here the facts are counted anew and today's rulebook
scores them: totals, points, grades, ranks and consequences that are others are those of the table, each with the letter
of the rule that was wrong, and nothing else.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from sqlalchemy import text

from gridmgmt.assessing.operations import appeals, scoring
from gridmgmt.assessing.operations.recomputing import _numbers as numbers
from gridmgmt.assessing.store import assessments as store
from gridmgmt.database import administration
from gridmgmt.database.work import Work, open_database
from gridmgmt.periods import parse_period
from gridmgmt.scorecards.documents import Document
from gridmgmt.settings import Settings
from tests import servers
from tests.frozen import stored
from tests.worlds import tampered

RECORDED = stored.hashes()["schemas"]
OLDEST = min(RECORDED)


@dataclass(frozen=True)
class Moved:
    """One thing that is another now: of which assessment and subject, what it was and is, and the documents."""

    assessment: str
    code: str
    item: str | None
    old: str | None
    new: str | None
    before: Document
    after: Document

    @property
    def what(self) -> tuple[str, str, str | None]:
        """How the table calls it."""
        return self.assessment, self.code, self.item


def _again(work: Work, kept: store.Stored, corrected: str | None) -> scoring.Made:
    """The assessment as it is made today: scored, or corrected anew by the appeals that were granted."""
    if corrected is not None:
        return appeals.correct(work, corrected)[0]
    return scoring.score(work, kept.rulebook_id, parse_period(kept.period), as_of=kept.as_of)


def moved(work: Work, names: list[str]) -> Iterator[Moved]:
    """All that is another now; the subjects are the same."""
    for name in sorted(names):
        with work.snapshot() as connection:
            kept = store.by_name(connection, name)
            rows = {r.key: Document.model_validate(r.document) for r in store.stored_rows(connection, kept.id)}
            of = "SELECT name FROM assessment WHERE id = :id"
            corrected = connection.execute(text(of), {"id": kept.corrects}).scalar()
        made = {d.subject.key: d for d in _again(work, kept, corrected).subjects}
        assert made.keys() == rows.keys(), name
        for key, after in made.items():
            for d in numbers(key[2], rows[key], after):
                yield Moved(name, d.code, d.what, d.stored, d.again, rows[key], after)


def _points(document: Document, item: str) -> Fraction:
    """What an item cost or earned; no line of it: nothing."""
    points = next((x.points for x in document.all_lines if x.item == item), None)
    return Fraction(points.exact) if points is not None else Fraction(0)


def _own_area(x: Moved) -> bool:
    """R1: the neglect alone costs nothing; what rests on the total follows, in the month where somebody had it."""
    item = "penalty_list_own_area_failed"
    cost = _points(x.before, item) - _points(x.after, item)
    if x.code == "points":
        return cost == 2 and Fraction(x.new or 0) - Fraction(x.old or 0) == (-2 if x.item == item else 2)
    if x.code == "total" and x.before.total and x.after.total:
        return Fraction(x.after.total.exact) - Fraction(x.before.total.exact) == cost == 2
    return x.code != "grade" or (cost == 2 and (x.old, x.new) == ("pass", "good"))


def _too_little(x: Moved) -> bool:
    """R3: no total from less than a stated share of its points, and no grade; the others' places close up."""
    share, least = Fraction(x.after.formed or 0), Fraction(3, 5)
    if x.code == "rank" and x.new is not None:
        return share >= least and x.old is not None and int(x.new.split()[0]) <= int(x.old.split()[0])
    return share < least and x.old is not None and x.new is None


def _told_beside(x: Moved) -> bool:
    """R12: a line of its own that was not there: of complaints there were none, orders stand beside the total."""
    own = x.after.inputs.get((x.item or "").removesuffix("_shown"))
    return (x.old, x.new) == (None, str(own.value) if own is not None else "0")


LETTERS: dict[str, Callable[[Moved], bool]] = {"R1": _own_area, "R3": _too_little, "R12": _told_beside}
ANNEX, BASE, OCT, NOV = (
    "city_department_annex2-2026-01-1",
    "grid_baseline-2025-12",
    "qixian-2025-10-1",
    "qixian-2025-11-1",
)
KINDS = ("appearance", "campaign", "discipline", "leader", "media", "other", "superior")
NAMED: dict[tuple[str, str, str | None], tuple[str, int]] = {
    **{(ANNEX, "points", f"supervised_{kind}_shown"): ("R12", 56) for kind in KINDS},
    ("ningbo_district-2025-12-1", "points", "r_complained"): ("R12", 2),
    (f"{BASE}-1", "grade", None): ("R3", 18),
    (f"{BASE}-1", "total", None): ("R3", 18),
    (f"{BASE}-1", "rank", "level"): ("R3", 29),
    (f"{BASE}-1", "rank", "siblings"): ("R3", 29),
    (OCT, "points", "penalty_list_own_area_failed"): ("R1", 1),
    (OCT, "points", "penalties"): ("R1", 1),
    (OCT, "total", None): ("R1", 1),
    (OCT, "grade", None): ("R1", 1),
    (NOV, "points", "penalty_list_own_area_failed"): ("R1", 1),
    (NOV, "points", "penalties"): ("R1", 1),
    (NOV, "total", None): ("R1", 1),
    (NOV, "grade", None): ("R1", 1),
    (NOV, "rank", "level"): ("R1", 2),
    (NOV, "rank", "siblings"): ("R1", 2),
    (NOV, "consequence", "both_ends_flag"): ("R1", 2),
    (NOV, "consequence", "bureau_criticism"): ("R1", 2),
    (NOV, "consequence", "bureau_praise"): ("R1", 2),
    (NOV, "consequence", "last_named"): ("R1", 2),
}
"""Of the oldest city: assessment, what is another and of which item → the letter that says why, of how many subjects.

What an appeal corrected (the second December of `grid_baseline`) keeps the rulebook of then: nothing of it moves.
"""


def unlike(found: list[Moved], named: dict[tuple[str, str, str | None], tuple[str, int]]) -> list[str]:
    """Where what moved and the table part: too many or too few of a kind, or something else than the letter says."""
    n = Counter(x.what for x in found)
    counted = [
        f"{k}: {n[k]}, not {named.get(k, ('', 0))[1]}" for k in {**n, **named} if n[k] != named.get(k, ("", 0))[1]
    ]
    strange = [x for x in found if x.what in named and not LETTERS[named[x.what][0]](x)]
    return counted + [f"{x.what} {x.after.subject.code}: {x.old} → {x.new}" for x in strange]


@pytest.fixture
def city(databases: servers.Databases) -> Iterator[Callable[[str], Work]]:
    """The city of a schema's dump, migrated."""
    works = []

    def migrated(schema: str) -> Work:
        def build(given: Settings) -> None:
            stored.restore(open_database(given, "owner"), stored.SCHEMAS / f"{schema}.sql.gz")
            administration.migrate(given)

        works.append(open_database(databases.copied("again", databases.template(f"again_{schema}", build))))
        return works[-1]

    yield migrated
    for work in works:
        work.close()


@pytest.mark.parametrize("schema", sorted(RECORDED))
def test_what_is_scored_otherwise_today_is_named_by_a_letter_and_nothing_else(
    schema: str, city: Callable[[str], Work]
) -> None:
    """Later cities were scored under the rules of today: nothing of them moves."""
    work, names = city(schema), [*RECORDED[schema]["assessments"]]
    found = list(moved(work, names))
    assert unlike(found, NAMED if schema == OLDEST else {}) == []
    assert {x.before.subject.code for x in found} <= {x.after.subject.code for x in found}


def test_a_difference_that_no_letter_names_is_noticed(city: Callable[[str], Work]) -> None:
    """An entry of November is one more than it was; and of the table nothing may be left that does not happen."""
    work = city(OLDEST)
    with tampered(work) as connection:
        less = (
            "UPDATE entry SET value = '71' WHERE id = (SELECT min(id) FROM entry WHERE rulebook_id = 'qixian' "
            "AND period = '2025-11' AND input = 'digital')"
        )
        assert connection.exec_driver_sql(less).rowcount == 1
    told = unlike(list(moved(work, [NOV])), {k: v for k, v in NAMED.items() if k[0] == NOV})
    assert any("'points'" in line for line in told)
    assert any("'total'" in line for line in told)


def test_each_letter_says_which_way(city: Callable[[str], Work]) -> None:
    """The same count of differences, but of other values, is noticed too; so is one that does not come."""
    found = list(moved(city(OLDEST), [OCT]))
    named = {k: v for k, v in NAMED.items() if k[0] == OCT}
    assert unlike(found, named) == []
    (grade,) = [x for x in found if x.code == "grade"]
    others = [x for x in found if x is not grade]
    assert len(unlike([*others, replace(grade, new="fail")], named)) == 1
    assert unlike(others, named) == [f"{grade.what}: 0, not 1"]
    assert len(unlike([*found, replace(grade, code="rank")], named)) == 1
