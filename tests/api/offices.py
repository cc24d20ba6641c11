"""The small city's units assessed by the departments' rulebook, month by month: some values are entered, some counted.

In December 2025 D9 has 12 cases due (11 closed) and fails for the second month; S1's street fronts are not handed in.
"""

from pathlib import Path

from gridmgmt.assessing.operations import entries, scoring
from gridmgmt.database.work import Work
from gridmgmt.periods import parse_period
from tests.api import small_city
from tests.unit.unit_scorecards import RULEBOOK

ENTRIES = """period,subject,input,value,code,on,n,evidence,ref
2025-11,D9,digital,60,,,,,
2025-11,D9,lines,70,,,,,
2025-11,D9,facades,不适用,,,,,
2025-11,S1,digital,95,,,,,
2025-11,S1,lines,90,,,,,
2025-11,S1,facades,88,,,,,
2025-11,*,signed_off,是,,,,,
2025-12,D9,digital,60,,,,,
2025-12,D9,lines,70.5,,,,,
2025-12,D9,facades,不适用,,,,,
2025-12,D9,events,,circular,2025-12-04,,县通报3号,
2025-12,D9,events,,outside_duty,2025-12-05,8,,
2025-12,D9,late_reports,,,2025-12-06,4,,
2025-12,S1,digital,80,,,,,
2025-12,S1,lines,90,,,,,
2025-12,*,signed_off,是,,,,,
"""
NAME = "departments-2025-12-1"
TOTAL_D9 = "69.20"  # 64.2 + (10 - 6) + 3 - 2: 11 of 12 closed costs nothing, of 8 tasks 3 points at most count


def build(work: Work, folder: Path) -> None:
    """The small city with its own assessment, then November and December of the departments."""
    small_city.build(work, folder)
    (folder / "entries.csv").write_text(ENTRIES, "utf-8")
    report = entries.import_entries(work.but(actor="王工"), str(RULEBOOK), folder / "entries.csv")
    assert not report.problems, report.problems
    for month in ("2025-11", "2025-12"):
        scoring.score(work, str(RULEBOOK), parse_period(month))
