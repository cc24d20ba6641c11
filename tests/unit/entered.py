"""A small rulebook with an input of every kind that people enter, and a long CSV of entries."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gridmgmt.assessing.readers.entry_lines import RECORD_COLUMNS

Cells = dict[str, Any]

BOOK = """
id: town
version: 1
title: {zh: 甲, en: A}
issuer: {zh: 甲, en: A}
source: project convention
valid: {from: 2020-01-01}
population: {kind: unit}
empty: {option: incomplete, reason: {zh: 甲, en: A}}
inputs:
  score: {title: {zh: 分, en: Score}, at_least: 0, at_most: 100, may_not_apply: true, entered: {zh: 甲, en: A}}
  n: {title: {zh: 数, en: Number}, type: count, entered: {zh: 甲, en: A}}
  done: {title: {zh: 完成, en: Done}, type: flag, entered: {zh: 甲, en: A}}
  class:
    title: {zh: 类, en: Class}
    type: choice
    choices: {good: {zh: 优, en: Good}, bad: {zh: 差, en: Bad}}
    entered: {zh: 甲, en: A}
  for_all: {title: {zh: 全体, en: All}, per: all, entered: {zh: 甲, en: A}}
  faults: {title: {zh: 问题, en: Faults}, type: findings, entered: {zh: 甲, en: A}}
  events: {title: {zh: 事项, en: Events}, type: events, entered: {zh: 甲, en: A}}
  marks: {title: {zh: 评分, en: Marks}, type: marks, at_least: 0, at_most: 100, entered: {zh: 甲, en: A}}
  polls:
    title: {zh: 测评, en: Polls}
    type: ratings
    groups: {leaders: {zh: 领导, en: Leaders}, public: {zh: 群众, en: Public}}
    entered: {zh: 甲, en: A}
  hanging: {title: {zh: 挂账, en: Hanging}, type: accounts, entered: {zh: 甲, en: A}}
stages:
  - id: month
    title: {zh: 月, en: Month}
    cadence: month
    grade_entered: {input: class}
    score:
      kind: sum
      id: total
      title: {zh: 合计, en: Total}
      items:
        - {kind: entered, id: a, title: {zh: 甲, en: A}, input: score}
        - {kind: entered, id: b, title: {zh: 甲, en: A}, input: n}
        - {kind: entered, id: c, title: {zh: 甲, en: A}, input: for_all}
        - {kind: marks, id: d, title: {zh: 甲, en: A}, input: marks}
        - {kind: ratings, id: e, title: {zh: 甲, en: A}, input: polls, weights: {leaders: 60, public: 40}}
        - {kind: hanging, id: f, title: {zh: 甲, en: A}, input: hanging, exposed_at: 3}
        - kind: earn
          id: g
          title: {zh: 甲, en: A}
          rules:
            - {kind: once, id: h, title: {zh: 甲, en: A}, input: done, points: 1}
            - {kind: each, id: i, title: {zh: 甲, en: A}, input: faults, points: 1}
            - kind: events
              id: j
              title: {zh: 甲, en: A}
              input: events
              table:
                - {code: praise, title: {zh: 表扬, en: Praise}, points: 2}
                - {code: open, title: {zh: 酌情, en: Open}}
                - {code: by_role, title: {zh: 角色, en: Role}, points: {chief: 1, clerk: 2}}
"""


def long_csv(path: Path, rows: Sequence[Cells], columns: Sequence[str] = RECORD_COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path
