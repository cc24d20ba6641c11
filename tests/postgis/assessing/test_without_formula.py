"""Schemes without a formula, over the database: each person's own record, a squadron's size, a brigade's year."""

from pathlib import Path
from typing import Any

import pytest

from gridmgmt.assessing.operations import entries, explaining, scoring, subjects
from gridmgmt.database.work import Work
from gridmgmt.people.operations import people, reference
from gridmgmt.periods import parse_period
from tests import worlds
from tests.postgis import towns
from tests.postgis.assessing.test_persons import dispatchers
from tests.postgis.worksite import at

SQUADRONS = (
    "code,name_zh,name_en,kind,parent_code\n"
    "Q1,一中队,Squadron 1,执法中队,\nQ2,机动中队,Mobile squadron,执法中队,\nX,城管局,Bureau,bureau,\n"
)


@pytest.fixture
def month(world: worlds.World) -> Work:
    """Three dispatchers with twenty-four actions in December."""
    return world(dispatchers)


def points(made: scoring.Made, code: str) -> dict[str, Any]:
    (card,) = [d for d in made.subjects if d.subject.code == code]
    return {x.item: x.points.exact if x.points else None for x in card.all_lines}


def test_each_person_sees_what_he_did_and_what_went_wrong(month: Work, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("code,name_zh\nP1,甲\nP2,乙\nP3,丙\n", "utf-8")
    subjects.import_subjects(month, "harbin", path)
    made = scoring.score(month, "harbin", parse_period("2025-12"), as_of=at(0, 31))
    found = {code: points(made, code) for code in ("P1", "P2", "P3")}
    assert {code: (x["dispatches"], x["handlings"], x["problems"]) for code, x in found.items()} == {
        "P1": ("21", "0", "1"), "P2": ("2", "0", "0"), "P3": ("0", "0", "0"),
    }  # fmt: skip
    assert {m.input for d in made.subjects for m in d.missing} == {"reported"}  # who reported is nobody that is known
    assert {d.total for d in made.subjects} == {None}
    told = explaining.explain(month, made.name, "P1", "dispatches")
    assert "A05" in str(told)


@pytest.mark.parametrize(("book", "one", "item"), [("beijing_grid", "D1", "hangs"), ("beijing_unit", "U1", "hangs")])
def test_without_steps_accounts_are_missing_and_no_empty_list(
    world: worlds.World, tmp_path: Path, book: str, one: str, item: str
) -> None:
    """Cases by their dates alone: nobody knows what hung, until somebody records an account or signs that none did."""
    town = world(dated)

    def scored() -> dict[str, tuple[Any, str | None]]:
        made = scoring.score(town, book, parse_period("2025-12"))
        held = {d.subject.code: d.inputs.get("accounts") for d in made.subjects}
        return {code: (v and v.value, points(made, code)[item]) for code, v in held.items()}

    def enter(*rows: str) -> None:
        path = tmp_path / "accounts.csv"
        path.write_text("\n".join(["period,subject,input,value,case,code", *rows]) + "\n", "utf-8")
        assert entries.import_entries(town.but(actor="王某"), book, path).n_refused == 0

    assert set(scored().values()) == {(None, None)}
    enter(*(f"2025-12,{one},accounts,,A1,{step}" for step in ("dispatched", "missed")))
    found = scored()
    assert (found[one][1], {v for code, v in found.items() if code != one}) == ("1", {(None, None)})
    enter("2025-12,*,signed_off,yes,,")
    found = scored()
    assert (found[one][1], {points for code, (_, points) in found.items() if code != one}) == ("1", {"0"})


def dated(work: Work, folder: Path) -> None:
    towns.found(work, folder, units=("U1", "U2"))
    row = towns.case("A", at="2025-12-02", reg="2025-12-02", due="2025-12-10", closed="2025-12-20", unit="U1")
    assert towns.load(work, folder, [row]).n_quarantined == 0


def test_a_squadron_is_counted_by_its_posts(town: Work, tmp_path: Path) -> None:
    """Two officers are too few, three are enough; the bureau is no squadron."""
    (tmp_path / "units.csv").write_text(SQUADRONS, "utf-8")
    reference.import_units(town, tmp_path / "units.csv")
    held = [("P0", "Q1"), ("P1", "Q1"), ("P2", "Q2"), ("P3", "Q2"), ("P4", "Q2")]
    (tmp_path / "people.csv").write_text("code,name\n" + "".join(f"{p},{p}\n" for p, _ in held), "utf-8")
    rows = "".join(f"{p},{unit},officer\n" for p, unit in held)
    (tmp_path / "posts.csv").write_text("person_code,unit_code,role\n" + rows, "utf-8")
    people.import_people(town, tmp_path / "people.csv")
    people.import_posts(town, tmp_path / "posts.csv")
    made = scoring.score(town, "street_squadron", parse_period("2025"))
    assert {d.subject.code: points(made, d.subject.code)["size"] for d in made.subjects} == {"Q1": "0", "Q2": "1"}


def test_a_brigade_s_year_is_counted_by_source_and_class(town: Work, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text(
        "code,name_zh,name_en,kind,parent_code\nB,城管大队,Brigade,城管大队,\n", "utf-8"
    )
    reference.import_units(town, tmp_path / "units.csv")
    made = scoring.score(town, "brigade_report", parse_period("2025"))
    (card,) = made.subjects
    assert card.subject.code == "B"
    assert points(made, "B")["s_registered"] == "0"
    assert {m.input for m in card.missing} >= {"general", "simple", "lost", "demolished_m2", "conduct"}


def test_extensions_that_no_step_tells_are_missing_and_not_none(town: Work, tmp_path: Path) -> None:
    """Without steps nobody knows of extensions: the rate is 0 only where somebody signs that there were none."""
    (tmp_path / "units.csv").write_text("code,name_zh,name_en,kind,parent_code\nB,城管局,Bureau,bureau,\n", "utf-8")
    reference.import_units(town, tmp_path / "units.csv")
    towns.load(town, tmp_path, [{**towns.case("A"), "unit": "B"}])

    def missing() -> set[str]:
        (card,) = scoring.score(town, "city_department_annex2", parse_period("2025-12")).subjects
        return {m.input for m in card.missing}

    assert {"extensions", "repeat_cases"} <= missing()
    path = tmp_path / "entries.csv"
    path.write_text("period,subject,input,value\n2025-12,*,signed_off,是\n", "utf-8")
    assert not entries.import_entries(town.but(actor="王工"), "city_department_annex2", path).problems
    assert not {"extensions", "repeat_cases"} & missing()
