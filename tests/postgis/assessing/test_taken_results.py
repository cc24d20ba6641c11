"""Results of other assessments as inputs: which is taken, by value, down to its cases; stale once it is corrected."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gridmgmt.assessing.operations import entries, explaining, publishing, recomputing, scoring, subjects
from gridmgmt.assessing.operations.dossiers import SetAside
from gridmgmt.cli.base import State
from gridmgmt.cli.explaining import _plain, _told
from gridmgmt.cli.scoring import _scored
from gridmgmt.database import clock
from gridmgmt.database.work import Work
from gridmgmt.people.operations import people, reference
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings
from tests.postgis import court, towns
from tests.postgis.assessing.test_publishing import CASES, FAULT, SIGNED
from tests.postgis.towns import case, load
from tests.worlds import World

JOINT = """\
id: joint
version: 1
title: {zh: 联合考核, en: Joint assessment}
issuer: {zh: 小城, en: the town}
source: project convention
valid: {from: 2025-01-01}
population: {kind: grid, levels: [district]}
empty: {option: incomplete, reason: {zh: 缺一不可, en: all is needed}}
inputs:
  digital:
    title: {zh: 数字城管得分, en: Digital score}
    result: {rulebook: court, local: true}
    entered: {zh: 没有考核结果时录入, en: where there is no result}
  timely: {title: {zh: 按期得分, en: Timely points}, result: {rulebook: court, local: true, take: item, item: timely}}
  place: {title: {zh: 名次, en: Rank}, type: count, result: {rulebook: court, local: true, take: rank}}
  months: {title: {zh: 各月平均, en: Mean of months}, result: {rulebook: court, local: true, within: month}}
  west: {title: {zh: 西区得分, en: Score of the west}, result: {rulebook: court, local: true, whose: named, named: D1}}
stages:
  - id: month
    title: {zh: 月度, en: Month}
    cadence: month
    score: {id: total, title: {zh: 得分, en: Score}, kind: entered, input: digital, points: 100}
    shown:
      - {id: timely_part, title: {zh: 按期, en: Timely}, kind: entered, input: timely}
      - {id: place_part, title: {zh: 名次, en: Rank}, kind: entered, input: place}
      - {id: west_part, title: {zh: 西区, en: West}, kind: entered, input: west}
  - id: quarter
    title: {zh: 季度, en: Quarter}
    cadence: quarter
    score: {id: quarter_total, title: {zh: 季度得分, en: Score}, kind: entered, input: months, points: 100}
"""
WHOLE = """\
id: whole
version: 1
title: {zh: 全市考核, en: City assessment}
issuer: {zh: 小城, en: the town}
source: project convention
valid: {from: 2025-01-01}
population: {kind: grid, levels: [LEVEL]}
empty: {option: incomplete, reason: {zh: 缺一不可, en: all is needed}}
inputs:
  districts: {title: {zh: 各区, en: Districts}, result: {rulebook: court, local: true, whose: WHOSE, how: sum}}
stages:
  - id: month
    title: {zh: 月度, en: Month}
    cadence: month
    score: {id: total, title: {zh: 得分, en: Score}, kind: entered, input: districts}
"""
YEAR = """\
  - id: year
    title: {zh: 年度, en: Year}
    cadence: year
    score: {id: year_total, title: {zh: 年度得分, en: Score}, kind: periods, stage: quarter, how: mean, n: 4}
