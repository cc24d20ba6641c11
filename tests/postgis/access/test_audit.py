"""The audit has every write and refusal, nobody can change it, and its chain tells where somebody did."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from gridmgmt.access.operations import auditing, users
from gridmgmt.casework.operations import lookup
from gridmgmt.database.work import Work
from gridmgmt.errors import AccessDenied, CaseMissing
from tests.postgis.access.conftest import As
from tests.postgis.settling import settle
from tests.postgis.worksite import acted, step
from tests.worlds import tampered


def last(work: Work, n: int = 1) -> list[dict[str, Any]]:
    return auditing.listed(work, limit=n)


def test_a_step_is_there_with_who_took_it_from_where(as_: As, town: Work) -> None:
    acted(as_("u1"), step("receive", 11, "A"))
    (row,) = last(town)
    assert (row["login"], row["means"], row["outcome"]) == ("u1", "acting", "done")
    assert row["facts"] == {"cases": ["A"]}
    with town.connect() as connection:
        batch = "step AS s JOIN batch AS b ON b.id = s.batch_id"
        actor = f"SELECT a.name, a.means FROM {batch} JOIN actor AS a ON a.id = b.actor_id"
        assert ("u1", "acting") in {tuple(r) for r in connection.execute(text(actor))}


def test_a_refusal_is_there_though_its_transaction_was_undone(as_: As, town: Work) -> None:
    with pytest.raises(AccessDenied):
        lookup.list_cases(as_("boss"), limit=1)
    row, before = last(town, 2)
    assert before["outcome"] == "done", "a refusal stands there once"
    assert (row["login"], row["deed"], row["outcome"]) == ("boss", "access_denied", "refused")
    assert row["facts"]["verb"] == "cases.read"


def test_what_is_only_read_or_tried_leaves_nothing(as_: As, town: Work) -> None:
    before = last(town)
    lookup.list_cases(as_("centre"), limit=1)
    with pytest.raises(CaseMissing):
        lookup.show_case(as_("c11"), "C")
    acted(as_("u1").but(keep=False), step("receive", 11, "A"))
    assert last(town) == before


def test_the_chain_is_whole_and_goes_on(town: Work) -> None:
    settle(town, "audit")
    first = auditing.seal(town)
    assert first is not None
    assert auditing.seal(town) is None
    users.change(town, "u1", is_disabled=True)
    settle(town, "audit")
    second = auditing.seal(town)
    assert second is not None
    assert second[0] == first[0] + 1
    found = auditing.verify(town, second)
    assert (found.n, f"{found.n}:{found.head}", found.fault) == (second[0], f"{second[0]}:{second[1]}", None)
    assert auditing.verify(town, first).fault is None, "it goes through an earlier head"


Tamper = Callable[[Connection], object]
TAMPERED: dict[str, tuple[str, str]] = {
    "changed": ("UPDATE audit SET login = 'somebody' WHERE id = 3", "changed"),
    "facts": ("UPDATE audit SET facts = '{\"cases\": []}' WHERE id = 3", "changed"),
    "gone": ("DELETE FROM audit WHERE id = 3", "gone"),
    "with its seal": ("WITH x AS (DELETE FROM audit WHERE id = 3) DELETE FROM audit_seal WHERE audit_id = 3", "gone"),
    "cut": (
        "WITH x AS (DELETE FROM audit WHERE id > 5) DELETE FROM audit_seal WHERE audit_id > 5", "cut"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_whoever_changes_it_is_found_out(what: str, town: Work) -> None:
    settle(town, "audit")
    head = auditing.seal(town)
    statement, why = TAMPERED[what]
    with tampered(town) as connection:
        connection.execute(text(statement))
    fault = auditing.verify(town, head).fault
    assert fault is not None
    assert fault.why == why
    assert what == "cut" or (fault.audit_id in (3, None) and fault.n <= 5)


def test_nothing_is_sealed_before_what_may_still_come_first(town: Work) -> None:
    """A transaction that began earlier and commits later stands before those that it overtook."""
    settle(town, "audit")
    auditing.seal(town)
    began, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with town.transaction() as connection:
            connection.execute(text("INSERT INTO counter (key, n) VALUES ('slow', 1)"))
            began.set()
            go_on.wait(30)

    thread = threading.Thread(target=slow)
    thread.start()
    began.wait(30)
    users.change(town, "u1", is_disabled=True)
    assert auditing.seal(town) is None, "the slow one is still open"
    go_on.set()
    thread.join()
    settle(town, "audit")
    sealed = auditing.seal(town)
    assert sealed is not None
    assert auditing.verify(town, sealed).n_unsealed == 0
    assert auditing.verify(town, sealed).fault is None


def test_it_is_exported_whole(town: Work, tmp_path: Path) -> None:
    settle(town, "audit")
    auditing.seal(town)
    n = auditing.export(town, tmp_path / "audit.jsonl")
    lines = (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == n == auditing.verify(town).n > 5


def test_its_reader_needs_the_verb(as_: As) -> None:
    assert auditing.listed(as_("boss"), limit=5)
    with pytest.raises(AccessDenied):
        auditing.listed(as_("centre"), limit=5)


def test_a_refusal_within_another_use_case_stands_there_once(as_: As, town: Work) -> None:
    work = as_("boss")
    with pytest.raises(AccessDenied), work.snapshot():
        lookup.list_cases(work, limit=1)
    assert [r["outcome"] for r in last(town, 2)] == ["refused", "done"]
