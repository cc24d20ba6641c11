"""Commands on rulebooks as documents: no database is opened by any of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from gridmgmt import texts
from gridmgmt.cli import app, base, options
from gridmgmt.errors import DossierInvalid, OptionInvalid, RulebookInvalid, RulebookMissing
from gridmgmt.rulebooks.examples import read_examples
from gridmgmt.rulebooks.load import known, load
from gridmgmt.rulebooks.starter import starter
from gridmgmt.settings import data_path

Run = Callable[..., Result]


def no_database(_state: base.State) -> None:
    raise AssertionError("this command opens no database")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run ``gridmgmt rulebook …`` in a folder of its own."""
    monkeypatch.setattr(base.State, "work", property(no_database))
    monkeypatch.chdir(tmp_path)

    def command(*words: str, lang: str | None = None) -> Result:
        return CliRunner().invoke(app, [*(["--lang", lang] if lang else []), "rulebook", *words])

    return command


def told(result: Result) -> str:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.fixture
def mine(run: Run) -> Path:
    """A new rulebook in the folder ``mine``."""
    told(run("new", "mine"))
    return Path("mine/rulebook.yaml")


INPUTS = {"due": 200, "closed_on_time": 170, "due_rework_known": 200, "rework_cases": 9, "office_findings": 2}


def written(inputs: Any, name: str = "inputs.json") -> str:
    Path(name).write_text(json.dumps({"periods": {"2025-01": inputs}}), "utf-8")
    return name


# --- list and show ---------------------------------------------------------------------------------------------------


def test_list_names_every_rulebook(run: Run) -> None:
    shown = json.loads(told(run("list", "--json")))
    assert {entry["id"] for entry in shown} == set(known())
    base_book = next(e for e in shown if e["id"] == "grid_baseline")
    assert (base_book["title"], base_book["population"], base_book["stages"]) == (
        "网格基线考核办法",
        "网格（各层级）",
        ["任意周期"],
    )
    table = told(run("list"))
    assert all(name in table for name in known())


def test_list_says_where_no_version_is_in_force(run: Run) -> None:
    assert "当日没有有效版本" in told(run("list", "--on", "1999-12-31"))
    assert {e["version"] for e in json.loads(told(run("list", "--on", "2025-06-30", "--json")))} != set()
    assert isinstance(run("list", "--on", "yesterday").exception, OptionInvalid)


def test_show_is_chinese_unless_asked(run: Run) -> None:
    assert told(run("show", "grid_baseline")).startswith("网格基线考核办法（grid_baseline 第")
    for english in (run("show", "grid_baseline", "--lang", "en"), run("show", "grid_baseline", lang="en")):
        assert told(english).startswith("Grid baseline assessment (grid_baseline, version")
    assert isinstance(run("show", "grid_baseline", "--lang", "fr").exception, OptionInvalid)


def test_show_as_json_is_the_model_with_exact_numbers(run: Run) -> None:
    shown = json.loads(told(run("show", "grid_baseline", "--json")))
    item = shown["stages"][0]["score"]["items"][0]
    assert (shown["valid"]["from"], item["id"], item["points"]) == ("2000-01-01", "closing", "30")


def test_a_version_that_does_not_exist(run: Run) -> None:
    version = load("grid_baseline").rulebook.version
    assert told(run("show", f"grid_baseline@{version}"))
    assert isinstance(run("show", f"grid_baseline@{version + 1}").exception, RulebookMissing)


# --- inputs ----------------------------------------------------------------------------------------------------------


def test_inputs_say_where_each_comes_from_and_who_needs_it(run: Run, mine: Path) -> None:
    shown = {i["id"]: i for i in json.loads(told(run("inputs", str(mine), "--json")))}
    assert shown["due"]["automatic"]["count"] == "n_due"
    assert shown["office_findings"]["entered"]["zh"] == "由检查组现场填写"
    assert shown["due"]["stages"] == ["month"]
    text = told(run("inputs", str(mine)))
    assert all(word in text for word in ("自动统计：应结案数", "录入：由检查组现场填写", "每月", "每个对象"))


def test_inputs_of_a_period_are_those_of_its_stage(run: Run) -> None:
    year = {i["id"] for i in json.loads(told(run("inputs", "wuzhong_town", "--period", "2025", "--json")))}
    quarter = {i["id"] for i in json.loads(told(run("inputs", "wuzhong_town", "--period", "2025-Q1", "--json")))}
    assert "due" in quarter - year
    assert year - quarter
    assert isinstance(run("inputs", "wuzhong_town", "--period", "2025-01").exception, OptionInvalid)