"""
POSTS = "person_code,unit_code,role,level,grid_code,full_time,valid_from,valid_to\n"


def with_scores(town: Work, tmp_path: Path) -> None:
    """December in the town, scored by the court: D1 80, D2 79."""
    towns.found(town, tmp_path, units=["U1", "U2"])
    assert load(town, tmp_path, CASES, day=5).n_quarantined == 0
    court.write(tmp_path)
    court.enter(town, tmp_path, [*SIGNED, FAULT])
    court.score(town, tmp_path, "2025-12")
    (tmp_path / "joint.yaml").write_text(JOINT, "utf-8")


@pytest.fixture
def town(world: World) -> Work:
    """The town with its source assessed."""
    return world(with_scores)


def score(work: Work, folder: Path, period: str = "2025-12", book: str = "joint") -> scoring.Made:
    return scoring.score(work, str(folder / f"{book}.yaml"), parse_period(period))


def totals(made: scoring.Made) -> dict[str, str | None]:
    return {d.subject.code: d.total.exact if d.total else None for d in made.subjects}


def points(made: scoring.Made, code: str) -> dict[str, str | None]:
    document = next(d for d in made.subjects if d.subject.code == code)
    return {x.item: x.points.exact if x.points else None for x in document.shown}


def later(work: Work, folder: Path) -> str:
    """The source once more, with a case that became known since: D1 is 6 of 9."""
    row = case("w9", "D1-2", at="2025-12-02", reg="2025-12-02", due="2025-12-10 12:00", closed="2025-12-20")
    assert load(work, folder, [row], day=6).n_quarantined == 0
    return court.score(work, folder, "2025-12").name


def test_total_rank_item_and_a_named_subject_are_taken_with_name_and_hash(town: Work, tmp_path: Path) -> None:
    made = score(town, tmp_path)
    assert totals(made) == {"D1": "80", "D2": "79"}
    assert points(made, "D1") == {"timely_part": "60", "place_part": "1", "west_part": "80"}
    assert points(made, "D2") == {"timely_part": "64", "place_part": "2", "west_part": "80"}
    source, _, _ = scoring.read(town, "court-2025-12-1")
    assert made.subjects[1].lines[0].reason.code == "line_taken"
    held = made.subjects[1].inputs["digital"]
    assert held.from_ == "result"
    (taken,) = held.results or ()
    assert (taken.assessment, taken.sha256) == ("court-2025-12-1", source.sha256)
    assert (taken.kind, taken.level_number, taken.code, taken.take, taken.value) == ("grid", 2, "D2", "total", "79")
    assert [(s.assessment, s.sha256) for s in made.header.sources or ()] == [("court-2025-12-1", source.sha256)]


def test_it_is_explained_through_to_the_cases_of_the_source(town: Work, tmp_path: Path) -> None:
    made = score(town, tmp_path)
    (whole,) = explaining.explain(town, made.name, "D1", "total").results["digital"]
    assert whole.why.evidence["on_time"] == [f"w{i}" for i in range(6)]
    assert whole.why.evidence["due"] == [f"w{i}" for i in range(8)]
    (fault,) = (whole.why.entries or {}).get("faults", [{}]) or [{}]
    assert fault == {}, "the finding is D2's"
    (other,) = explaining.explain(town, made.name, "D2").results["digital"]
    assert other.why.entries is not None
    assert [e["evidence"] for e in other.why.entries["faults"]] == ["督查第1号"]
    (line,) = explaining.explain(town, made.name, "D2", "timely_part").results["timely"]
    assert (line.taken.item, line.why.line and line.why.line.item) == ("timely", "timely")
    assert line.why.evidence["due"] == [f"e{i}" for i in range(5)]


def test_the_command_tells_source_and_cases_in_one_answer(town: Work, tmp_path: Path) -> None:
    made = score(town, tmp_path)
    newer = later(town, tmp_path)
    found = explaining.explain(town, made.name, "D1", "total")
    said = list(_told(State(Settings(None, Path(), "none"), "zh"), found, "total"))
    assert said[1].strip() == (
        f"依据已更正：取自 court-2025-12-1，现行的是 {newer}；本考评不自动改变，重新考评即采用新结果"
    )
    assert "数字城管得分 (digital):" in said
    assert "  court-2025-12-1 · 2025-12 · D1 的总分：80" in said
    assert any("(on_time): 6" in x for x in said)
    assert any(x.strip() == "w0 w1 w2 w3 w4 w5" for x in said)
    plain = _plain(found)
    assert plain["stale"] == [{"taken": "court-2025-12-1", "now": newer}]
    assert plain["results"]["digital"][0]["why"]["evidence"]["due"] == [f"w{i}" for i in range(8)]


def test_it_recomputes_to_the_same_bytes_whatever_became_of_the_source(town: Work, tmp_path: Path) -> None:
    made = score(town, tmp_path)
    later(town, tmp_path)
    again = recomputing.recompute(town, made.name)
    assert (again.is_same, again.again) == (True, made.sha256)


def test_the_newest_is_taken_until_one_is_published(town: Work, tmp_path: Path) -> None:
    newer = later(town, tmp_path)
    made = score(town, tmp_path)
    assert totals(made) == {"D1": "220/3", "D2": "79"}  # 80 x 6 / 9 + 20
    assert [s.assessment for s in made.header.sources or ()] == [newer]
    publishing.publish(town.but(actor="王主任"), newer)
    late = case("w10", "D1-2", at="2025-12-02", reg="2025-12-02", due="2025-12-10 12:00", closed="2025-12-20")
    load(town, tmp_path, [late], day=7)
    newest = court.score(town, tmp_path, "2025-12")
    assert newest.name != newer
    assert totals(newest)["D1"] == "68"  # 80 x 6 / 10 + 20: what is published stands in its place
    again = score(town, tmp_path)
    assert totals(again) == {"D1": "220/3", "D2": "79"}
    assert [s.assessment for s in again.header.sources or ()] == [newer]


def test_stale_goes_on_through_sources_and_shorter_periods(town: Work, tmp_path: Path) -> None:
    """Months: court → joint → top; and court's month → joint's quarter → joint's year: each names what it rests on."""
    (tmp_path / "joint.yaml").write_text(JOINT + YEAR, "utf-8")
    top = WHOLE.replace("id: whole", "id: top").replace("rulebook: court", "rulebook: joint")
    (tmp_path / "top.yaml").write_text(top.replace("LEVEL", "city").replace("WHOSE", "children"), "utf-8")
    court.enter(town, tmp_path, ["2025-10,*,signed_off,true"])
    for label in ("2025-10", "2025-11"):
        court.score(town, tmp_path, label)
    month, quarter = (score(town, tmp_path, period).name for period in ("2025-12", "2025-Q4"))
    above, year = score(town, tmp_path, book="top").name, score(town, tmp_path, "2025").name

    def stale() -> dict[str, list[dict[str, str]]]:
        return {a["name"]: a["stale"] for a in scoring.listing(town) if a["stale"]}

    assert stale() == {}
    old, now = "court-2025-12-1", later(town, tmp_path)
    direct = {"taken": old, "now": now}
    through = {above: [{**direct, "through": month}], year: [{**direct, "through": quarter}]}
    assert stale() == {month: [direct], quarter: [direct], **through}
    assert explaining.is_stale(town, year) == [{**direct, "through": quarter}]
    said = list(_told(State(Settings(None, Path(), "none"), "zh"), explaining.explain(town, year, "D1"), None))
    assert said[1].strip().startswith(f"依据已更正：所取的 {quarter} 以 {old} 为依据，后者现行的是 {now}")
    newer = score(town, tmp_path, "2025-Q4").name  # then the year is stale by itself, for the quarter it took
    assert stale()[year] == [{"taken": quarter, "now": newer}]
    assert newer not in stale()
    again = score(town, tmp_path, "2025").name
    assert again not in stale()


