"""The catalogue of messages: every code in use is worded in both languages with facts that are given."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from gridmgmt import errors, texts
from gridmgmt.errors import GridmgmtError

ROOT = Path(texts.__file__).resolve().parent.parent
SOURCES = [p for room in ("gridmgmt", "api", "maps", "tools") for p in sorted((ROOT / room).rglob("*.py"))]


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text("utf-8")) for path in SOURCES}


def subclasses(cls: type[GridmgmtError]) -> Iterator[type[GridmgmtError]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


FAMILIES = set(GridmgmtError.__subclasses__())
ERRORS = {cls.__name__: cls for cls in subclasses(GridmgmtError) if cls not in FAMILIES}


def fields(code: str) -> set[str]:
    wording = texts.catalogue()[code]
    return {name for text in wording.values() for _, name, _, _ in Formatter().parse(text) if name is not None}


@cache
def calls() -> tuple[tuple[Path, str, ast.Call], ...]:
    """Every call in the sources, with the name of what is called."""
    nodes = ((path, node) for path, tree in trees().items() for node in ast.walk(tree) if isinstance(node, ast.Call))
    return tuple(
        (path, node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node)
        for path, node in nodes
    )


def literals(node: ast.expr | None) -> list[str]:
    """The texts that an argument may be: a literal, or either side of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return []


WIDE = ("page_", "card_", "grid_", "map_", "reason_")
"""Prefixes of whole areas of the catalogue: having one does not make a wording used."""

CODE_AT = {"refuse": 2, "Fault": 3, "note": 3, "Wrong": 0, "Reason": 0, "Finding": 0, "Note": 0, "word": 0, "both": 0}
"""Which argument of these calls is a code."""


@cache
def codes_in_use() -> tuple[tuple[str, ast.Call, str], ...]:
    return tuple(
        (f"{path.relative_to(ROOT)}:{node.lineno}", node, code)
        for path, name, node in calls()
        if name in CODE_AT and len(node.args) > CODE_AT[name]
        for code in literals(node.args[CODE_AT[name]])
    )


def test_there_are_codes_to_check() -> None:
    assert len(codes_in_use()) > 60
    assert len(ERRORS) > 30


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_every_error_is_worded(name: str) -> None:
    assert ERRORS[name].code in texts.catalogue()


def test_every_code_in_use_is_worded() -> None:
    assert {(where, code) for where, _, code in codes_in_use() if code not in texts.catalogue()} == set()


def test_every_problem_of_a_row_has_a_short_name_for_tallies() -> None:
    problems = {code for _, node, code in codes_in_use() if getattr(node.func, "attr", "") == "refuse"}
    at_import = [(node, code) for where, node, code in codes_in_use() if where.startswith("gridmgmt/intake")]
    problems |= {code for node, code in at_import if getattr(node.func, "id", "") == "Fault"}
    assert "value_missing" in problems
    assert {code for code in problems if f"reason_{code}" not in texts.catalogue()} == set()


FOR_PROGRAMS = {"DocketMovedOn": {"now"}, "TimeLimitContradicts": {"unit_code"}, "OutsideScope": {"verb"}}
"""Facts that no wording shows: what was asked for, and whose limit it is."""


def shown(code: str) -> set[str]:
    """What a wording shows, itself or by what its ``{why:refused}``, ``{fault:…}`` or ``{type:…}`` may become."""
    parts = [part for text in texts.catalogue()[code].values() for part in Formatter().parse(text)]
    kinds = {f"{spec}_" for _, name, spec, _ in parts if spec and name in ("why", "fault", "type")}
    every = sorted(prefixes_of_fields(), key=len, reverse=True)
    inner = [c for c in texts.catalogue() if next(filter(c.startswith, every), None) in kinds]
    return fields(code).union(*map(fields, inner))


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_an_error_has_the_facts_that_its_words_show(name: str) -> None:
    error = ERRORS[name]
    assert fields(error.code) <= {fact for fact, must in error.declared.items() if must}
    assert error.declared.keys() - FOR_PROGRAMS.get(name, set()) == shown(error.code)


def test_words_are_given_the_facts_that_they_need() -> None:
    wrong = []
    for where, node, code in codes_in_use():
        given = facts_of(node)
        missing = fields(code) - given if given is not None and code in texts.catalogue() else set()
        wrong += [f"{where} {code}: {sorted(missing)}"] if missing else []
    assert wrong == []


TOLD_BY_A_FACT = {
    "file_unreadable", "table_refused", "profile_invalid", "rulebook_invalid", "dossier_invalid", "entry_invalid",
    "plan_invalid", "file_refused", "data_file_invalid", "appeal_refused", "step_refused", "data_fault_wrong_value",
    "plan_fault_value", "plan_fault_yaml",
}  # fmt: skip
"""Messages whose fact – a reason, a list of faults – says how to mend it."""

