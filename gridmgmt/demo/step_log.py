"""The step log (办理日志) of the demo city's cases: who took which step when, as the dates of the cases tell it."""

import numpy as np
import pandas as pd

_STEPS = (
    ("上报", "reported_at", "采集员"),
    ("受理", "accepted_at", "座席员"),
    ("立案", "registered_at", "座席员"),
    ("派遣", "dispatched_at", "派遣员"),
    ("核查不通过", "reworked_at", "核查员"),
    ("处置反馈", "handled_at", "专业部门"),
    ("结案", "closed_at", "核查员"),
    ("作废", "voided_at", "值班长"),
)
"""Word of the step, the case's date that tells it, and who takes it; in the order in which one follows the other."""


def of_cases(cases: pd.DataFrame) -> pd.DataFrame:
    """Every step of true cases, case by case in order of time.

    Of several times of rework the log tells the last, as the case list does.

    Returns
    -------
    DataFrame
        case_no, step, at (datetime64[s], city time), actor, unit_code, due_at.
    """
    parts = []
    for place, (word, column, who) in enumerate(_STEPS):
        rows = cases.loc[cases[column].notna(), ["case_no", column, "unit_code", "due_at"]]
        is_dispatch = column == "dispatched_at"
        number = (rows.index.to_numpy() * 7 + place) % 9 + 1
        parts.append(pd.DataFrame({
            "case_no": rows["case_no"], "step": word, "at": rows[column],
            "actor": np.array([f"{who}{i}" for i in range(10)], dtype=object)[number],
            "unit_code": rows["unit_code"] if is_dispatch else "",
            "due_at": rows["due_at"] if is_dispatch else pd.Series(pd.NaT, rows.index, dtype="datetime64[s]"),
        }))  # fmt: skip
    return pd.concat(parts).sort_index(kind="stable", ignore_index=True)
