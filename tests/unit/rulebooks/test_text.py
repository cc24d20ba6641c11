"""A rulebook in words tells all that is in it: every text, every number, every key of the vocabulary."""

import inspect
import re
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_args

import pytest

from gridmgmt.documents import Strict
from gridmgmt.numbers import exact
from gridmgmt.rulebooks import items, kinds, wording
from gridmgmt.rulebooks.exports import input_text, rulebook_text
from gridmgmt.rulebooks.load import known, load, parse
from gridmgmt.rulebooks.starter import starter
from gridmgmt.texts import catalogue

MODULES = [import_module(f"{kinds.__name__}.{m.name}") for m in iter_modules(kinds.__path__)]
CLASSES = {c for m in (items, *MODULES) for c in vars(m).values() if inspect.isclass(c) and issubclass(c, Strict)}
WORDED = [f for c in CLASSES for name, f in vars(c).items() if "words" in name or name == "lines"]
SOURCE = "".join(inspect.getsource(x) for x in (input_text, rulebook_text, wording, *WORDED))


def parts(kind: type[Strict]) -> Iterator[type[Strict]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from parts(sub)


def holds_parts(kind: type[Strict], key: str) -> bool:
    """Whether items or rules stand under a key: they are told as lines of their own."""
    annotation = kind.model_fields[key].annotation
    inner = next(iter(get_args(annotation)), annotation)
    return inspect.isclass(inner) and issubclass(inner, items.Part)


KEYS = sorted(
    {
        (kind.__name__, key)
        for kind in parts(Strict)
        if kind.__module__.startswith("gridmgmt.rulebooks")
        for key in kind.model_fields
        if not holds_parts(kind, key)
    }
)


def told(kind: str, key: str) -> bool:
    """Whether a key is a field of the catalogue's entries for a kind."""
    names = [name for name, model in kinds.KINDS.items() if model.__name__ == kind]
    return any(f"{{{key}}}" in x["zh"] for name in names for code, x in catalogue().items() if f"show_{name}" in code)


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_every_key_of_the_vocabulary_is_worded(kind: str, key: str) -> None:
    assert told(kind, key) or re.search(rf'\.{key}\b|"{key}"', SOURCE), f"{kind}.{key} is told by no function"


def texts(value: Any, lang: str) -> Iterator[str]:
    """Every text in a plain rulebook."""
    if isinstance(value, dict) and set(value) == {"zh", "en"}:
        yield value[lang]
    elif isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from texts(below, lang)


def numbers(part: Any) -> Iterator[Fraction]:
    for value in vars(part).values():
        if isinstance(value, Fraction):
            yield value


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", known())
def test_every_text_and_number_of_a_shipped_rulebook_is_told(name: str, lang: str) -> None:
    book = load(name).rulebook
    shown = rulebook_text.rulebook_text(book, lang)
    plain = book.model_dump(mode="json")
    assert [t for t in texts(plain, lang) if t not in shown] == []
    assert [n for _, part in book.parts() for n in numbers(part) if n and exact(n) not in shown] == []
    assert not re.search(r"show_[a-z]|\{[a-z_]+\}", shown)


def test_the_starter_in_words() -> None:
    book = parse(starter("mine")["rulebook.yaml"], "rulebook.yaml").rulebook
    shown = rulebook_text.rulebook_text(book, "zh")
    for line in (
        "我的考核办法（mine 第 1 版）",
        "考核对象：网格（各层级）",
        "月度考核（每月）[month]",
        "    按期结案 [on_time]（60 分）：60 分 × “按期结案率”",
        "    返工 [rework]（20 分）：从 20 分中扣分，扣完为止",
        "      返工率超过 2% [rework_steps]：“返工率”高于 2%，每高 1 个百分点计 2 分，不足一步不计",
        "      每发现一处 [office_each]：“内业检查发现的问题”每项 1.5 分",
        "  等次：优秀 90 分及以上；合格 60 分及以上；不合格 其余",
        "  返工率 [rework_rate] = 返工案件数 ÷ 可判定返工的应结案数，越低越好",
        "    录入：由检查组现场填写",
        "  约谈 [talk]（月度考核，警示）：等次为 不合格，连续达 2 次",
        "  不足 1 个百分点是否按 1 个百分点扣分 [unfinished_step]：取 floor；另可 ceil",
    ):
        assert line in shown.splitlines(), line
