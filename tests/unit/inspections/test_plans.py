"""Plans and check lists as data: what is asked and why, what a finding costs, slips told by line and key."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.errors import ChecklistMissing, PlanInvalid, PlanMissing
from gridmgmt.inspections import checklists, plans
from gridmgmt.inspections.plans import Plan
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.settings import data_path

HUIJI = rulebooks.load("huiji").rulebook
PLANS = sorted(p.stem for p in data_path("plans").glob("*.yaml"))
TEXT = plans.load("huiji")[1]
LIST_TEXT = checklists.load("huiji")[1]


def unit(code: str = "U", group: str = "street", *attributes: str) -> Subject:
    return Subject(code, {"zh": code, "en": code}, "street", group, None, (), attributes)


@pytest.mark.parametrize("name", PLANS)
def test_a_shipped_plan_fits_its_rulebook_and_its_check_list(name: str) -> None:
    plan, _ = plans.load(name)
    book = rulebooks.load(name).rulebook
    checklist, _ = checklists.load(plan.checklist)
    objects = {o for kind in book.samples for o in (*kind.objects, *kind.instead)}
    assert plan.id == name
    assert set(plan.objects) == objects
    for kind in book.samples:
        for o in (*kind.objects, *kind.instead):
            assert checklist.items(kind.id, o), (kind.id, o)
    named = {o for items in checklist.types.values() for i in items for o in i.objects}
    assert named <= objects
    assert set(checklist.types) == {kind.id for kind in book.samples}
    assert set(plan.reasons) <= set(Plan.model_fields)


def test_every_plan_is_there() -> None:
    assert [name for name in rulebooks.known() if rulebooks.load(name).rulebook.samples] == PLANS


@pytest.mark.parametrize(
    ("who", "n"),
    [
        (unit(), 31),
        (unit("U", "street", "no_air_defence"), 30),
        (unit("U", "town"), 29),
        (unit("U", "town", "no_air_defence"), 28),
        (unit("U", "town", "no_market"), 29),  # an urban village instead: the number stays
    ],
)
def test_numbers_of_a_unit(who: Subject, n: int) -> None:
    lines = plans.lines(HUIJI, [who])
    assert sum(x.n for x in lines) == sum(a.n for a in plans.asked(lines)) == n
    assert len(lines) == len(HUIJI.samples)  # those with nothing too, and why


def test_why_a_line_is_what_it_is() -> None:
    lines = {x.type.id: x for x in plans.lines(HUIJI, [unit("U", "town", "no_market", "no_air_defence")])}
    told = {name: (x.why, x.attribute, dict(x.objects)) for name, x in lines.items() if x.why != "as_stated"}
    assert told == {
        "market": ("instead", "no_market", {"urban_village_for_market": 1}),
        "estates": ("other_group", "town", {}),
        "air_defence": ("without", "no_air_defence", {}),
    }
    assert {x.why for x in lines.values()} <= set(plans.WHY)


@pytest.mark.parametrize(
    ("old", "new", "key", "fault"),
    [
        ("span: P3M", "span: P3D", "span", "value"),
        ("span: P3M", "", "span", "missing_key"),
        ("span: P3M", "span: P3M\nspam: 1", "spam", "unknown_key"),
        ("span: P3M", "span: P3M\nspan: P4M", "YAML", "yaml"),
        ("least_share: 1/20", "least_share: 21/20", "least_share", "value"),
        ("least_share: 1/20", "least_share: a bit", "least_share", "value"),
        ("when_short: oldest_first", "when_short: never", "when_short", "value"),
        ("title: {zh:", "title: {cn:", "title", "value"),
    ],
)
def test_slips_in_a_plan(old: str, new: str, key: str, fault: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(PlanInvalid) as e:
        plans.read_strictly(TEXT.replace(old, new), "huiji.yaml", Plan)
    assert (e.value.key, e.value.fault, e.value.file) == (key, fault, "huiji.yaml")
    wanted = new.splitlines()[-1] if new else "id: huiji"
    lines = TEXT.replace(old, new).splitlines()
    if fault in ("value", "unknown_key"):
        assert lines[e.value.line - 1].startswith(wanted)


def test_the_span_in_months() -> None:
    read = plans.read_strictly(TEXT.replace("P3M", "P12M"), "x", Plan)
    assert (plans.load("huiji")[0].span_months, read.span_months) == (3, 12)


def test_names_that_lead_nowhere() -> None:
    with pytest.raises(PlanMissing) as e:
        plans.load("quanshan")
    assert e.value.known == PLANS
    with pytest.raises(ChecklistMissing):
        checklists.load("nothing")


def test_an_object_without_a_name_goes_by_its_word() -> None:
    assert plans.load("huiji")[0].object_words("fountain") == {"zh": "fountain", "en": "fountain"}


# --- check lists ------------------------------------------------------------------------------------------------------

CHECKLIST = checklists.load("huiji")[0]
STREET = "street_appearance"


@pytest.mark.parametrize(
    ("findings", "score"),
    [
        ([], "100"),
        ([("JJ1", 1)], "98"),
        ([("JJ1", 10)], "80"),
        ([("JJ1", 11)], "80"),  # at most 20
        ([("JJ1", 6), ("JJ1", 6)], "80"),  # two places share the limit
        ([("JJ3", 1)], "99.5"),
        ([("JJ1", 10), ("JJ2", 10), ("JJ3", 20), ("JJ4", 20), ("JJ5", 10)], "30"),
    ],
)
def test_scores(findings: list[tuple[str, int]], score: str) -> None:
    judged = checklists.judge(CHECKLIST, STREET, findings)
    assert judged.score == Fraction(score)
    assert 100 - sum(judged.points) == judged.score


def test_never_below_the_floor() -> None:
    judged = checklists.judge(CHECKLIST, "building_site", [("GD3", 21)])
    assert (judged.score, judged.points) == (0, (105,))


items = st.lists(st.tuples(st.sampled_from(["JJ1", "JJ2", "JJ3", "JJ4", "JJ5"]), st.integers(1, 60)), max_size=12)


@given(items, st.randoms(use_true_random=False))
def test_the_order_of_findings_is_no_matter_to_the_score(found: list[tuple[str, int]], rng: object) -> None:
    mixed = rng.sample(found, len(found))  # type: ignore[attr-defined]
    one, other = (checklists.judge(CHECKLIST, STREET, x) for x in (found, mixed))
    assert one.score == other.score
    assert sum(one.points) == sum(other.points)
    assert all(p >= 0 for p in one.points)


def test_items_of_an_object() -> None:
    codes = [i.code for i in CHECKLIST.items("appearance_sanitation", "transfer_station")]
    assert codes == ["HW1", "HW4"]
    assert CHECKLIST.items("no_such_type", "road") == ()


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("code: HW2", "code: HW1", "YAML"),
        ("code: HW2", "code: hw2", "types.appearance_sanitation.1.code"),
        ("points: 0.5, each: {zh: 处", "points: 1/3, each: {zh: 处", "types.street_appearance.2"),
        ("points: 0.5, each: {zh: 处", "points: 0, each: {zh: 处", "types.street_appearance.2.points"),
        ("floor: 0", "floor: 100", "YAML"),
    ],
)
def test_slips_in_a_check_list(old: str, new: str, key: str) -> None:
    assert LIST_TEXT.count(old) == 1
    with pytest.raises(PlanInvalid) as e:
        checklists.parse(LIST_TEXT.replace(old, new), "x.yaml")
    assert e.value.key == key
    assert e.value.fault == "value"