def test_the_entry_form_is_written(run: Run, mine: Path) -> None:
    assert "forms/form.xlsx" in told(run("inputs", str(mine), "--template", "forms/form.xlsx", "--period", "2025-01"))
    sheets = openpyxl.load_workbook("forms/form.xlsx")
    texts = [c.value for sheet in sheets for row in sheet.iter_rows() for c in row]
    assert any("office_findings" in str(t) for t in texts)


# --- check, new, schema ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["grid_baseline", "wuzhong_town"])
def test_check_runs_the_examples_and_the_options(run: Run, name: str) -> None:
    result = run("check", name, "--json")
    shown = json.loads(told(result))
    assert (result.exit_code, shown["faults"]) == (0, [])
    assert shown["examples"] > 0
    assert shown["options"] == sum(len(r.options) for r in load(name).rulebook.readings.values())


def test_a_new_rulebook_passes_at_once_and_is_never_written_over(run: Run, mine: Path) -> None:
    result = run("check", str(mine))
    assert result.exit_code == 0
    assert "算例 4 个，不符 0 个" in told(result)
    before = mine.read_text("utf-8")
    assert isinstance(run("new", "mine").exception, OptionInvalid)
    assert told(run("new", "mine", "--out", "other")).startswith("已写出 other/rulebook.yaml")
    assert mine.read_text("utf-8") == before == Path("other/rulebook.yaml").read_text("utf-8")
    assert before == starter("mine")["rulebook.yaml"]


@pytest.mark.parametrize("name", ["My-City", "../mine", "1"])
def test_a_new_rulebook_needs_an_id(run: Run, name: str) -> None:
    assert isinstance(run("new", name).exception, OptionInvalid)
    assert list(Path().iterdir()) == []


def test_check_tells_an_example_that_does_not_come_out(run: Run, mine: Path) -> None:
    examples = mine.with_name("examples.yaml")
    examples.write_text(examples.read_text("utf-8").replace("total: 84 ", "total: 85 "), "utf-8")
    result = run("check", str(mine), "--lang", "en")
    assert result.exit_code == 1
    assert "2025-01 ordinary total: 84, not 85" in told(result)
    assert "4 examples, 1 do not come out" in told(result)


def test_check_tells_the_first_fault_by_file_line_and_key(run: Run, mine: Path) -> None:
    text = mine.read_text("utf-8")
    mine.write_text(text.replace("threshold: 2\n", "treshold: 2\n"), "utf-8")
    error = run("check", str(mine)).exception
    assert isinstance(error, RulebookInvalid)
    line = next(n for n, x in enumerate(text.splitlines(), 1) if "threshold: 2" in x)
    assert (error.file, error.line) == ("rulebook.yaml", line)
    assert error.key.endswith("rules.0.treshold")


def test_check_says_that_there_are_no_examples(run: Run, mine: Path) -> None:
    mine.with_name("examples.yaml").unlink()
    result = run("check", str(mine))
    assert result.exit_code == 0
    assert "旁边没有算例文件" in told(result)


def test_the_schema_is_printed_or_written(run: Run) -> None:
    printed = json.loads(told(run("schema")))
    assert printed["properties"]["stages"]
    told(run("schema", "--out", "rulebook.schema.json"))
    assert json.loads(Path("rulebook.schema.json").read_text("utf-8")) == printed


# --- diff ------------------------------------------------------------------------------------------------------------


def test_diff_tells_old_and_new(run: Run, mine: Path) -> None:
    other = Path("other.yaml")
    other.write_text(mine.read_text("utf-8").replace("threshold: 2\n", "threshold: 2.5\n"), "utf-8")
    assert json.loads(told(run("diff", str(mine), str(other), "--json"))) == [
        {"what": "rule", "id": "rework_steps", "title": {"zh": "返工率超过 2%", "en": "Rework above 2 %"},
         "key": "threshold", "change": "changed", "old": "2", "new": "2.5"}
    ]  # fmt: skip
    assert "threshold" in told(run("diff", str(mine), str(other)))
    assert told(run("diff", str(mine), str(mine))).strip() == "两者没有差别"


# --- evaluate --------------------------------------------------------------------------------------------------------


