"""A profile proposed: columns by their names, words by the list of names, and what the text says of it."""

import itertools
from pathlib import Path

import pandas as pd
import pytest

from gridmgmt.casework.cases import STATES
from gridmgmt.codes import CATEGORY_KINDS
from gridmgmt.files import delimited
from gridmgmt.files import rows as file_rows
from gridmgmt.intake.exports.profile_text import profile_text
from gridmgmt.intake.proposing import APART, Names, Proposal, match, meanings
from gridmgmt.intake.readers import profiles, unknown
from gridmgmt.intake.readers.contents import contents
from gridmgmt.intake.readers.names import names
from tests.unit.intake.test_facts import CITY


def test_the_names_are_of_fields_states_and_kinds_that_there_are() -> None:
    assert set(names().fields) <= profiles.FIELDS["cases"] | set(APART)
    assert set(names().status) <= set(STATES)
    assert set(names().kind) <= set(CATEGORY_KINDS)


def test_a_name_that_means_two_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="closedat: closed_at, voided_at"):
        Names(
            fields={"closed_at": ("Closed At",), "voided_at": ("closed_at",)},
            status={},
            kind={},
            nulls=(),
            time_formats=(),
        )


def test_columns_are_matched_by_name_then_by_likeness_and_only_where_their_content_fits() -> None:
    columns = ["ＩＤ", "Open Dt", "closed_dt", "原办结时间", "备注上报时间说明"]
    known = {
        "case_no": ("id",),
        "reported_at": ("上报时间", "open_dt"),
        "closed_at": ("closed_dt",),
        "handled_at": ("办结时间",),
    }
    found = match(columns, known, {"closed_at": ["Open Dt"]})
    assert {name: (m.column, m.sure) for name, m in found.items()} == {
        "case_no": ("ＩＤ", True), "reported_at": ("Open Dt", True), "handled_at": ("原办结时间", False),
    }  # fmt: skip


def test_words_are_known_in_any_case_and_unknown_ones_stay_open() -> None:
    assert meanings(["CLOSED", "In  Progress", "已归档"], names().status) == {
        "CLOSED": "closed", "In  Progress": "handling", "已归档": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "form", "n_others", "days_only"),
    [
        (["2025-03-01 08:00", "2025/3/2"], None, 0, False),
        (["2025-03-01", "2025-03-02"], None, 0, True),
        (["13/02/2025 08:00", "01/02/2025 09:00"], "%d/%m/%Y %H:%M", 0, False),
        (["03/02/2025 08:00", "01/02/2025 09:00"], "%m/%d/%Y %H:%M", 1, False),
        (["03/02/2025 11:00:00 PM", "12/31/2025 09:00:00 AM"], "%m/%d/%Y %I:%M:%S %p", 0, False),
    ],
)
def test_formats_of_times_are_found_and_those_that_fit_as_well_are_told(
    values: list[str], form: str | None, n_others: int, days_only: bool
) -> None:
    rows = pd.DataFrame({"t": values}, dtype="str")
    times = contents(rows, CITY.zone, names().nulls, names().time_formats).times["t"]
    assert (times.format, len(times.others), times.days_only) == (form, n_others, days_only)


def test_numbers_texts_and_keys_are_told_apart() -> None:
    rows = pd.DataFrame(
        {"no": ["A1", "A2", "A3"], "x": ["1.5", "NULL", "2"], "town": ["a", "a", "b"], "none": ["", "-", "无"]},
        dtype="str",
    )
    found = contents(rows, CITY.zone, names().nulls, names().time_formats)
    assert (found.keys, found.numbers, found.times) == (["no"], ["x"], {})


