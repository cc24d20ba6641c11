"""Who asks in tests: accounts of any post, signed in."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from gridmgmt.access.operations import users
from gridmgmt.database.work import open_database
from gridmgmt.errors import AccountExists
from gridmgmt.settings import Settings

PASSWORD = "correct horse battery"


def bearer(settings: Settings, post: str = "city_centre") -> dict[str, str]:
    """The header with a key of somebody with one post."""
    name = re.sub(r"\W", "-", post)
    account(settings, name, post, password=None)
    work = open_database(settings)
    secret = users.new_key(work, name, "tests").secret
    work.close()
    return {"Authorization": f"Bearer {secret}"}


ORIGIN = {"origin": "http://localhost"}


def account(settings: Settings, login: str, *posts: str, password: str | None = PASSWORD) -> None:
    """An account with these posts, added once; without a password it shows keys, and none is to be hashed."""
    work = open_database(settings)
    try:
        users.add(work, login, posts, password=password)
    except AccountExists:
        if password is not None and not next(a for a in users.every(work) if a.login == login).may_sign_in:
            users.set_password(work, login, password)
    work.close()


def sign_in(client: TestClient, settings: Settings, post: str = "city_centre", login: str | None = None) -> TestClient:
    """Sign a client in as somebody with one post; his session stays in its cookies."""
    name = login or re.sub(r"\W", "-", post)
    account(settings, name, post)
    client.headers.update(ORIGIN)
    answer = client.post("/v1/sessions", json={"login": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return client


@dataclass(frozen=True)
class Asking:
    """Somebody who asks by his key."""

    client: TestClient
    key: dict[str, str]

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
        return self.client.request(method, path, headers={**self.key, **(headers or {})}, **more)

    def __getattr__(self, method: str) -> Callable[..., Response]:
        return partial(self.request, method.upper())