NOTHING_TO_MEND = {"appeal_why_exempted", "appeal_why_decided"}


def test_every_error_and_reason_says_how_to_mend_it() -> None:
    """By what is to be done (请 …), what is expected (应 …, 须为 …), what there is (现有 …), or the command to run."""
    whys = ("refused_", "appeal_why_", "table_fault_", "plan_fault_", "data_fault_", "feature_", "reason_")
    whole = {code.removeprefix("reason_") for code in texts.catalogue() if code.startswith(whys)}
    codes = {cls.code for cls in ERRORS.values()} | whole & set(texts.catalogue())
    says = "请|应为|应有|应如|应晚于|须为|可以|可用|可写|可填|现有|已有|已启用：|最近的|gridmgmt|--"
    mute = {c for c in codes if not re.search(says, texts.catalogue()[c]["zh"])}
    assert mute - TOLD_BY_A_FACT == NOTHING_TO_MEND


EXPECTED_AT = {
    "Unfit": ("expected", 0), "expected": ("expected", 0), "fault": ("expected", 2), "bad": ("expected", 2),
    "why": ("invalid", 0), "Invalid": ("invalid", 0), "Misbound": ("invalid", 1),
}  # fmt: skip
"""What these calls say is worded as ``expected_…`` or ``invalid_…``, with the code as that argument."""


def expectations() -> Iterator[tuple[str, str, set[str] | None]]:
    """What the sources say was expected of a value: where, code, names of the facts beside it (None: not written)."""
    for path, name, node in calls():
        area, at = EXPECTED_AT.get(name, ("", 0))
        if area and len(node.args) > at:
            names = _names(node)
            given = None if None in names and area == "invalid" else {str(n) for n in names} | {*texts.LANGUAGES}
            for code in literals(node.args[at]):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", f"{area}_{code}", given


def test_what_was_expected_is_no_english_prose_inside_a_chinese_sentence() -> None:
    """Forms to be typed may stand there as they are; words are codes of the catalogue."""
    prose = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {part.value}"
        for path, _, node in calls()
        for keyword in node.keywords
        for part in (ast.walk(keyword.value) if keyword.arg == "expected" else ())
        if isinstance(part, ast.Constant) and re.search("[a-z]{2,} [a-z]{2,}", str(part.value))
    ]
    assert prose == []


def _names(node: ast.Call) -> set[str | None]:
    return {k.arg for k in node.keywords}


def test_what_was_expected_is_worded_with_the_facts_that_it_needs() -> None:
    found = list(expectations())
    assert len(found) > 60
    assert {(where, code) for where, code, _ in found if code not in texts.catalogue()} == set()
    wrong = [(where, code, fields(code) - given) for where, code, given in found if given is not None]
    assert [w for w in wrong if w[2]] == []


SENTENCE = re.compile("[A-Za-z]{2,}( [a-z]{2,}){2,}")
"""Latin words that make a sentence; keys and lists of words to be typed have commas, dots or underscores."""


def test_no_reason_is_an_english_sentence_within_a_chinese_one() -> None:
    areas = ("invalid_", "expected_", "unreadable_", "unreachable_", "original_", "refused_", "plan_", "data_fault_")
    said = {code: texts.catalogue()[code]["zh"] for code in texts.catalogue() if code.startswith(areas)}
    assert len(said) > 200
    assert {c: zh for c, zh in said.items() if SENTENCE.search(re.sub("gridmgmt [a-z ]+", "", zh))} == {}


def validators() -> Iterator[tuple[Path, ast.FunctionDef]]:
    """The functions of the sources that check values of a model."""
    for path, tree in trees().items():
        text = path.read_text("utf-8")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (
                any("validator" in ast.unparse(d) for d in node.decorator_list)
                or re.search(rf"(After|Before)Validator\({node.name}\)", text)
            ):
                yield path, node


def test_what_a_model_refuses_is_no_english_prose() -> None:
    """A ValueError of a model becomes a reason as it stands: a form of signs; words are codes (``Invalid``)."""
    found = list(validators())
    assert len(found) > 20
    prose = [
        f"{path.relative_to(ROOT)}:{function.lineno}: {part.value}"
        for path, function in found
        for raised in ast.walk(function)
        if isinstance(raised, ast.Raise) and "ValueError" in ast.unparse(raised)
        for part in ast.walk(raised)
        if isinstance(part, ast.Constant) and SENTENCE.search(str(part.value))
    ]
    assert prose == []