def test_the_text_is_a_profile_whatever_its_words_are_and_keeps_its_remarks() -> None:
    columns = {"case_no": "no", "reported_at": {"column": "a: b #1", "format": "%d/%m/%Y"}, "description": "y"}
    profile = {
        "id": "f2025", "kind": "cases", "title": {"zh": "乙: 一", "en": "2025"}, "null_values": ["", "-"],
        "columns": columns, "location": {"lon": "x", "lat": "y", "system": "epsg:4490", "null": [[0, 0]]},
    }  # fmt: skip
    proposal = Proposal(profile)
    proposal.remark("columns.case_no", "proposed_guess", column="no")
    proposal.remark("deadline", "proposed_no_deadline")
    text = profile_text(proposal, "en")
    read = profiles.parse(text, "proposed.yaml")
    assert (read.title.zh, read.columns["reported_at"].column, read.columns["case_no"].column) == (
        "乙: 一",
        "a: b #1",
        "no",
    )
    assert read.location is not None
    assert (read.location.lat, read.location.null) == ("y", ((0, 0),))
    lines = text.splitlines()
    assert lines[lines.index('  case_no: "no"') - 1].startswith("  # ? a guess")
    assert any(line.startswith("# ? no column of deadlines") for line in lines)


def _log(path: Path, n: int) -> Path:
    """A log whose first half has neither places nor states, and another state in its last row alone."""
    rows = ["no,at,x,state"]
    for i in range(n):
        state = "挂起" if i == n - 1 else "已结案" if i >= n // 2 else ""
        rows.append(f"A{i},2025-03-01 08:00:00,{114 + i / 1000 if i >= n // 2 else ''},{state}")
    path.write_text("\n".join(rows), "utf-8")
    return path


@pytest.mark.parametrize("n", [1, 7, 39, 40, 41, 97, 160, 1003])
def test_the_sample_of_a_file_is_of_all_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    monkeypatch.setattr(unknown, "_ROWS", 40)
    monkeypatch.setattr(file_rows, "CHUNK_ROWS", 30)
    found = unknown.sample(_log(tmp_path / "a.csv", n))
    assert found.n_rows == n
    assert len(found.rows) == n if n < 40 else 20 <= len(found.rows) <= 40
    numbers = list(found.rows.index)
    assert (numbers[0], numbers[-1]) == (2, n + 1)
    steps = {b - a for a, b in itertools.pairwise(numbers[:-1])}
    assert len(steps) <= 1, "at equal distances, so that no part of the file is passed over"
    assert "挂起" in set(found.rows["state"])


def test_what_begins_late_in_a_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unknown, "_ROWS", 400)
    monkeypatch.setattr(file_rows, "CHUNK_ROWS", 300)
    found = contents(unknown.sample(_log(tmp_path / "a.csv", 1000)).rows, CITY.zone, (), ())
    assert "x" in found.numbers
    assert {"已结案", "挂起"} <= set(found.values["state"].dropna())


def test_the_format_of_a_column_is_tried_on_values_of_all_its_parts() -> None:
    early, late = (
        [f"0{i % 9 + 1}/0{i % 9 + 1}/2025" for i in range(1000)],
        [f"{i % 9 + 13}/03/2025" for i in range(1000)],
    )
    rows = pd.DataFrame({"at": [*early, *late]})
    assert contents(rows, CITY.zone, (), ("%m/%d/%Y", "%d/%m/%Y")).times["at"].format == "%d/%m/%Y"


def test_cells_that_cannot_be_stored_are_counted_when_a_profile_is_tried(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"no,at\nA1,2025-03-01\nA2\x00,2025-03-01\n")
    assert [(f.row, f.code) for f in unknown.sample(tmp_path / "a.csv").unread] == [(3, "cell_nul")]


@pytest.mark.parametrize(
    ("header", "cell", "wanted"),
    [
        ("Numéro;Créé;Où", "Forêt, près de l'école; déjà signalé à Liège", "cp1252"),
        ("Nr;Größe;Straße", "Große Straße;übermäßig", "cp1252"),
        ("編號,時間,地點", "臺北市", "big5"),
    ],
)
def test_western_and_traditional_texts_stay_what_they_are(tmp_path: Path, header: str, cell: str, wanted: str) -> None:
    path = tmp_path / "a.csv"
    rows = [header, *(f"{n};2025-12-01;{cell}" for n in range(20))]
    path.write_bytes("\n".join(rows).encode(wanted) + b"\n99;2025-12-01;caf\xe9")
    assert delimited.unknown(path, unknown.ENCODINGS)[0] == wanted