def test_evaluate_tells_every_point_with_its_reason(run: Run, mine: Path) -> None:
    shown = told(run("evaluate", str(mine), "--input", written({"U": {"inputs": INPUTS}})))
    assert "U：84.00 分，合格，第 1 名" in shown
    assert "按期结案 51.00 / 60：按期结案率（170 ÷ 200）85.00% × 满分 60 分" in shown
    assert "超过 2% 的部分每满 1 个百分点扣" in shown
    english = told(run("evaluate", str(mine), "--input", "inputs.json", "--lang", "en"))
    assert "U: 84.00, Pass, rank 1 of 1" in english


def test_evaluate_as_json_is_exact(run: Run, mine: Path) -> None:
    inputs = written({"U": {"inputs": {**INPUTS, "due": 300}}})
    (period,) = json.loads(told(run("evaluate", str(mine), "--input", inputs, "--json")))
    (document,) = period["subjects"]
    assert (period["period"], document["grade"], document["total"]["exact"]) == ("2025-01", "pass", "67")
    assert [line["item"] for line in document["lines"] if line["depth"] == 0] == ["on_time", "rework", "office"]


def test_evaluate_tries_other_values(run: Run, mine: Path) -> None:
    inputs = written({"U": {"inputs": INPUTS}})
    other = run("evaluate", str(mine), "--input", inputs, "--set", "readings.unfinished_step=ceil")
    assert "U：82.00 分" in told(other)
    other = run("evaluate", str(mine), "--input", inputs, "--set", "rework_steps.threshold=4.5")
    assert "U：88.00 分" in told(other)
    assert isinstance(run("evaluate", str(mine), "--input", inputs, "--set", "threshold").exception, OptionInvalid)
    assert isinstance(run("evaluate", str(mine), "--input", inputs, "--set", "x.y=1").exception, RulebookInvalid)


def given(book: str, half: int) -> list[dict[str, Any]]:
    """Every second worked example of a rulebook that has inputs, beginning with the first or with the second."""
    examples = read_examples(data_path("rulebooks", book, "examples.yaml").read_text("utf-8"))
    return [e for e in examples if "given" in e][half::2]


# by day each example runs through the command once: in one of the two tests, and at night in both
@pytest.mark.parametrize("half", [0, pytest.param(1, marks=pytest.mark.night)])
@pytest.mark.parametrize("book", known())
def test_evaluate_takes_every_worked_example_as_a_file(run: Run, book: str, half: int) -> None:
    for example in given(book, half):
        file, where = Path("given.yaml"), example["name"]["en"]
        YAML().dump(example["given"], file)
        changes = [w for k, v in (example.get("changes") or {}).items() for w in ("--set", f"{k}={v}")]
        plain, as_json = (run("evaluate", book, "--input", str(file), *changes, *w) for w in ([], ["--json"]))
        if "refused" in example:
            assert isinstance(plain.exception, DossierInvalid), where
            assert isinstance(as_json.exception, DossierInvalid), where
        else:
            assert (plain.exit_code, as_json.exit_code) == (0, 0), (where, plain.exception, as_json.exception)
            periods = [period["period"] for period in json.loads(as_json.output)]
            assert periods, where
            assert all(period in plain.output for period in periods), where


def test_evaluate_lists_what_is_missing_and_takes_nothing_for_it(run: Run, mine: Path) -> None:
    inputs = written({"U": {"inputs": {k: v for k, v in INPUTS.items() if k != "rework_cases"}}})
    shown = told(run("evaluate", str(mine), "--input", inputs))
    assert "U：没有总分" in shown
    assert "尚缺数据：返工案件数 (2025-01 rework_cases)" in shown


def test_evaluate_tells_consequences(run: Run, mine: Path) -> None:
    weak = {"U": {"inputs": {**INPUTS, "closed_on_time": 10, "office_findings": 9}}}
    Path("two.json").write_text(json.dumps({"periods": {"2025-01": weak, "2025-02": weak}}), "utf-8")
    shown = told(run("evaluate", str(mine), "--input", "two.json"))
    assert shown.count("→ 约谈") == 1
    assert "2025-01、2025-02" in shown


def test_evaluate_refuses_wrong_inputs_and_lists_them_all(run: Run, mine: Path) -> None:
    inputs = written({"U": {"inputs": {"due": -1, "dou": 3}}})
    error = run("evaluate", str(mine), "--input", inputs).exception
    assert isinstance(error, DossierInvalid)
    assert (error.file, error.n) == ("inputs.json", 2)
    shown = texts.word(error.code, error.facts, "zh")
    assert "2025-01 · U · due：“-1”（应为 不小于 0 的" in shown
    assert "an input" not in shown