def facts_of(node: ast.Call) -> set[str] | None:
    """Names of the facts in a call; None where they are not written out there."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "refuse":
        return {"value", "column", *(k.arg for k in node.keywords if k.arg)}
    if name in ("word", "both"):
        facts = node.args[1] if len(node.args) > 1 else None
        if facts is None:
            return set() if all(k.arg == "lang" for k in node.keywords) else None
        if isinstance(facts, ast.Dict) and all(isinstance(k, ast.Constant) for k in facts.keys):
            return {str(k.value) for k in facts.keys if isinstance(k, ast.Constant)}
    return None


def parts_of_codes() -> tuple[set[str], tuple[str, ...], tuple[str, ...]]:
    """Whole words of the sources that may be codes, and words that begin (``located_``) or end one (``_note``)."""
    words = {cls.code for cls in ERRORS.values()}
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
    pages = [
        p for room in ("gridmgmt", "api", "maps") for p in (ROOT / room).rglob("*") if p.suffix in (".html", ".js")
    ]
    for page in pages:
        words |= set(re.findall(r"[a-z][a-z0-9_]+", page.read_text("utf-8")))
    starts = (*(word for word in words if re.fullmatch("[a-z0-9_]{3,}_", word)), *prefixes_of_fields())
    return words, starts, tuple(word for word in words if re.fullmatch("_[a-z0-9_]{3,}", word))


def prefixes_of_fields() -> set[str]:
    """``state_`` of a wording's ``{now:state}``: the fact is itself worded."""
    texts_of = [text for wording in texts.catalogue().values() for text in wording.values()]
    specs = {spec for text in texts_of for _, _, spec, _ in Formatter().parse(text)}
    return {f"{spec}_" for spec in specs if spec and re.fullmatch("[a-z_]{3,}", spec)}


def test_no_wording_is_unused() -> None:
    """Each code is a word of the sources, or a prefix (``page_``) and a word, or prefix, value and ending."""
    words, starts, ends = parts_of_codes()

    def is_used(code: str) -> bool:
        rests = [code.removeprefix(start) for start in starts if code.startswith(start)]
        if code in words or any(r in words or r.startswith(starts) or r.endswith(ends) for r in rests):
            return True
        return bool(rests) and not code.startswith(WIDE)

    unused = [code for code in texts.catalogue() if not code.startswith("gridmgmt") and not is_used(code)]
    assert not unused, unused


# --- wording ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    made: dict[str, dict[str, str]] = {}
    monkeypatch.setattr(texts, "catalogue", lambda: made)
    return made


@pytest.mark.parametrize(
    ("text", "facts", "shown"),
    [
        ("{n} 行", {"n": 3}, "3 行"),
        ("{codes}", {"codes": ["a", None, 1]}, "a, —, 1"),
        ("{value}", {"value": None}, "—"),
        ("{why}", {"why": {"n": 3}}, "{'n': 3}"),
        ("{value}", {"value": "{n}"}, "{n}"),
        ("{m:.2f}", {"m": 1.005}, "1.00"),
        ("{m:.2f}", {"m": None}, "{m:.2f} {'m': None}"),
        ("{m.real}", {"m": "x"}, "{m.real} {'m': 'x'}"),
        ("{n}", {}, "{n} {}"),
    ],
)
def test_what_cannot_be_worded_is_still_seen(
    entries: dict[str, dict[str, str]], text: str, facts: dict[str, Any], shown: str
) -> None:
    entries["code"] = {"zh": text, "en": text}
    assert texts.word("code", facts) == shown
    assert texts.both("code", facts) == shown


def test_a_fact_may_be_a_code_itself(entries: dict[str, dict[str, str]]) -> None:
    entries["refused"] = {"zh": "不能{step:step}；可以{legal:step}", "en": "cannot {step:step}; legal: {legal:step}"}
    entries["step_close"] = {"zh": "结案", "en": "close"}
    entries["step_verify"] = {"zh": "核查 {case}", "en": "verify {case}"}
    facts = {"step": "close", "legal": ["verify", "fly"], "case": "C1"}
    assert texts.word("refused", facts, "zh") == "不能结案；可以核查 C1、step_fly {}".replace("{}", str(facts))
    assert texts.word("refused", facts, "en").startswith("cannot close; legal: verify C1, step_fly")


def test_a_fact_may_bring_a_code_and_facts_of_its_own(entries: dict[str, dict[str, str]]) -> None:
    entries["refused"] = {"zh": "应为{wanted}", "en": "expected {wanted}"}
    entries["least"] = {"zh": "不小于 {n}", "en": "from {n}"}
    facts: dict[str, Any] = {"wanted": {"code": "least", "n": 3}}
    assert texts.both("refused", facts) == "应为不小于 3 / expected from 3"
    facts = {"wanted": [{"code": "least", "n": n} for n in (3, 4)]}
    assert texts.word("refused", facts, "zh") == "应为不小于 3；不小于 4"
    assert texts.word("refused", facts, "en") == "expected from 3; from 4"


