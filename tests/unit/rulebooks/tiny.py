"""A tiny rulebook to bend: an item of each important kind, from a handful of inputs."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.load import Loaded, parse
from gridmgmt.rulebooks.results import Outcome
from gridmgmt.rulebooks.run import Run, run

TEXT = """
id: tiny
version: 1
title: {zh: 小办法, en: Tiny}
issuer: {zh: 测试, en: the tests}
source: project convention
valid: {from: 2020-01-01}
population: {kind: unit}
empty: {option: full, reason: {zh: 没有违反规定, en: no rule was broken}}
inputs:
  faults: {title: {zh: 问题, en: Faults}, type: findings, entered: {zh: 检查, en: found on site}}
  disaster: {title: {zh: 事故, en: Accident}, type: findings, entered: {zh: 检查, en: found on site}}
  happenings: {title: {zh: 事项, en: Events}, type: events, entered: {zh: 登记, en: written down}}
  due: {title: {zh: 应结案数, en: Due}, type: count, entered: {zh: 系统导出, en: from an export}}
  closed: {title: {zh: 结案数, en: Closed}, type: count, entered: {zh: 系统导出, en: from an export}}
  business: {title: {zh: 业务, en: Business}, at_least: 0, at_most: 100, entered: {zh: 打分, en: marked}}
  social: {title: {zh: 社会, en: Social}, at_least: 0, at_most: 100, entered: {zh: 打分, en: marked}}
rates:
  closing: {title: {zh: 结案率, en: Closing rate}, numerator: closed, denominator: due, better: high}
stages:
  - id: month
    title: {zh: 月, en: Month}
    cadence: month
    ranking: {}
    score:
      id: total_of_month
      title: {zh: 总分, en: Total}
      kind: sum
      items:
        - id: checks
          title: {zh: 检查, en: Checks}
          kind: deduct
          points: 10
          rules:
            - {id: faults_each, title: {zh: 问题, en: Faults}, kind: each, input: faults, points: 1.5, cap: 8}
            - {id: disaster_zero, title: {zh: 事故, en: Accident}, kind: zero, input: disaster}
        - id: closing_item
          title: {zh: 结案, en: Closing}
          kind: deduct
          points: 7
          rules:
            - {id: closing_steps, title: {zh: 结案率, en: Closing}, kind: steps, rate: closing, threshold: 80,
               direction: below, step: 5, points_per_step: 1, zero_beyond: 60}
        - id: parts
          title: {zh: 两部分, en: Two parts}
          kind: weighted
          items:
            - {id: business_part, title: {zh: 业务, en: Business}, kind: entered, input: business, weight: 66}
            - {id: social_part, title: {zh: 社会, en: Social}, kind: entered, input: social, weight: 34}
        - id: extra
          title: {zh: 加分, en: Extra}
          kind: earn
          points: 5
          rules:
            - id: extra_events
              title: {zh: 加分事项, en: Extra}
              kind: events
              input: happenings
              table:
                - {code: praise, title: {zh: 表扬, en: Praise}, points: 1, cap: 3}
                - {code: prize, title: {zh: 获奖, en: Prize}, points: 2, doubled: true}
        - id: minus
          title: {zh: 减分, en: Minus}
          kind: lose
          rules:
            - id: minus_events
              title: {zh: 减分事项, en: Minus}
              kind: events
              input: happenings
              table:
                - {code: circular, title: {zh: 通报, en: Circular}, points: 2, once_per: criticism}
                - {code: named, title: {zh: 点名, en: Named}, points: 1, once_per: criticism}
    grades:
      - {id: good, at_least: 90, title: {zh: 良好, en: Good}}
      - {id: rest, title: {zh: 其他, en: The rest}}
"""

FULL: dict[str, Any] = {"due": 100, "closed": 95, "business": 90, "social": 80}


def tiny(**changes: str) -> Loaded:
    """The rulebook, with changes by path (``__`` for the dot)."""
    return parse(TEXT, "tiny.yaml", [(k.replace("__", "."), v) for k, v in changes.items()])


def outcomes(
    loaded: Loaded, subjects: Mapping[str, Mapping[str, Any]], period: str = "2025-12"
) -> Mapping[str, Outcome]:
    """Outcomes of one period by subject."""
    return made(loaded, {period: {code: {"inputs": dict(v)} for code, v in subjects.items()}}).outcomes[period]


def made(loaded: Loaded, periods: Mapping[str, Any]) -> Run:
    """A run over periods as a dossier writes them."""
    return run(loaded.rulebook, read_dossier(loaded.rulebook, {"periods": periods}))


def points(loaded: Loaded, item: str, **inputs: Any) -> Fraction | None:
    """One item's points with these inputs, the others as in FULL."""
    node = outcomes(loaded, {"U": {**FULL, **inputs}})["U"].node(item)
    return node.value if node else None
