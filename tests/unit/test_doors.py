"""Every use case has a door: what it asks of who calls it; those without are named here with a reason."""

import ast
from pathlib import Path

import pytest

from gridmgmt.access.operations.roles import load_roles
from gridmgmt.access.roles import VERBS

ROOT = Path(__file__).resolve().parents[2] / "gridmgmt"
OPEN = {
    "access/operations/signing_in.py": "signing in, by whoever is not known yet",
    "access/operations/roles.py": "of the ground",
    "jobs/operations/following.py": "whoever asked for a job follows it; who has jobs.read everywhere sees all",
    "access/operations/once.py": "what its own asker sent before",
    "live/operations/lights.py": "the platform's own clock",
    "live/operations/sending.py": "the platform's own sending: to whom was decided when the hook was added",
}
OPEN_FUNCTIONS = {
    "load_city": "a city's name is no secret: the page on which one signs in bears it",
    "has_administrator": "that page says what to do where there is none",
    "acting": "the machine's operator acts as somebody",
    "present": "a job goes on as whoever asked for it",
    "set_password": "one's own is one's own; another's asks for users.manage",
    "seal": "nobody's deed",
    "head": "nobody's deed",
    "purge": "nobody's deed",
}


def use_cases() -> dict[str, list[str]]:
    """File and function → its decorators' text, of each public function that takes a `Work` first."""
    out = {}
    for path in sorted(ROOT.glob("*/operations/*.py")):
        name = str(path.relative_to(ROOT))
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                first = [*node.args.posonlyargs, *node.args.args][:1]
                if first and first[0].arg == "work" and name not in OPEN:
                    out[f"{name}:{node.name}"] = [ast.unparse(d) for d in node.decorator_list]
    return out


def test_every_use_case_has_a_door() -> None:
    inner = {"assessing/operations/permits.py"}
    found = {n: d for n, d in use_cases().items() if n.partition(":")[0] not in inner}
    assert len(found) > 80
    without = [n for n, d in found.items() if not any(x.startswith("needs(") for x in d)]
    assert [n for n in without if n.rpartition(":")[2] not in OPEN_FUNCTIONS] == []


@pytest.mark.parametrize("name", use_cases())
def test_a_door_asks_for_a_verb_that_there_is(name: str) -> None:
    for decorator in use_cases()[name]:
        if decorator.startswith("needs("):
            call = ast.parse(decorator, mode="eval").body
            assert isinstance(call, ast.Call)
            verb = ast.literal_eval(call.args[0])
            assert verb in VERBS or verb.startswith("step:"), verb


def test_every_verb_is_somebodys_and_every_role_has_a_name() -> None:
    roles = load_roles()
    assert {v for r in roles.roles.values() for v in r.verbs} == {*VERBS}
    assert all(r.zh and r.en for r in roles.roles.values())
    assert set(roles.roles) == {
        "administrator", "city_centre", "district", "street", "community", "department", "inspector", "viewer",
        "machine",
    }  # fmt: skip
