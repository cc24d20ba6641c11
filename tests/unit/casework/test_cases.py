"""The life cycle: every state and step of the table, what is refused and why, and cases proved only by dates."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.casework import implied_steps, transitions
from gridmgmt.casework.cases import STAGES, STATES, Case, Limits, Step
from gridmgmt.casework.operations.case_records import facts_of
from gridmgmt.casework.transitions import TRANSITIONS
from gridmgmt.errors import StepIllegal, StepIncomplete, StepRefused

T0 = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)


def at(minutes: float) -> dt.datetime:
    return T0 + dt.timedelta(minutes=minutes)


def step(kind: str, minutes: float, **told: Any) -> Step:
    unit, reason = told.pop("unit", None), told.pop("reason", None)
    return Step(kind, at(minutes), "王某", unit, reason, told)


REPORT = step("report", 0, source="监督员上报", category="matter:06010", lon=114.0, lat=30.0)
TO_HANDLING = [
    REPORT,
    step("accept", 5),
    step("register", 10),
    step("dispatch", 20, unit="U1", due_at=at(500).isoformat()),
    step("receive", 25),
]
TO_VERIFICATION = [*TO_HANDLING, step("answer", 100), step("verify", 110)]


LIMITS = Limits(extensions=2, postponements=1, postponement_days=365)


def apply(case: Case, step: Step, limits: Limits = LIMITS) -> Case:
    return transitions.apply(case, step, limits)


def lived(case_no: str, steps: list[Step]) -> Case:
    """The case after steps that were asked for one by one."""
    case = Case(case_no)
    for s in steps:
        case = apply(case, s)
    return case


def test_the_plain_way_from_report_to_visit() -> None:
    way = [*TO_VERIFICATION, step("close", 120), step("visit", 200, verdict="satisfied")]
    states = []
    case = Case("C1")
    for s in way:
        case = apply(case, s)
        states.append(case.state)
    assert states == [
        "reported", "accepted", "registered", "dispatched", "handling", "answered", "verification", "closed", "visited",
    ]  # fmt: skip
    assert (case.reported_at, case.handled_at, case.closed_at) == (at(0), at(100), at(120))
    assert (case.n_steps, case.unit_code, case.first_unit, case.verdict) == (9, "U1", "U1", "satisfied")
    assert case.due_at == at(500)
    assert case.flags() == []


def test_every_state_is_reached_by_some_step_and_has_one_of_the_seven_stages() -> None:
    reached = {t.to for t in TRANSITIONS.values() if t.to} | {
        s for t in TRANSITIONS.values() if t.to is None for s in ()
    }
    assert reached == set(STATES)
    assert set(STATES.values()) == set(STAGES)


def test_every_step_begins_in_known_states() -> None:
    for rule in TRANSITIONS.values():
        assert set(rule.before) <= {"", *STATES}, rule.kind


LIFE = """
report              -> reported
accept              reported -> accepted
confirm             accepted -> confirmed
discard             reported accepted confirmed -> discarded: reason
register            accepted confirmed -> registered
dispatch            registered sent_back -> dispatched: unit
receive             dispatched rework -> handling
send_back           dispatched handling -> sent_back: reason
ask_extension       handling ->: reason
extend              handling ->: due_at
refuse_extension    handling ->: reason
ask_postponement    handling ->: reason
postpone            handling -> on_hold
refuse_postponement handling ->: reason
resume              on_hold -> handling
answer              handling -> answered
verify              answered -> verification
fail                verification -> rework: reason
close               verification -> closed
visit               closed visited -> visited: verdict
void                FILED -> void: reason
move                SETUP FILED ->: reason lon lat
reclassify          SETUP FILED ->: reason category
deadline            dispatched handling rework ->: reason due_at
renew               SETUP FILED closed visited ->
supervise           FILED ->: reason order_kind
answer_order        FILED closed visited ->
mark_repeat         ALL ->: reason
expose              FILED ->: reason
refer               ALL ->: reason
mark_false          ALL ->: reason
unmark              ALL ->: reason mark
note                ALL ->: reason
"""
"""The whole life cycle beside the table: each step from which states to which (none: it stays), and what it needs."""
SETUP = "reported accepted confirmed"
FILED = "registered dispatched sent_back handling on_hold rework answered verification"
ALL = f"{SETUP} {FILED} closed visited discarded void"


def test_the_life_cycle_is_the_one_that_everybody_works_by() -> None:
    lines = LIFE.replace("SETUP", SETUP).replace("FILED", FILED).replace("ALL", ALL).strip().splitlines()
    found = {}
    for line in lines:
        (kind, *before), (to, _, needs) = line.split("->")[0].split(), line.split("->")[1].partition(":")
        found[kind] = (set(before) or {""}, to.strip() or None, set(needs.split()))
    assert {kind: (set(t.before), t.to, set(t.needs)) for kind, t in TRANSITIONS.items()} == found


COLUMNS = {
    "counts": "dispatch send_back extend postpone visit supervise refer mark_false",
    "implied": "accept register receive answer verify",
    "stamps": "report=reported_at accept=accepted_at confirm=confirmed_at discard=voided_at register=registered_at "
    "dispatch=dispatched_at postpone=held_at answer=handled_at fail=reworked_at close=closed_at void=voided_at",
    "pending": "send_back= ask_extension=extension extend= refuse_extension= ask_postponement=postponement postpone= "
    "refuse_postponement= answer=",
    "mark": "mark_repeat=repeat expose=exposed refer=referred mark_false=false unmark=*",
    "period": "dispatch=opened send_back=sent_back ask_extension=asked extend=extended refuse_extension=refused "
    "postpone=held resume=resumed answer=answered fail=failed close=written_off void=void deadline=moved "
    "renew=renewed supervise=ordered",
}
"""What else a step does, where it does it: whether it counts, is implied; what it stamps, asks for, marks and ends."""


@pytest.mark.parametrize("column", COLUMNS)
def test_what_else_a_step_does_is_what_the_rest_reads_from_the_table(column: str) -> None:
    expected = {kind: value if eq else True for kind, eq, value in (x.partition("=") for x in COLUMNS[column].split())}
    found = {kind: getattr(t, column) for kind, t in TRANSITIONS.items()}
    assert {kind: value for kind, value in found.items() if value not in (None, False)} == expected


TAKES = """
report        source category lon lat crs address description is_repeat repeat_of
register      category
dispatch      due_at amount amount_unit
send_back     wrong_dispatch agreed
ask_extension due_at amount amount_unit
extend        due_at amount amount_unit
fail          due_at amount amount_unit
visit         verdict
move          lon lat crs address
reclassify    category
deadline      due_at
supervise     order_kind due_at amount amount_unit
answer_order  order
mark_repeat   repeat_of
unmark        mark
"""
"""The facts that whoever takes a step may name; at no other step are there any."""


def test_a_step_takes_the_facts_that_somebody_may_name_at_it() -> None:
    expected = {kind: set(takes) for kind, *takes in map(str.split, TAKES.strip().splitlines())}
    assert {t.kind: set(t.takes) for t in TRANSITIONS.values() if t.takes} == expected
    assert transitions.PLACING == ("report", "register", "move", "reclassify")  # these may change who answers


def test_a_step_names_the_unit_that_has_the_case_unless_it_gives_the_case_away_or_looks_back() -> None:
    units = {t.kind: t.unit for t in TRANSITIONS.values() if t.unit != "has"}
    assert units == {"dispatch": "any", "supervise": "had", "refer": "had"}


def test_what_the_rest_asks_the_table_for() -> None:
    assert (transitions.OPENING, transitions.ORDERING) == (("dispatch",), ("supervise",))
    assert set(TRANSITIONS) - set(transitions.BY_PEOPLE) == {"renew"}
    assert tuple(COLUMNS["counts"].split()) == transitions.COUNTED
    assert transitions.HALTING == ("send_back", "postpone")
    assert transitions.MARKING == {
        "repeat": "mark_repeat", "exposed": "expose", "referred": "refer", "false": "mark_false",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [t.kind for t in TRANSITIONS.values() if t.needs])
def test_a_step_without_what_it_needs_is_refused_with_what_is_missing(kind: str) -> None:
    case = Case("C1", state=TRANSITIONS[kind].before[0], last_at=T0)
    with pytest.raises(StepIncomplete) as e:
        apply(case, step(kind, 1))
    assert e.value.missing == list(TRANSITIONS[kind].needs)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", list(TRANSITIONS))
def test_what_the_table_does_not_allow_is_refused_with_what_it_does(state: str, kind: str) -> None:
    case = Case("C1", state=state, last_at=T0)
    if state in TRANSITIONS[kind].before:
        assert (kind in transitions.legal(state)) == (kind != "renew")
        return
    with pytest.raises(StepIllegal) as e:
        apply(case, step(kind, 1, unit="U1", reason="x"))
    assert e.value.legal == transitions.legal(state)


def test_a_case_is_reported_once() -> None:
    with pytest.raises(StepIllegal):
        lived("C1", [REPORT, REPORT])


def test_nobody_acts_anonymously_and_returns_say_why() -> None:
    case = lived("C1", TO_HANDLING)
    with pytest.raises(StepIncomplete) as e:
        apply(case, Step("send_back", at(30), ""))
    assert e.value.missing == ["actor", "reason"]


def test_a_case_without_class_is_not_registered() -> None:
    case = lived("C1", [step("report", 0, source="x"), step("accept", 1)])
    with pytest.raises(StepRefused) as e:
        apply(case, step("register", 2))
    assert e.value.why == "without_category"
    assert apply(case, step("register", 2, category="matter:06010")).category == "matter:06010"


def test_steps_follow_each_other_in_time_and_may_share_an_instant() -> None:
    case = lived("C1", TO_HANDLING)
    with pytest.raises(StepRefused) as e:
        apply(case, step("answer", 24.99))
    assert e.value.why == "before_last"
    assert apply(case, step("answer", 25)).state == "answered"


def test_a_send_back_is_dispatched_again_with_a_deadline_of_its_own() -> None:
    again = [step("send_back", 30, reason="不属本单位"), step("dispatch", 40, unit="U2", due_at=at(900).isoformat())]
    case = lived("C1", [*TO_HANDLING, *again])
    assert (case.n_dispatches, case.n_send_backs) == (2, 1)
    assert (case.unit_code, case.first_unit, case.due_at) == ("U2", "U1", at(900))
    assert "multi_dispatched" in case.flags()


def test_an_extension_stands_beside_the_original_deadline() -> None:
    asked = [*TO_HANDLING, step("ask_extension", 30, reason="下雨")]
    case = lived("C1", [*asked, step("extend", 40, due_at=at(800).isoformat())])
    assert (case.due_at, case.due_extended_at, case.effective_due_at) == (at(500), at(800), at(800))
    with pytest.raises(StepRefused) as e:
        lived("C1", [*TO_HANDLING, step("extend", 40, due_at=at(800).isoformat())])
    assert e.value.why == "nothing_asked"
    with pytest.raises(StepRefused) as e:
        lived("C1", [*asked, step("extend", 40, due_at=at(500).isoformat())])
    assert e.value.why == "extension_shortens"


@pytest.mark.parametrize(("to", "extended"), [(499, None), (500, None), (501, at(501))])
def test_an_extension_that_reaches_no_further_than_the_original_stands_not_beside_it(
    to: float, extended: dt.datetime | None
) -> None:
    """A log, or a calendar that came later, may say so."""
    story = [*TO_HANDLING, step("ask_extension", 30), step("extend", 40, due_at=at(to).isoformat())]
    assert transitions.fold("C1", story).due_extended_at == extended


def test_extensions_end_with_the_deadline_and_with_their_number() -> None:
    on_time = lived("C1", TO_HANDLING)
    assert apply(on_time, step("ask_extension", 500, reason="x")).pending == "extension"
    with pytest.raises(StepRefused) as e:
        apply(on_time, step("ask_extension", 500.01, reason="x"))
    assert e.value.why == "deadline_passed"
    twice = lived(
        "C1",
        [
            *TO_HANDLING,
            step("ask_extension", 30, reason="x"), step("extend", 31, due_at=at(600).isoformat()),
            step("ask_extension", 32, reason="x"), step("extend", 33, due_at=at(700).isoformat()),
        ],
    )  # fmt: skip
    with pytest.raises(StepRefused) as e:
        apply(twice, step("ask_extension", 34, reason="x"))
    assert e.value.why == "extensions_used_up"
    assert apply(twice, step("ask_extension", 34, reason="x"), replace(LIMITS, extensions=3)).pending == "extension"


def test_on_hold_no_clock_runs_and_however_long_it_lasted_it_can_be_resumed() -> None:
    held = lived("C1", [*TO_HANDLING, step("ask_postponement", 30, reason="冬季"), step("postpone", 40)])
    assert held.state == "on_hold"
    assert not held.is_overdue(at(10_000))
    assert apply(held, step("resume", 40 + 400 * 1440)).state == "handling"
    resumed = apply(held, step("resume", 140, due_at=at(600).isoformat()))
    assert (resumed.due_at, resumed.pauses) == (at(600), ((at(40), at(140)),))


def test_a_log_s_resumption_that_tells_no_deadline_leaves_them() -> None:
    held = [step("ask_extension", 30, reason="x"), step("extend", 31, due_at=at(600).isoformat()),
            step("ask_postponement", 32, reason="x"), step("postpone", 40)]  # fmt: skip
    case = lived("C1", [*TO_HANDLING, *held, step("resume", 140)])
    assert (case.due_at, case.due_extended_at, case.held_at) == (at(500), at(600), None)
    assert case.pauses == ((at(40), at(140)),)
    told = {"due_at": at(550).isoformat(), "due_extended_at": at(650).isoformat(), "held_until": at(100).isoformat()}
    case = lived("C1", [*TO_HANDLING, *held, step("resume", 140, **told)])
    assert (case.due_at, case.due_extended_at, case.pauses) == (at(550), at(650), ((at(40), at(100)),))


def test_overdue_begins_after_the_deadline_and_ends_with_the_answer() -> None:
    case = lived("C1", TO_HANDLING)
    assert not case.is_overdue(at(500))
    assert case.is_overdue(at(500.01))
    assert not apply(case, step("answer", 600)).is_overdue(at(700))


def test_a_failed_verification_goes_back_and_counts() -> None:
    case = lived("C1", [*TO_VERIFICATION, step("fail", 120, reason="未清理干净")])
    assert (case.state, case.n_rework, case.reworked_at, case.handled_at) == ("rework", 1, at(120), None)
    done = [step("receive", 130), step("answer", 140), step("verify", 150), step("close", 160)]
    for s in done:
        case = apply(case, s)
    assert (case.state, case.n_rework, case.handled_at) == ("closed", 1, at(140))


def test_marks_stand_beside_the_state() -> None:
    marks = [
        step("supervise", 26, reason="批示", order_kind="leader", due_at=at(300).isoformat()),
        step("mark_repeat", 27, reason="同一地点"), step("refer", 28, reason="不作为"),
        step("mark_false", 29, reason="照片不实"), step("expose", 30, reason="三次未结"),
    ]  # fmt: skip
    case = lived("C1", [*TO_HANDLING, *marks])
    assert case.state == "handling"
    assert case.flags() == ["supervised", "repeat", "hanging", "exposed", "referred", "false"]
    answered = apply(case, step("answer_order", 31, order=1))
    assert answered.orders[0].answered_at == at(31)
    with pytest.raises(StepRefused) as e:
        apply(answered, step("answer_order", 32, order=1))
    assert e.value.why == "order_not_open"
    with pytest.raises(StepRefused) as e:
        apply(case, step("supervise", 33, reason="x", order_kind="leader", due_at=at(33).isoformat()))
    assert e.value.why == "deadline_not_ahead"
    for n, mark in enumerate(("repeat", "exposed", "referred", "false")):
        case = apply(case, step("unmark", 40 + n, reason="标错", mark=mark))
    assert case.flags() == ["supervised", "hanging"]


@pytest.mark.parametrize("set_", ["repeat", "exposed", "referred", "false"])
@pytest.mark.parametrize("named", ["repeat", "exposed", "referred", "false"])
def test_only_the_mark_that_is_set_can_be_taken_back(set_: str, named: str) -> None:
    kinds = {"repeat": "mark_repeat", "exposed": "expose", "referred": "refer", "false": "mark_false"}
    case = lived("C1", [*TO_HANDLING, step(kinds[set_], 30, reason="x")])
    taken_back = step("unmark", 40, reason="标错", mark=named)
    if set_ == named:
        assert apply(case, taken_back).flags() == ["hanging"]
        return
    with pytest.raises(StepRefused) as e:
        apply(case, taken_back)
    assert e.value.why == "not_marked"


def test_the_only_open_order_needs_no_number() -> None:
    order = step("supervise", 26, reason="批示", order_kind="leader")
    one = lived("C1", [*TO_HANDLING, order])
    assert apply(one, step("answer_order", 30)).orders[0].answered_at == at(30)
    two = apply(one, order)
    with pytest.raises(StepRefused) as e:
        apply(two, step("answer_order", 30))
    assert e.value.why == "order_not_named"


def test_a_deadline_that_has_passed_is_not_moved_by_hand() -> None:
    case = lived("C1", TO_HANDLING)
    moved = step("deadline", 500, reason="录错", due_at=at(900).isoformat())
    later = apply(case, moved)  # a later deadline stands beside the original one, as an extension does
    assert (later.due_at, later.effective_due_at) == (at(500), at(900))
    sooner = apply(case, replace(moved, at=at(40), facts={"due_at": at(400).isoformat()}))
    assert (sooner.due_at, sooner.effective_due_at) == (at(400), at(400))
    with pytest.raises(StepRefused) as e:
        apply(case, replace(moved, at=at(500.01)))
    assert e.value.why == "deadline_gone"
    extended = [step("ask_extension", 30, reason="x"), step("extend", 31, due_at=at(600).isoformat())]
    case = lived("C1", [*TO_HANDLING, *extended])
    case = apply(case, moved)
    assert (case.due_at, case.due_extended_at) == (at(500), at(900))  # the one that holds, not the one that passed
    earlier = apply(
        lived("C1", [*TO_HANDLING, *extended]), replace(moved, at=at(40), facts={"due_at": at(400).isoformat()})
    )
    assert (earlier.due_at, earlier.due_extended_at) == (at(400), None)
    passed = lived("C1", [*TO_HANDLING, *extended])
    passed = apply(passed, step("deadline", 550, reason="录错", due_at=at(590).isoformat()))
    assert (passed.due_at, passed.due_extended_at) == (at(500), at(590))  # what was late does not become on time


def test_after_a_failed_check_the_new_deadline_is_the_one_to_ask_before() -> None:
    failed = [*TO_VERIFICATION, step("fail", 700, reason="未清理", due_at=at(900).isoformat()), step("receive", 710)]
    case = lived("C1", failed)
    assert (case.effective_due_at, case.current_due_at) == (at(500), at(900))
    asked = apply(case, step("ask_extension", 900, reason="下雨"))
    with pytest.raises(StepRefused) as e:
        apply(asked, step("extend", 900, due_at=at(900).isoformat()))
    assert e.value.why == "extension_shortens"
    case = apply(asked, step("extend", 900, due_at=at(1000).isoformat()))
    assert (case.due_at, case.due_extended_at, case.current_due_at) == (at(500), None, at(1000))
    early = [*TO_VERIFICATION, step("fail", 120, reason="未清理", due_at=at(300).isoformat()), step("receive", 130)]
    early += [step("ask_extension", 140, reason="下雨"), step("extend", 150, due_at=at(700).isoformat())]
    assert lived("C1", early).due_extended_at == at(700)  # its own deadline had not passed
    for moment, extended in ((500, at(700)), (500.01, None)):  # exactly at it, it has not passed
        late = [*early[:-2], replace(early[-2], at=at(200)), replace(early[-1], at=at(moment))]
        assert transitions.fold("C1", late).due_extended_at == extended


def test_a_log_that_does_not_say_what_changed_takes_nothing_away() -> None:
    told = [replace(step(kind, 30 + n), origin="imported") for n, kind in enumerate(("move", "reclassify", "deadline"))]
    case = transitions.fold("C1", [*TO_HANDLING, *told])
    assert (case.lon, case.lat, case.category, case.due_at) == (114.0, 30.0, "matter:06010", at(500))


def test_another_unit_begins_with_all_its_extensions() -> None:
    used = [
        *TO_HANDLING, step("ask_extension", 30, reason="x"), step("extend", 31, due_at=at(600).isoformat()),
        step("ask_extension", 32, reason="x"), step("extend", 33, due_at=at(700).isoformat()),
        step("send_back", 40, reason="x"),
    ]  # fmt: skip
    again = [step("dispatch", 50, unit="U1", due_at=at(800).isoformat()), step("receive", 51)]
    with pytest.raises(StepRefused) as e:
        lived("C1", [*used, *again, step("ask_extension", 52, reason="x")])
    assert e.value.why == "extensions_used_up"
    other = [step("dispatch", 50, unit="U2", due_at=at(800).isoformat()), step("receive", 51)]
    assert lived("C1", [*used, *other, step("ask_extension", 52, reason="x")]).pending == "extension"


def test_a_unit_is_granted_as_many_postponements_as_the_city_allows_and_every_unit_its_own() -> None:
    once = [step("ask_postponement", 30, reason="x"), step("postpone", 31), step("resume", 32)]
    case = lived("C1", [*TO_HANDLING, *once])
    assert case.granted == (("U1", "postponement"),)
    with pytest.raises(StepRefused) as e:
        apply(case, step("ask_postponement", 33, reason="x"))
    assert e.value.why == "postponements_used_up"
    assert apply(case, step("ask_postponement", 33, reason="x"), replace(LIMITS, postponements=2)).pending
    assert apply(case, step("ask_extension", 33, reason="x")).pending == "extension"
    other = [step("send_back", 34, reason="x"), step("dispatch", 40, unit="U2"), step("receive", 41)]
    assert lived("C1", [*TO_HANDLING, *once, *other, step("ask_postponement", 42, reason="x")]).pending


def test_a_case_remembers_each_unit_that_had_it_once() -> None:
    back = step("send_back", 30, reason="x")
    units = [
        step("dispatch", 40, unit="U2"),
        back,
        step("dispatch", 60, unit="U1"),
        back,
        step("dispatch", 80, unit="U3"),
    ]
    steps = [*TO_HANDLING, back, *(replace(s, at=at(40 + n)) for n, s in enumerate(units))]
    case = lived("C1", steps)
    assert (case.units, case.first_unit, case.unit_code) == (("U1", "U2", "U3"), "U1", "U3")
    assert (case.n_dispatches, case.n_send_backs) == (4, 3)
    unnamed = transitions.fold("C1", [*TO_HANDLING, back, replace(step("dispatch", 40), origin="imported")])
    assert (unnamed.units, unnamed.first_unit, unnamed.unit_code) == (("U1",), "U1", None)


@pytest.mark.parametrize("kind", ["postpone", "refuse_postponement", "refuse_extension"])
@pytest.mark.parametrize("pending", [None, "extension", "postponement"])
def test_only_what_was_asked_for_is_granted_or_refused(kind: str, pending: str | None) -> None:
    asked = [step(f"ask_{pending}", 30, reason="x")] if pending else []
    case, answer = lived("C1", [*TO_HANDLING, *asked]), step(kind, 31, reason="x")
    if pending == ("extension" if kind == "refuse_extension" else "postponement"):
        assert apply(case, answer).pending is None
        return
    with pytest.raises(StepRefused) as e:
        apply(case, answer)
    assert (e.value.why, e.value.step, e.value.case_no) == ("nothing_asked", kind, "C1")
    assert (e.value.at, e.value.last) == (at(31).isoformat(), at(30 if pending else 25).isoformat())


def test_a_dispatch_s_deadline_lies_ahead_unless_it_goes_on_with_time_that_is_used_up() -> None:
    before = [REPORT, step("accept", 5), step("register", 10)]
    late = step("dispatch", 20, unit="U1", due_at=at(20).isoformat())
    with pytest.raises(StepRefused) as e:
        lived("C1", [*before, late])
    assert e.value.why == "deadline_not_ahead"
    assert lived("C1", [*before, replace(late, facts={**late.facts, "continues": True})]).due_at == at(20)
    assert lived("C1", [*before, replace(late, at=at(19.99))]).due_at == at(20)


def test_a_deadline_moved_to_where_it_is_stands_once() -> None:
    case = lived("C1", TO_HANDLING)
    for minutes, due, extended in ((500, 500, None), (500.01, 500, 500.01), (499.99, 499.99, None)):
        moved = apply(case, step("deadline", 40, reason="x", due_at=at(minutes).isoformat()))
        assert (moved.due_at, moved.due_extended_at) == (at(due), None if extended is None else at(extended))
    provisional = replace(case, is_provisional=True)
    for minutes, waits in ((500, False), (500.01, True)):  # what somebody sets is no calendar's guess any more
        moved = apply(provisional, step("deadline", 40, reason="x", due_at=at(minutes).isoformat()))
        assert moved.is_provisional is waits


def test_a_step_that_nobody_knows_is_legal_nowhere_and_a_renewal_is_the_platform_s() -> None:
    case = lived("C1", TO_HANDLING)
    with pytest.raises(StepIllegal) as e:
        apply(case, step("celebrate", 30))
    assert (e.value.step, e.value.state, e.value.legal) == ("celebrate", "handling", transitions.legal("handling"))
    assert transitions.rule_of("celebrate") == transitions.Transition("celebrate", (), None)
    with pytest.raises(StepRefused) as refused:
        apply(case, step("renew", 30))
    assert refused.value.why == "platform_only"


def test_a_case_repeats_the_one_that_is_named_and_keeps_it_where_none_is() -> None:
    case = lived("C1", [replace(REPORT, facts={**REPORT.facts, "repeat_of": "C0"})])
    assert (case.repeat_of, case.is_repeat) == ("C0", True)
    marked = apply(case, step("mark_repeat", 10, reason="x"))
    assert (marked.repeat_of, marked.is_repeat) == ("C0", True)
    assert apply(case, step("mark_repeat", 10, reason="x", repeat_of="C9")).repeat_of == "C9"
    assert apply(marked, step("unmark", 20, reason="x", mark="repeat")).repeat_of is None
    with pytest.raises(StepRefused) as e:
        apply(case, step("mark_repeat", 10, reason="x", repeat_of="C1"))
    assert e.value.why == "repeats_itself"


@pytest.mark.parametrize(("is_repeat", "why"), [(False, "repeat_denied"), (True, None), (None, None)])
def test_a_report_that_names_another_case_does_not_say_that_it_is_no_repeat(
    is_repeat: bool | None, why: str | None
) -> None:
    told = {**REPORT.facts, "repeat_of": "C0", **({} if is_repeat is None else {"is_repeat": is_repeat})}
    assert TRANSITIONS["mark_repeat"].asks is not None
    assert TRANSITIONS["mark_repeat"].asks(Case("C1"), replace(REPORT, facts=told), LIMITS) == why


def test_what_a_step_does_not_name_of_a_place_stays() -> None:
    case = lived("C1", [replace(REPORT, facts={**REPORT.facts, "address": "人民路 1 号"})])
    moved = apply(case, step("move", 10, reason="x", lon=114.5, lat=30.5))
    assert (moved.lon, moved.lat, moved.address) == (114.5, 30.5, "人民路 1 号")
    assert (
        apply(case, step("move", 10, reason="x", lon=114.5, lat=30.5, address="人民路 2 号")).address == "人民路 2 号"
    )


def test_an_answer_to_an_order_that_a_log_tells_twice_changes_nothing() -> None:
    order = step("supervise", 26, reason="批示", order_kind="leader")
    answers = [replace(step("answer_order", minutes), origin="imported") for minutes in (30, 40)]
    case = transitions.fold("C1", [*TO_HANDLING, order, *answers])
    assert [o.answered_at for o in case.orders] == [at(30)]


def test_what_a_case_can_do_now_is_more_than_what_its_state_allows() -> None:
    case = lived("C1", TO_HANDLING)
    assert "ask_extension" in transitions.possible(case, at(500), LIMITS)
    assert "ask_extension" not in transitions.possible(case, at(501), LIMITS)
    assert "extend" not in transitions.possible(case, at(30), LIMITS)  # nobody asked for it
    assert "renew" not in transitions.possible(case, at(30), LIMITS)
    asked = apply(case, step("ask_extension", 30, reason="x"))
    assert {"extend", "refuse_extension"} <= set(transitions.possible(asked, at(31), LIMITS))


def test_a_blank_reason_is_none() -> None:
    with pytest.raises(StepIncomplete) as e:
        apply(lived("C1", TO_HANDLING), step("send_back", 30, reason=" "))
    assert e.value.missing == ["reason"]


def test_an_unsatisfied_visit_reopens_nothing() -> None:
    case = lived("C1", [*TO_VERIFICATION, step("close", 120), step("visit", 130, verdict="unsatisfied")])
    assert (case.state, case.closed_at, case.is_open) == ("visited", at(120), False)


# --- derived from dates ------------------------------------------------------

TIMES = ("accepted_at", "registered_at", "dispatched_at", "handled_at", "closed_at", "voided_at", "reworked_at")


@given(
    given_at=st.fixed_dictionaries({}, optional={name: st.integers(0, 10_000) for name in TIMES}),
    n_rework=st.one_of(st.none(), st.integers(0, 3)),
)
def test_derived_steps_are_legal_and_add_up_to_the_dates_when_these_are_in_order(
    given_at: dict[str, int], n_rework: int | None
) -> None:
    row: dict[str, Any] = {"reported_at": T0, "n_rework": n_rework, **{k: at(v) for k, v in given_at.items()}}
    steps = implied_steps.derive(row)
    case = transitions.fold("C1", steps)
    assert all(s.origin == "derived" for s in steps)
    assert case.reported_at == T0
    assert (case.closed_at is not None) == (row.get("closed_at") is not None)
    assert (case.voided_at is not None) == (row.get("voided_at") is not None and row.get("closed_at") is None)
    assert [s.at for s in steps] == sorted(s.at for s in steps)


def test_a_closed_case_proves_the_steps_before_it_and_no_others() -> None:
    row = {"reported_at": at(0), "dispatched_at": at(20), "closed_at": at(90), "due_at": at(60), "unit_code": "U1"}
    steps = implied_steps.derive(row)
    assert [(s.kind, s.at) for s in steps] == [
        ("report", at(0)), ("accept", at(20)), ("register", at(20)), ("dispatch", at(20)), ("receive", at(20)),
        ("answer", at(90)), ("verify", at(90)), ("close", at(90)),
    ]  # fmt: skip
    case = transitions.fold("C1", steps)
    assert (case.state, case.unit_code, case.due_at, case.n_rework) == ("closed", "U1", at(60), 0)


def test_a_derived_report_tells_the_case_s_class_and_place_and_a_dispatch_its_unit_and_deadline() -> None:
    row = {
        "reported_at": at(0), "dispatched_at": at(20), "due_at": at(60), "unit_code": "U1", "source": "公众举报",
        "category": "matter:06010", "lon": 114.0, "lat": 30.0, "address": "人民路", "is_repeat": False, "verdict": "x",
    }  # fmt: skip
    told = {s.kind: (s.unit_code, dict(s.facts)) for s in implied_steps.derive(row)}
    place = {"source": "公众举报", "category": "matter:06010", "lon": 114.0, "lat": 30.0, "address": "人民路",
             "is_repeat": False}  # fmt: skip
    assert told == {
        "report": (None, place), "accept": (None, {}), "register": (None, {}), "receive": (None, {}),
        "dispatch": ("U1", {"due_at": at(60).isoformat()}),
    }  # fmt: skip


def test_derived_rework_and_extension_stand_in_the_case() -> None:
    row = {
        "reported_at": at(0), "dispatched_at": at(20), "handled_at": at(80), "closed_at": at(90), "n_rework": 2,
        "reworked_at": at(50), "due_at": at(60), "due_extended_at": at(85),
    }  # fmt: skip
    case = transitions.fold("C1", implied_steps.derive(row))
    assert (case.n_rework, case.reworked_at, case.handled_at) == (2, at(50), at(80))
    assert (case.due_at, case.due_extended_at) == (at(60), at(85))


@pytest.mark.parametrize(
    ("dates", "kinds", "moment"),
    [
        ({}, ["report", "discard"], 50),
        ({"accepted_at": 10}, ["report", "accept", "discard"], 50),
        ({"registered_at": 10}, ["report", "accept", "register", "void"], 50),
        ({"registered_at": 70}, ["report", "accept", "register", "void"], 70),  # moved behind the step before it
        ({"dispatched_at": 20}, ["report", "accept", "register", "dispatch", "receive", "void"], 50),
    ],
)
def test_a_voided_case_was_discarded_unless_it_was_registered(
    dates: dict[str, int], kinds: list[str], moment: int
) -> None:
    row = {"reported_at": at(0), "voided_at": at(50), **{name: at(minutes) for name, minutes in dates.items()}}
    steps = implied_steps.derive(row)
    assert [s.kind for s in steps] == kinds
    assert steps[-1].at == at(moment)
    closed = implied_steps.derive({**row, "closed_at": at(90)})
    assert [s.kind for s in closed][-1] == "close"  # who closed it did not void it


# --- what other systems' logs leave out --------------------------------------


@pytest.mark.parametrize(
    ("state", "kind", "way"),
    [
        ("dispatched", "answer", ["receive"]),
        ("reported", "dispatch", ["accept", "register"]),
        ("handling", "close", ["answer", "verify"]),
        ("handling", "answer", []),
        ("closed", "dispatch", None),
        ("on_hold", "close", None),
    ],
)
def test_bridges(state: str, kind: str, way: list[str] | None) -> None:
    assert implied_steps.bridge(state, kind) == way


def test_what_was_taken_stands_whatever_is_allowed_today() -> None:
    asked = [step("ask_extension", 30, reason="x"), step("extend", 31, due_at=at(600).isoformat())]
    strict = replace(LIMITS, extensions=0, postponements=0)
    with pytest.raises(StepRefused):
        apply(lived("C1", TO_HANDLING), asked[0], strict)
    assert transitions.fold("C1", [*TO_HANDLING, *asked]).granted == (("U1", "extension"),)


def test_a_steady_step_changes_nothing_of_a_row_but_its_state_and_the_time_that_it_stamps() -> None:
    """Whatever it tells; each of the others can change more."""
    due = at(900).isoformat()
    facts = {"source": "x", "category": "component:02001", "lon": 1.0, "lat": 2.0, "address": "y", "description": "z",
             "due_at": due, "due_extended_at": due, "is_repeat": True, "repeat_of": "B", "mark": "repeat"}  # fmt: skip
    case = Case("A", "handling", unit_code="U1", due_at=at(100), handled_at=at(1), is_repeat=True)
    before = facts_of(case, {}, "town")
    for kind, rule in transitions.TRANSITIONS.items():
        told = facts | ({"is_repeat": False, "repeat_of": None} if kind == "unmark" else {})
        after = facts_of(transitions.changed(case, Step(kind, at(50), "x", "U2", "r", told)), {}, "town")
        moved = {name for name in before if after[name] != before[name]} - {"status", rule.stamps}
        assert (not moved) == (kind in transitions.STEADY), (kind, moved)
