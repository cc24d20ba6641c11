"""A small scheme over the town: two districts, month by month, with a finding, a flag for the last, and a year."""

from pathlib import Path
from typing import Any

from gridmgmt.assessing.operations import entries, scoring
from gridmgmt.database.work import Work
from gridmgmt.periods import parse_period

BOOK = """\
id: court
version: 1
title: {zh: 小城考核, en: Town assessment}
issuer: {zh: 小城, en: the town}
source: project convention
valid: {from: 2025-01-01}
population: {kind: grid, levels: [district]}
empty: {option: full, reason: {zh: 没有违反规定, en: no rule was broken}}
inputs:
  due: {title: {zh: 应结案数, en: Due}, type: count, automatic: {count: n_due}}
  on_time: {title: {zh: 按期结案数, en: On time}, type: count, automatic: {count: n_closed_on_time}}
  ours:
    title: {zh: 部件应结案数, en: Due components}
    type: count
    automatic: {count: n_due, only: {categories: ["component:01*"]}}
  faults: {title: {zh: 检查发现, en: Faults}, type: findings, entered: {zh: 现场检查, en: found on site}}
  annual:
    title: {zh: 年度综合, en: Annual mark}
    at_least: 0
    at_most: 100
    entered: {zh: 年底打分, en: marked at year end}
rates:
  on_time_rate: {title: {zh: 按期率, en: On-time rate}, numerator: on_time, denominator: due, better: high}
stages:
  - id: month
    title: {zh: 月度, en: Month}
    cadence: month
    ranking: {}
    shown:
      - {id: components, title: {zh: 部件, en: Components}, kind: linear, terms: {ours: 1}}
    score:
      id: month_total
      title: {zh: 月度得分, en: Month score}
      kind: sum
      items:
        - {id: timely, title: {zh: 按期结案, en: On time}, kind: proportional, points: 80, rate: on_time_rate}
        - id: site
          title: {zh: 现场, en: On site}
          kind: deduct
          points: 20
          rules:
            - {id: faults_each, title: {zh: 每项扣分, en: Each fault}, kind: each, input: faults, points: 5}
    grades:
      - {id: good, at_least: 75, title: {zh: 良好, en: Good}}
      - {id: weak, title: {zh: 较差, en: Weak}}
  - id: year
    title: {zh: 年度, en: Year}
    cadence: year
    ranking: {}
    score:
      id: year_total
      title: {zh: 年度得分, en: Year score}
      kind: weighted
      items:
        - {id: months, title: {zh: 月度平均, en: Months}, kind: periods, stage: month, n: 12, weight: 50}
        - {id: annual_mark, title: {zh: 年度综合, en: Annual mark}, kind: entered, input: annual, weight: 50}
consequences:
  - id: last_twice
    title: {zh: 通报批评, en: Circular}
    stage: month
    tone: penalty
    when: {last: true}
    window: {kind: cumulative, reaches: 2}
  - id: first_money
    title: {zh: 奖金, en: Prize money}
    stage: month
    tone: praise
    when: {first: true}
    money: 1000
"""


def write(folder: Path, text: str = BOOK) -> str:
    """The rulebook's file."""
    path = folder / "court.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def enter(work: Work, folder: Path, rows: list[str], by: str = "tester") -> entries.EntryReport:
    """Enter rows ``period,subject,input,value,on,n,ref``."""
    path = folder / f"entries_{len(list(folder.glob('entries_*')))}.csv"
    padded = [row + "," * (7 - row.count(",")) for row in rows]
    path.write_text("\n".join(["period,subject,input,value,on,n,ref,evidence", *padded]) + "\n", "utf-8")
    return entries.import_entries(work.but(actor=by), str(folder / "court.yaml"), path)


def score(work: Work, folder: Path, period: str, **options: Any) -> scoring.Made:
    """Assess a period."""
    return scoring.score(work, str(folder / "court.yaml"), parse_period(period), **options)