def test_an_unfit_value_tells_what_was_expected() -> None:
    unfit = texts.Unfit("whole_from", least=2)
    assert unfit.expected == {"code": "expected_whole_from", "least": 2}
    assert str(unfit) == "不小于 2 的整数 / a whole number from 2"


def test_an_unknown_code_is_shown_with_its_facts() -> None:
    assert texts.word("no_such_code") == "no_such_code"
    assert texts.word("no_such_code", {"n": 1}, "en") == "no_such_code {'n': 1}"


def test_both_languages() -> None:
    assert texts.both("rows_imported", {"n": 3}) == "已导入 3 行 / 3 rows imported"


@pytest.mark.parametrize(
    "text", ["a: {zh: 甲}\n", "a: {zh: 甲, en: A, fr: A}\n", "a: {zh: 甲, en: A}\na: {zh: 乙, en: B}\n"]
)
def test_a_faulty_catalogue_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "one.yaml").write_text(text, "utf-8")
    monkeypatch.setattr(texts, "data_path", lambda *parts: tmp_path)
    with pytest.raises(Exception, match=r"twice|zh and en|duplicate"):
        texts.catalogue.__wrapped__()


def test_one_code_in_two_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text("a: {zh: 甲, en: A}\n", "utf-8")
    monkeypatch.setattr(texts, "data_path", lambda *parts: tmp_path)
    with pytest.raises(ValueError, match=r"two.yaml: a stands twice"):
        texts.catalogue.__wrapped__()


def test_the_catalogue_is_parsed_once_and_again_when_a_file_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "one.yaml"
    source.write_text("a: {zh: 甲, en: A}\n", "utf-8")
    monkeypatch.setattr(texts, "data_path", lambda *parts: tmp_path)
    read = texts.catalogue.__wrapped__
    assert read() == {"a": {"zh": "甲", "en": "A"}}
    assert [p.name for p in tmp_path.iterdir() if p != source] == [texts.COMPILED]

    with monkeypatch.context() as without_parser:
        without_parser.setattr(texts, "_parsed", None)
        assert read() == {"a": {"zh": "甲", "en": "A"}}
    source.write_text("a: {zh: 乙, en: A}\n", "utf-8")
    assert read()["a"]["zh"] == "乙"
    (tmp_path / "two.yaml").write_text("b: {zh: 丙, en: B}\n", "utf-8")
    assert set(read()) == {"a", "b"}


@pytest.mark.parametrize("left", ["", "{", "[]", '{"of": 1}'])
def test_what_another_process_left_half_done_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    (tmp_path / "one.yaml").write_text("a: {zh: 甲, en: A}\n", "utf-8")
    (tmp_path / texts.COMPILED).write_text(left, "utf-8")
    monkeypatch.setattr(texts, "data_path", lambda *parts: tmp_path)
    assert texts.catalogue.__wrapped__() == {"a": {"zh": "甲", "en": "A"}}


def test_a_place_where_nothing_can_be_written_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.yaml").write_text("a: {zh: 甲, en: A}\n", "utf-8")
    (tmp_path / texts.COMPILED).mkdir()  # root writes anywhere, but not over a folder
    monkeypatch.setattr(texts, "data_path", lambda *parts: tmp_path)
    assert texts.catalogue.__wrapped__() == {"a": {"zh": "甲", "en": "A"}}


def test_no_wording_is_empty_or_malformed() -> None:
    for code, wording in texts.catalogue().items():
        assert re.fullmatch("[a-z][a-z0-9_:]*|gridmgmt( [a-z-]+)*( --[a-z-]+| [A-Z_]+)?", code), code
        assert all(isinstance(text, str) and text.strip() for text in wording.values()), code
        fields(code)


def test_families_are_not_raised_by_themselves() -> None:
    names = {cls.__name__ for cls in FAMILIES} | {"GridmgmtError"}
    raised = {name for path, name, _ in calls() if name in names and path != Path(errors.__file__).resolve()}
    assert raised == set()


def test_a_long_list_of_faults_folds_and_an_empty_one_is_no_value() -> None:
    faults = [{"code": "invalid_unmapped", "name": f"f{n}"} for n in range(25)]
    told = {lang: texts.word("file_unreadable", {"file": "a", "reason": faults}, lang) for lang in ("zh", "en")}
    assert all("f19" in text and "f20" not in text for text in told.values())
    assert told["zh"].endswith("；另有 5 处")
    assert told["en"].endswith("; and 5 more")
    assert texts.word("draw_missing", {"name": "nope", "known": []}, "zh").endswith("最近的：—")