def test_the_entry_form_that_was_filled_in_is_evaluated(run: Run, mine: Path) -> None:
    rows = "\n".join(f"2025-01,U,{name},{value}" for name, value in INPUTS.items())
    Path("inputs.csv").write_text(f"period,subject,input,value\n{rows}\n2025-01,U,signed_off,是\n", "utf-8")
    assert "U：84.00 分" in told(run("evaluate", str(mine), "--input", "inputs.csv"))


# --- every shipped example through the command line -------------------------------------------------------------------


@pytest.mark.parametrize("half", [1, pytest.param(0, marks=pytest.mark.night)])
@pytest.mark.parametrize("book", known())
def test_no_shipped_example_ends_in_a_traceback(run: Run, book: str, half: int) -> None:
    """Written as YAML writes days and years; what is refused is refused in words, and inputs stand in the document."""
    yaml = YAML(typ="safe", pure=True)
    as_json = None
    for n, example in enumerate(given(book, half)):
        file = Path(f"{book}-{n}.yaml")
        yaml.dump(example["given"], file)
        changes = [x for k, v in (example.get("changes") or {}).items() for x in ("--set", f"{k}={v}")]
        as_json = ("evaluate", book, "--input", str(file), *changes, "--json")
        result = run("evaluate", book, "--input", str(file), *changes, lang="en")
        if "refused" in example:
            assert isinstance(result.exception, DossierInvalid), (example["name"], result.exception)
            continue
        assert told(result), example["name"]
    if as_json is not None:
        last = run(*as_json)
        assert isinstance(last.exception, DossierInvalid) or json.loads(told(last))


def test_years_and_codes_as_keys_keep_their_inputs(run: Run) -> None:
    Path("year.yaml").write_text("periods: {2021-03: {0012: {inputs: {digital: 92}}}}", "utf-8")
    (month,) = json.loads(told(run("evaluate", "qixian", "--input", "year.yaml", "--json")))
    (subject,) = month["subjects"]
    assert (subject["subject"]["code"], subject["inputs"]["digital"]["value"]) == ("0012", 92)


@pytest.mark.parametrize("words", [("schema", "--out"), ("inputs", "qixian", "--template"), ("new", "ours", "--out")])
def test_a_place_that_cannot_be_written_is_said_with_its_option(run: Run, words: tuple[str, ...]) -> None:
    Path("file").write_text("", "utf-8")
    refused = run(*words, "file/new.xlsx").exception
    assert isinstance(refused, OptionInvalid)
    assert (refused.facts["name"], refused.facts["value"]) == (words[-1], "file/new.xlsx")
    for lang, said in (("zh", "可以写入的位置"), ("en", "a place that can be written")):
        assert said in texts.word(refused.code, refused.facts, lang)


def test_a_fault_that_has_nothing_to_do_with_what_is_written_is_not_taken_for_one(tmp_path: Path) -> None:
    elsewhere = FileNotFoundError(2, "No such file or directory", "/run/postgis/lock")
    with pytest.raises(FileNotFoundError), options.writing({"out": tmp_path / "made.csv"}):
        raise elsewhere
    with pytest.raises(BrokenPipeError), options.writing({"out": tmp_path / "made.csv"}):
        raise BrokenPipeError
    with pytest.raises(OptionInvalid, match="made"), options.writing({"out": tmp_path / "made.csv"}):
        raise OSError("Cannot save file into a non-existent directory")


def test_samples_are_asked_on_paper_figures(run: Run) -> None:
    """31 in each of 4 streets, 29 in each of 7 towns, which have no estates to look at."""
    found = json.loads(told(run("samples", "huiji", "--units", "street=4", "--units", "town=7", "--json")))
    assert (found["n"], [x["n_each"] for x in found["units"]]) == (327, [31, 29])
    assert (found["objects"]["estate"], found["objects"]["five_small_unit"]) == (8, 55)
    shown = told(run("samples", "huiji", "--units", "town=7", lang="zh"))
    assert "小区物业管理" in shown
    assert "每月共 203 个样本" in shown


def test_inputs_print_their_codes(run: Run) -> None:
    assert "county_circular Named in a county circular" in " ".join(told(run("inputs", "qixian", lang="en")).split())
    found = {x["id"]: x["codes"] for x in json.loads(told(run("inputs", "coadmin_staff", "--json")))}
    assert found == {
        "result": {"pass": {"zh": "合格", "en": "Pass"}, "fail": {"zh": "不合格", "en": "Fail"}},
        "serious_breaches": {},
    }
    assert isinstance(run("inputs", "qixian", "--subjects").exception, OptionInvalid)  # only a form lists them
