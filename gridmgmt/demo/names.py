"""Made-up names for places, Chinese and pinyin, unique where they must be."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from gridmgmt.settings import data_path


@cache
def table(name: str) -> dict[str, Any]:
    """One of the demo city's data files, ``data/demo/<name>.yaml``."""
    data: dict[str, Any] = YAML(typ="safe").load(data_path("demo", f"{name}.yaml").read_text("utf-8"))
    return data


@dataclass(frozen=True)
class Name:
    """A name (名称) in Chinese and English."""

    zh: str
    en: str

    def of(self, zh: str, en: str) -> "Name":
        """The name with a kind of place behind it: 望湖 + 街道, Wanghu + Subdistrict."""
        return Name(self.zh + zh, f"{self.en} {en}")


def places() -> list[Name]:
    """All two-character place names that the parts give."""
    parts = table("names")
    return [Name(a + b, x + y) for a, x in parts["first"] for b, y in parts["second"]]


def draw(n: int, rng: np.random.Generator) -> list[Name]:
    """Draw ``n`` different place names; beyond the stock they are numbered 二, 三, …"""
    stock = places()
    names: list[Name] = []
    for turn in range(-(-n // len(stock))):
        suffix = "一二三四五六七八九十"[turn] if turn else ""
        number = f" {turn + 1}" if turn else ""
        names += [Name(stock[i].zh + suffix, stock[i].en + number) for i in rng.permutation(len(stock))]
    return names[:n]