def test_a_corrected_source_makes_it_stale_and_changes_nothing(town: Work, tmp_path: Path) -> None:
    made = score(town, tmp_path)
    assert not explaining.is_stale(town, made.name)
    newer = later(town, tmp_path)
    assert explaining.is_stale(town, made.name) == [{"taken": "court-2025-12-1", "now": newer}]
    listed = {a["name"]: a["stale"] for a in scoring.listing(town)}
    assert listed == {"court-2025-12-1": [], newer: [], made.name: [{"taken": "court-2025-12-1", "now": newer}]}
    explained = explaining.explain(town, made.name, "D1", "total")
    assert list(explained.stale) == [{"taken": "court-2025-12-1", "now": newer}]
    assert explained.document.total is not None
    assert explained.document.total.exact == "80"
    again = score(town, tmp_path)
    assert (again.is_new, totals(again)["D1"]) == (True, "220/3")
    assert not explaining.is_stale(town, again.name)


def test_an_entered_value_stands_where_there_is_no_result(town: Work, tmp_path: Path) -> None:
    path = tmp_path / "digital.csv"
    path.write_text("period,subject,input,value\n2025-12,D1,digital,50\n2025-11,D1,digital,66\n", "utf-8")
    assert entries.import_entries(town.but(actor="王主任"), str(tmp_path / "joint.yaml"), path).n_new == 2
    november = score(town, tmp_path, "2025-11")
    assert totals(november) == {"D1": "66", "D2": None}
    assert november.subjects[0].inputs["digital"].from_ == "entries"
    assert [m.input for m in november.subjects[1].missing if m.input == "digital"] == ["digital"]
    december = score(town, tmp_path)
    assert totals(december) == {"D1": "80", "D2": "79"}, "a result that is there is what counts"
    assert december.set_aside == [SetAside("D1", "digital", 50, "80")]
    assert november.set_aside == []
    said = list(_scored(State(Settings(None, Path(), "none"), "zh"), december))
    assert "  D1 · 数字城管得分：录入 50，采用 80" in said


