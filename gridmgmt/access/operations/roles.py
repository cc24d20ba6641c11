"""The roles in force, from the data folder."""

from collections.abc import Iterable

from gridmgmt.access.roles import Roles
from gridmgmt.access.store import scopes
from gridmgmt.access.store.accounts import Account
from gridmgmt.database.work import Connection
from gridmgmt.files import data_files
from gridmgmt.settings import data_path
from gridmgmt.viewer import NOWHERE, Scope, Viewer


def load_roles() -> Roles:
    """The roles and the verbs of steps.

    Raises
    ------
    DataFileInvalid
    """
    return data_files.read(data_path("access", "roles.yaml"), Roles)


def viewer_of(connection: Connection, account: Account, means: str, address: str | None = None) -> Viewer:
    """An account as who views: each verb with all that his posts cover, each step (``step:answer``) likewise."""
    known, covered = load_roles(), dict[str, Scope]()
    for post in account.posts:
        role = known.roles.get(post.role)
        if role is None:  # taken out of the file: whoever had it may do nothing by it
            continue
        scope = scopes.of_post(connection, post.level, post.grid_code, post.unit_code)
        for verb in role.verbs:
            covered[verb] = covered.get(verb, NOWHERE) | scope
    for step, verbs in known.steps.items():
        if his := [verb for verb in verbs if verb in covered]:
            covered[f"step:{step}"] = _joined(covered[verb] for verb in his)
    return Viewer(account.login, account.name or "", means, covered, address)


def _joined(several: Iterable[Scope]) -> Scope:
    whole = NOWHERE
    for scope in several:
        whole = whole | scope
    return whole
