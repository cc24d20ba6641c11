"""The guide docs/writing-a-rulebook.md holds a whole rulebook: it loads, and its examples come out."""

import re
from pathlib import Path

from gridmgmt.rulebooks.examples import read_examples, wrong
from gridmgmt.rulebooks.load import parse

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "writing-a-rulebook.md"
HEAD = """\
id: street_month
version: 1
title: {zh: 街道城市管理月度考核, en: Street month}
issuer: {zh: 某市, en: A city}
source: 街道城市管理月度考核
valid: {from: 2025-01-01}
scale: 100
"""


def test_the_guide_s_rulebook_and_examples_come_out() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    *parts, examples = blocks
    loaded = parse(HEAD + "".join(parts), "street_month.yaml")
    found = [wrong(loaded, example) for example in read_examples(examples)]
    assert found == [[]]
