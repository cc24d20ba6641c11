"""A rulebook for units as cities have them (weights, bonuses, penalties, windows, prize money), and its scorecards."""

import json
from pathlib import Path

from gridmgmt.documents import plain
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.load import parse
from gridmgmt.scorecards import assessment
from gridmgmt.scorecards.documents import CardHeader, Document, Facts, Header, Subject

RULEBOOK = Path(__file__).with_name("departments.yaml")

NAMES = {"CG": ("城管局", "City Management"), "ZJ": ("住建局", "Housing"), "JT": ("交通局", "Transport")}
MONTH = {
    "CG": {
        "digital": "60", "lines": "70.5", "facades": "not_applicable", "due": 40, "closed": 33, "late_reports": 4,
        "events": [
            {"code": "circular", "on": "2021-03-04", "evidence": "县通报〔2021〕3号", "note": "=HYPERLINK(1)"},
            {"code": "outside_duty", "on": "2021-03-05", "n": 8},
        ],
    },
    "ZJ": {"digital": "92.5", "lines": "91", "facades": "85", "due": 3, "closed": 3, "late_reports": 0, "events": []},
    "JT": {"digital": "80", "due": 10, "closed": 9, "late_reports": 0, "events": []},
}  # fmt: skip
"""CG: 6 of 10 for discipline (two thirds of steps below 90 %); JT: two campaigns are not handed in yet."""


def departments(month=None, chances=None):
    """The header and documents of March 2021; in February CG had failed too."""
    month = MONTH if month is None else month
    loaded = parse(RULEBOOK.read_text("utf-8"), RULEBOOK.name)
    plain = {
        "subjects": {c: {"name": {"zh": NAMES[c][0], "en": NAMES[c][1]}} for c in month},
        "periods": {
            "2021-02": {c: {"result": {"total": 70 if c == "CG" else 90}} for c in month},
            "2021-03": {c: {"inputs": v, "sources": {"due": "cases", "closed": "cases"}} for c, v in month.items()},
        },
    }
    facts = {
        c: Facts(
            subject=Subject(
                kind="unit", level="unit", level_number=0, code=c, parent=None, group=None,
                role=None, grid_kind=None, edition=None, name={"zh": NAMES[c][0], "en": NAMES[c][1]},
            )
        )
        for c in month
    }  # fmt: skip
    header = {
        "city": {"code": "4101", "name": {"zh": "示例市", "en": "Sample City"}},
        "datum": "CGCS2000",
        "period": {"label": "2021-03", "first": "2021-03-01", "last": "2021-03-31"},
        "as_of": "2021-04-01T00:00:00+08:00",
        "edition": "2021",
        "levels": [{"key": "unit", "number": 0, "zh": "单位", "en": "Units"}],
        "counts": {"cases": ["n_due", "n_closed"], "samples": []},
        "evidence": {"cases": {"n": 53, "sha256": "c" * 64}},
        "unassigned": {"city": {"n_reported": 1, "n_due": 1, "n_samples": 0}},
        "earlier": {"2021-02": {"assessment": "departments-2021-02-1", "sha256": "b" * 64}},
    }
    made = assessment.assess(loaded, read_dossier(loaded.rulebook, plain), "2021-03", Header, header, facts)
    return shown(made, {"name": "departments-2021-03-1", "sha256": made.sha256}, chances)


def shown(made, more, chances=None):
    """Header and documents as files are made of them: as they come back from where they are stored."""
    documents = [{**plain(d), "chance": (chances or {}).get(d.subject.code)} for d in made.subjects]
    header = CardHeader.model_validate_json(json.dumps({**plain(made.header), **more}))
    return header, [Document.model_validate_json(json.dumps(d)) for d in documents]
