"""People who ask one application, each by his own key; and jobs that are worked off at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient

from api.main import create_app
from gridmgmt.database.work import open_database
from gridmgmt.jobs.operations import running
from gridmgmt.settings import Settings
from tests.api.signed import bearer

Ask = Callable[..., Any]
"""Post, method and path → the answer's JSON, once its status (``status=``, default 200) was looked at."""


@contextmanager
def asked(settings: Settings) -> Iterator[Ask]:
    """The application, to be asked as somebody with a post."""
    keys: dict[str, dict[str, str]] = {}
    with TestClient(create_app(settings), base_url="http://localhost") as client:

        def ask(
            post: str, route: str, *, status: int = 200, raw: bool = False, headers: dict[str, str] | None = None,
            **more: Any,
        ) -> Any:  # fmt: skip
            if post not in keys:
                keys[post] = bearer(settings, post)
            method, _, path = route.partition(" ")
            answer = client.request(method, path, headers=keys[post] | (headers or {}), **more)
            assert answer.status_code == status, answer.text
            return answer if raw else answer.json()

        yield ask


def worked_off(settings: Settings, job: dict[str, Any]) -> None:
    """Do a job that was asked for."""
    assert job["state"] == "waiting", job
    doors = running.Doors(open_database(settings), open_database(settings, "web"), settings.files_root)
    running.run(doors, job["id"])
    doors.work.close()
    doors.web.close()