def test_months_of_a_quarter_are_taken_once_all_are_there(town: Work, tmp_path: Path) -> None:
    assert totals(score(town, tmp_path, "2025-Q4")) == {"D1": None, "D2": None}
    court.enter(town, tmp_path, ["2025-10,*,signed_off,true"])
    for month in ("2025-10", "2025-11"):
        court.score(town, tmp_path, month)
    made = score(town, tmp_path, "2025-Q4")
    # October nothing: 100; November: D1 0 of 2 in time, D2 1 of 1
    assert totals(made) == {"D1": "200/3", "D2": "93"}
    assert [(t.period, t.value) for t in made.subjects[0].inputs["months"].results or ()] == [
        ("2025-10", "100"), ("2025-11", "20"), ("2025-12", "80"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("level", "whose", "expected"),
    [
        ("city", "children", {"C": "159"}),
        ("community", "parent", {"D1-1": "80", "D1-2": "80", "D2-1": "79", "D2-2": "79"}),
    ],
)
def test_of_the_grids_above_and_below(
    town: Work, tmp_path: Path, level: str, whose: str, expected: dict[str, str]
) -> None:
    (tmp_path / "whole.yaml").write_text(WHOLE.replace("LEVEL", level).replace("WHOSE", whose), "utf-8")
    assert totals(score(town, tmp_path, book="whole")) == expected


@pytest.fixture
def dispatchers(town: Work, tmp_path: Path) -> Callable[[str], scoring.Made]:
    """Three dispatchers, of whom one changed units and one does what he must; enters the month and scores it."""

    def made(period: str) -> scoring.Made:
        (tmp_path / "people.csv").write_text("code,name\nP1,王一\nP2,李二\nP3,张三\n", "utf-8")
        rows = (
            "P1,U1,dispatcher,,,,2025-01-01,\n"
            "P1,U2,head,,,no,2025-06-01,\n"  # his full-time post is his home
            "P2,U2,dispatcher,,,,2025-01-01,2025-06-01\n"
            "P2,U1,dispatcher,,,,2025-06-01,\n"
            "P3,U2,dispatcher,,,,2025-01-01,\n"
        )
        (tmp_path / "posts.csv").write_text(POSTS + rows, "utf-8")
        people.import_people(town, tmp_path / "people.csv")
        people.import_posts(town, tmp_path / "posts.csv")
        (tmp_path / "list.csv").write_text("code,name_zh\nP1,王一\nP2,李二\nP3,张三\n", "utf-8")
        subjects.import_subjects(town.but(actor="王主任"), "xihu_dispatcher", tmp_path / "list.csv")
        done: list[tuple[str, str, Any]] = [("*", "total_actions", 100)]
        done += [(p, "own_actions", n) for p, n in (("P1", 8), ("P2", 5), ("P3", 10))]
        lines = [f"{period},{code},{name},{value}" for code, name, value in done]
        (tmp_path / "acted.csv").write_text("\n".join(["period,subject,input,value", *lines]) + "\n", "utf-8")
        assert (
            entries.import_entries(town.but(actor="王主任"), "xihu_dispatcher", tmp_path / "acted.csv").n_refused == 0
        )
        return scoring.score(town, "xihu_dispatcher", parse_period(period))

    return made


def test_points_of_dispatchers_flow_into_their_home_units_month(
    town: Work, tmp_path: Path, dispatchers: Callable[[str], scoring.Made]
) -> None:
    lost = dispatchers("2025-12")
    assert {d.subject.code: d.shown[0].points and d.shown[0].points.exact for d in lost.subjects} == {
        "P1": "-2", "P2": "-5", "P3": "0",
    }  # fmt: skip
    made = scoring.score(town, "xihu", parse_period("2025-12"))
    assert (made.unlisted, lost.unlisted) == (True, False)
    said = list(_scored(State(Settings(None, Path(), "none"), "zh"), made))
    assert said[1] == "未导入“xihu”的考核对象名单，全部 2 个单位都被考核；名单用 gridmgmt subjects import 导入"
    by_code = {d.subject.code: d.inputs["dispatcher_points"] for d in made.subjects}
    assert {code: v.value for code, v in by_code.items()} == {"U1": "7", "U2": "0"}
    assert [t.code for t in by_code["U1"].results or ()] == ["P1", "P2"]
    borrowed = explaining.explain(town, made.name, "U1", "dispatchers").results["dispatcher_points"]
    assert [(b.taken.code, b.why.entries and b.why.entries["own_actions"][0]["value"]) for b in borrowed] == [
        ("P1", 8), ("P2", 5),
    ]  # fmt: skip


def test_homes_are_those_of_the_day_that_the_cut_off_sees(
    town: Work, tmp_path: Path, dispatchers: Callable[[str], scoring.Made]
) -> None:
    """P2 changed units on the 20th, told later; that P1's post is full time no more was not known at the cut-off."""
    dispatchers("2025-12")
    changed = (
        "P1,U1,dispatcher,,,no,2025-01-01,\nP1,U2,head,,,yes,2025-06-01,\n"
        "P2,U1,dispatcher,,,,2025-06-01,2025-12-20\nP2,U2,dispatcher,,,,2025-12-20,\n"
    )
    (tmp_path / "changed.csv").write_text(POSTS + changed, "utf-8")
    people.import_posts(town, tmp_path / "changed.csv")

    def homes(day: str | None) -> dict[str, list[str]]:
        as_of = dt.datetime.fromisoformat(f"2025-12-{day}+08:00") if day else None
        made = scoring.score(town, "xihu", parse_period("2025-12"), as_of=as_of)
        found = {d.subject.code: d.inputs.get("dispatcher_points") for d in made.subjects}
        return {code: [t.code for t in v.results or ()] for code, v in found.items() if v is not None}

    assert homes("20T00:00") == {"U1": ["P1", "P2"], "U2": ["P3"]}
    assert homes("20T00:01") == {"U1": ["P1"], "U2": ["P2", "P3"]}
    assert homes(None) == {"U2": ["P1", "P2", "P3"]}


def test_units_are_assessed_as_they_were_known_at_the_cut_off(town: Work, tmp_path: Path) -> None:
    """Told to be an office only since the moment between; without a cut-off units are those of now."""
    book = SAMPLED.replace("{kind: grid, levels: [community]}", "{kind: unit, unit_kinds: [office]}")
    (tmp_path / "sampled.yaml").write_text(book, "utf-8")

    def tell(*rows: str) -> dt.datetime:
        (tmp_path / "units.csv").write_text("\n".join(["code,name_zh,kind,name_en,parent_code", *rows]) + "\n", "utf-8")
        reference.import_units(town, tmp_path / "units.csv")
        with town.connect() as connection:
            return clock.now(connection)

    def assessed(as_of: dt.datetime | None) -> dict[str, str]:
        made = scoring.score(town, str(tmp_path / "sampled.yaml"), parse_period("2025-12"), as_of=as_of)
        return {d.subject.code: d.subject.name["zh"] for d in made.subjects}

    between = tell("U1,甲局,office,,")
    tell("U1,甲中心,centre,,", "U2,乙局,office,,", "U3,丙局,office,,")
    assert assessed(between) == {"U1": "甲局", "U3": "丙局"}  # U3 was not known at all: as it was at first
    assert assessed(None) == {"U2": "乙局", "U3": "丙局"}


SAMPLED = """\
id: sampled
version: 1
title: {zh: 抽查, en: Spot checks}
issuer: {zh: 小城, en: the town}
source: project convention
valid: {from: 2025-01-01}
population: {kind: grid, levels: [community]}
empty: {option: incomplete, reason: {zh: 缺一不可, en: all is needed}}
inputs:
  day:
    title: {zh: 白天样本, en: Samples by day}
    automatic: {sample_mean: true, hours: [9, 18]}
    entered: {zh: 样本未入库时录入, en: where they are not in the database}
stages:
  - id: month
    title: {zh: 月度, en: Month}
    cadence: month
    score: {id: total, title: {zh: 得分, en: Score}, kind: entered, input: day, points: 100}
"""


def test_a_mean_of_samples_says_of_how_many_and_leads_to_their_numbers(town: Work, tmp_path: Path) -> None:
    samples = [("s1", "2025-12-01 09:00", "100", "D1-1"), ("s2", "2025-12-01 17:59", "50", "D1-1")]
    samples += [("night", "2025-12-01 18:00", "0", "D1-1"), ("none", "2025-12-02 10:00", "", "D1-1")]
    towns.load_samples(town, tmp_path, samples)
    (tmp_path / "sampled.yaml").write_text(SAMPLED, "utf-8")
    (tmp_path / "day.csv").write_text("period,subject,input,value\n2025-12,D1-2,day,66\n", "utf-8")
    entries.import_entries(town.but(actor="王主任"), str(tmp_path / "sampled.yaml"), tmp_path / "day.csv")
    made = score(town, tmp_path, book="sampled")
    assert totals(made) == {"D1-1": "75", "D1-2": "66", "D2-1": None, "D2-2": None}
    reasons = {d.subject.code: (d.lines[0].reason.code, dict(d.lines[0].reason.facts)) for d in made.subjects[:2]}
    assert reasons == {
        "D1-1": ("line_sampled", {"entered": "75", "n": "2"}), "D1-2": ("line_entered", {"entered": "66"}),
    }  # fmt: skip
    assert explaining.explain(town, made.name, "D1-1", "total").evidence == {"day": ["s1", "s2"]}
    assert explaining.explain(town, made.name, "D1-2", "total").evidence == {"day": []}
    assert recomputing.recompute(town, made.name).is_same
