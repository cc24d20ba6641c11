"""Signing in: by password, with a lock-out that grows; sessions, tokens and keys that end when they are ended."""

from typing import Any

import pytest
from sqlalchemy import text

from gridmgmt.access import credentials
from gridmgmt.access.operations import signing_in, users
from gridmgmt.database.work import Work
from gridmgmt.errors import (
    AccountExists,
    AccountMissing,
    GridMissing,
    KeyMissing,
    OptionInvalid,
    SignInLocked,
    SignInNeeded,
    SignInRefused,
    UnitUnknown,
)
from tests import servers
from tests.postgis.access.conftest import PASSWORD, As


@pytest.fixture
def wang(town: Work) -> Work:
    users.add(town, "wang", ["community@community:D1-1"], name="王某", password=PASSWORD)
    return town


def signed(work: Work, password: str = PASSWORD, **more: Any) -> signing_in.SignedIn:
    return signing_in.sign_in(work, "wang", password, address="10.0.0.1", **more)


def later(work: Work, table: str, column: str, by: str) -> None:
    with servers.owner(work).begin() as connection:
        connection.execute(text(f"UPDATE {table} SET {column} = {column} - CAST(:by AS interval)"), {"by": by})


def test_who_knows_the_password_is_known_by_what_he_was_given(wang: Work, as_: As) -> None:
    made = signed(as_(None))
    viewer = signing_in.known_by(as_(None), made.secret)
    assert (viewer.login, viewer.name, viewer.means) == ("wang", "王某", "session")
    assert viewer.scope("cases.read").grid_codes == {(3, "D1-1")}
    with wang.connect() as connection:
        kept = "".join(str(r) for r in connection.execute(text("SELECT s, a FROM session AS s, account AS a")))
    assert made.secret not in kept
    assert PASSWORD not in kept


@pytest.mark.parametrize("login", ["wang", "nobody", "centre"])
def test_a_wrong_password_tells_nothing(login: str, wang: Work) -> None:
    """Of an account without a password, too, and where there is none of that name."""
    with pytest.raises(SignInRefused) as told:
        signing_in.sign_in(wang, login, "wrong password", address="10.0.0.1")
    assert told.value.facts == {}


def test_after_five_failures_one_waits_ever_longer_and_success_forgets_them(wang: Work) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            signed(wang, "wrong")
    with pytest.raises(SignInLocked) as locked:
        signed(wang)
    assert 0 < locked.value.wait_s <= 31
    later(wang, "sign_in_failure", "last_at", "31 seconds")
    with pytest.raises(SignInRefused):
        signed(wang, "wrong")
    later(wang, "sign_in_failure", "last_at", "31 seconds")
    with pytest.raises(SignInLocked):
        signed(wang)
    later(wang, "sign_in_failure", "last_at", "60 seconds")
    assert signed(wang).viewer.login == "wang"
    with wang.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM sign_in_failure")).scalar() == 0


def test_waits_grow_to_an_hour() -> None:
    assert [credentials.wait_s(n) for n in (0, 4, 5, 6, 7, 12, 60)] == [0, 0, 30, 60, 120, 3600, 3600]


@pytest.mark.parametrize(("column", "by", "token"), [
    ("seen_at", "31 minutes", False), ("ends_at", "12 hours 1 minute", False), ("ends_at", "16 minutes", True),
])  # fmt: skip
def test_a_session_ends_when_idle_or_old(column: str, by: str, token: bool, wang: Work) -> None:
    made = signed(wang, token=token)
    signing_in.known_by(wang, made.secret)
    later(wang, "session", column, by)
    with pytest.raises(SignInNeeded):
        signing_in.known_by(wang, made.secret)


def test_a_token_is_not_idle(wang: Work) -> None:
    made = signed(wang, token=True)
    later(wang, "session", "seen_at", "10 hours")
    assert signing_in.known_by(wang, made.secret).means == "token"


@pytest.mark.parametrize("end", ["out", "disabled", "password"])
def test_a_session_ends_with_signing_out_disabling_or_a_new_password(end: str, wang: Work) -> None:
    made = signed(wang)
    key = users.new_key(wang, "wang", "test").secret
    match end:
        case "out":
            signing_in.sign_out(wang, made.secret)
        case "disabled":
            users.change(wang, "wang", is_disabled=True)
        case _:
            users.set_password(wang, "wang", "another password")
    with pytest.raises(SignInNeeded):
        signing_in.known_by(wang, made.secret)
    if end == "disabled":
        for asked in (lambda: signing_in.known_by(wang, key), lambda: signed(wang)):
            with pytest.raises((SignInNeeded, SignInRefused)):
                asked()
        users.change(wang, "wang", is_disabled=False)
    assert signing_in.known_by(wang, key).means == "key"


def test_a_key_is_told_once_and_ends(wang: Work) -> None:
    made = users.new_key(wang, "wang", "对接", 30)
    assert made.secret.startswith("gmk_")
    (kept,) = users.keys(wang, "wang")
    assert made.secret.startswith(kept.start)
    assert len(kept.start) < 16
    assert signing_in.known_by(wang, made.secret).login == "wang"
    later(wang, "api_key", "ends_at", "31 days")
    with pytest.raises(SignInNeeded):
        signing_in.known_by(wang, made.secret)
    users.revoke_key(wang, made.id)
    with pytest.raises(KeyMissing):
        users.revoke_key(wang, made.id)


@pytest.mark.parametrize(("login", "posts", "error"), [
    ("wang", [], AccountExists), ("x", [], OptionInvalid), ("a b", [], OptionInvalid),
    ("new", ["king"], OptionInvalid), ("new", ["street@x"], OptionInvalid),
    ("new", ["street@community:D9-9"], GridMissing), ("new", ["department@unit:U7"], UnitUnknown),
])  # fmt: skip
def test_a_wrong_account_is_refused_and_nothing_of_it_stays(
    login: str, posts: list[str], error: type[Exception], wang: Work
) -> None:
    before = [a.login for a in users.every(wang)]
    with pytest.raises(error):
        users.add(wang, login, posts)
    assert [a.login for a in users.every(wang)] == before


def test_a_short_password_is_refused(wang: Work) -> None:
    with pytest.raises(OptionInvalid):
        users.set_password(wang, "wang", "short")
    with pytest.raises(AccountMissing):
        users.set_password(wang, "nobody", PASSWORD)


def test_an_administrator_is_one_who_can_sign_in(town: Work) -> None:
    assert not users.has_administrator(town), "boss has no password"
    users.set_password(town, "boss", PASSWORD)
    assert users.has_administrator(town)
    users.change(town, "boss", is_disabled=True)
    assert not users.has_administrator(town)
