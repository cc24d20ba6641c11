"""Every route × every role × (inside, outside, no scope): a table says what must happen; what is not there fails."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from gridmgmt.access.operations.roles import load_roles
from gridmgmt.assessing.operations import publishing, scoring
from gridmgmt.database.work import Work, open_database
from gridmgmt.intake.operations import imports
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import ORIGIN, account, sign_in
from tests.api.small_city import COMMUNITIES, centre
from tests.servers import Databases

ASSESSMENT = "grid_baseline-2025-12-1"
READS = {"grids.read", "cases.read", "samples.read", "figures.read", "results.read", "results.compare"}
ROLES: dict[str, set[str]] = {
    "administrator": {"users.manage", "audit.read", "grids.read", "figures.read", "results.compare", "reference.write"},
    "city_centre": READS
    | {"cases.open", "imports.write", "results.write", "exports.make", "inspections.write", "reference.write"}
    | {"appeals.open", "appeals.decide", "entries.write", "duties.read", "duties.write"},
    "district": READS | {"cases.open", "exports.make", "appeals.open", "duties.read"},
    "street": READS | {"cases.open", "exports.make", "appeals.open", "duties.read"},
    "community": READS - {"samples.read"} | {"cases.open"},
    "department": READS | {"exports.make", "appeals.open", "duties.read"},
    "inspector": {"grids.read", "cases.read", "cases.open", "samples.read", "inspections.write"},
    "viewer": READS,
    "machine": {"grids.read", "cases.read", "cases.open", "imports.write"},
}
"""Role → those of its verbs that routes ask for; data/access/roles.yaml has to say the same."""
SCOPES = {"inside": "street:429901001", "outside": "street:429902001", "none": ""}
"""Posts that hold community 0 and unit S1's cases there, that do not, and of the whole city."""
UNITS = {"inside": "unit:S1", "outside": "unit:D9", "none": ""}

HERE, (LON, LAT) = COMMUNITIES[0], centre(0)
NEW = {"source": "监督员上报", "category": "matter:07001", "lon": LON, "lat": LAT}
CASE = {"case_no": "M1", **NEW}

Route = tuple[str, int, int | None]
"""The verb it asks for (none: open; me: any who signed in), the status for who has it where it is asked about, and for
who has it elsewhere (None: the same)."""
TABLE: dict[str, Route] = {
    "GET /healthz": ("none", 200, None),
    "POST /v1/sessions": ("none", 422, None),
    "DELETE /v1/sessions/current": ("none", 204, None),
    "GET /v1/me": ("me", 200, None),
    "POST /v1/tokens": ("me", 201, None),
    "POST /v1/me/password": ("me", 422, None),
    "GET /v1/users": ("users.manage", 200, None),
    "POST /v1/users": ("users.manage", 422, None),
    "PATCH /v1/users/{login}": ("users.manage", 404, None),
    "POST /v1/users/{login}/password": ("users.manage", 422, None),
    "PUT /v1/users/{login}/identity": ("users.manage", 422, None),
    "GET /v1/keys": ("users.manage", 200, None),
    "POST /v1/keys": ("users.manage", 422, None),
    "DELETE /v1/keys/{number}": ("users.manage", 404, None),
    "GET /v1/hooks": ("users.manage", 200, None),
    "POST /v1/hooks": ("users.manage", 422, None),
    "DELETE /v1/hooks/{number}": ("users.manage", 404, None),
    "GET /v1/audit": ("audit.read", 200, None),
    "GET /v1/audit/chain": ("audit.read", 200, None),
    "GET /v1/audit/lines": ("audit.read", 200, None),
    "GET /v1/city": ("grids.read", 200, None),
    "GET /v1/categories": ("grids.read", 200, None),
    "GET /v1/editions": ("grids.read", 200, None),
    "GET /v1/grids": ("grids.read", 200, None),
    "GET /v1/grids/{code}": ("grids.read", 200, None),
    "GET /v1/locate": ("grids.read", 200, None),
    "GET /v1/indicators": ("figures.read", 200, 200),
    "GET /v1/indicators/behind": ("figures.read", 200, 403),
    "GET /v1/cases": ("cases.read", 200, 200),
    "POST /v1/cases": ("cases.open", 201, 403),
    "GET /v1/cases/{case_no}": ("cases.read", 200, 404),
    "POST /v1/cases/{case_no}/steps": ("cases.read", 201, 404),
    "POST /v1/steps": ("cases.read", 200, 200),
    "GET /v1/cases/{case_no}/clock": ("cases.read", 200, 404),
    "GET /v1/cases/{case_no}/duplicates": ("cases.read", 200, 404),
    "GET /v1/cases/{case_no}/photographs": ("cases.read", 200, 404),
    "POST /v1/cases/{case_no}/photographs": ("cases.read", 422, 422),
    "GET /v1/files/{sha256}": ("cases.read", 404, 404),
    "GET /open311/v2/services": ("cases.read", 200, None),
    "GET /open311/v2/services/{service_code}": ("cases.read", 200, None),
    "GET /open311/v2/requests": ("cases.read", 200, 200),
    "POST /open311/v2/requests": ("cases.open", 201, 403),
    "GET /open311/v2/requests/{service_request_id}": ("cases.read", 200, 404),
    "GET /open311/v2/tokens/{token}": ("cases.read", 200, 404),
    "GET /v1/events": ("cases.read", 200, 200),
    "GET /v1/assessments": ("results.compare", 200, None),
    "GET /v1/assessments/{name}": ("results.compare", 200, None),
    "GET /v1/assessments/{name}/scorecards": ("results.read", 200, 200),
    "GET /v1/assessments/{name}/scorecards/{code}": ("results.read", 200, 403),
    "GET /v1/explain": ("results.read", 200, 403),
    "GET /maps/choropleth": ("results.compare", 200, None),
    "GET /readyz": ("none", 200, None),
    "GET /ogc": ("grids.read", 200, None),
    "GET /ogc/api": ("none", 200, None),
    "GET /ogc/conformance": ("none", 200, None),
    "GET /ogc/collections": ("grids.read", 200, None),
    "GET /ogc/collections/{collection}": ("grids.read", 200, None),
    "GET /ogc/collections/{collection}/queryables": ("grids.read", 200, None),
    "GET /ogc/collections/grids-{level}/items": ("grids.read", 200, None),
    "GET /ogc/collections/grids-{level}/items/{fid}": ("grids.read", 200, None),
    "GET /ogc/collections/indicators-{level}-{period}/items": ("figures.read", 200, 200),
    "GET /ogc/collections/indicators-{level}-{period}/items/{fid}": ("figures.read", 200, 404),
    "GET /ogc/collections/cases/items": ("cases.read", 200, 200),
    "GET /ogc/collections/cases/items/{fid}": ("cases.read", 200, 404),
    "GET /ogc/collections/samples/items": ("samples.read", 200, 200),
    "GET /ogc/collections/samples/items/{fid}": ("samples.read", 404, 404),
    "GET /ogc/collections/layers-{layer}/items": ("grids.read", 404, None),
    "GET /ogc/collections/layers-{layer}/items/{fid}": ("grids.read", 404, None),
    "GET /tiles": ("grids.read", 200, None),
    "GET /tiles/tileMatrixSets": ("none", 200, None),
    "GET /tiles/tileMatrixSets/WebMercatorQuad": ("none", 200, None),
    "GET /tiles/glyphs/{fonts}/{span}.pbf": ("none", 200, None),
    "GET /tiles/grids-{level}/{z}/{x}/{y}.mvt": ("grids.read", 200, None),
    "GET /tiles/grids-{level}": ("grids.read", 200, None),
    "GET /tiles/grids-{level}/tilejson.json": ("grids.read", 200, None),
    "GET /tiles/grids-{level}/style.json": ("grids.read", 200, None),
    "GET /tiles/scores-{level}/{z}/{x}/{y}.mvt": ("results.compare", 200, None),
    "GET /tiles/scores-{level}": ("results.compare", 200, None),
    "GET /tiles/scores-{level}/tilejson.json": ("results.compare", 200, None),
    "GET /tiles/scores-{level}/style.json": ("results.compare", 200, None),
    "GET /tiles/indicators-{level}/{z}/{x}/{y}.mvt": ("figures.read", 200, 200),
    "GET /tiles/indicators-{level}": ("figures.read", 200, 200),
    "GET /tiles/indicators-{level}/tilejson.json": ("figures.read", 200, 200),
    "GET /tiles/indicators-{level}/style.json": ("figures.read", 200, 200),
    "GET /maps/heat": ("cases.read", 200, 200),
    "GET /v1/jobs": ("me", 200, None),
    "GET /v1/jobs/{number}": ("me", 404, None),
    "GET /v1/jobs/{number}/result": ("me", 404, None),
    "DELETE /v1/jobs/{number}": ("me", 404, None),
    "POST /v1/imports": ("imports.write", 422, None),
    "GET /v1/quarantine": ("imports.write", 200, None),
    "PATCH /v1/quarantine/{number}": ("imports.write", 404, None),
    "POST /v1/quarantine/retry": ("imports.write", 202, None),
    "POST /v1/scorings": ("results.write", 202, None),
    "POST /v1/exports": ("exports.make", 202, None),
    "GET /v1/cases/by-state": ("cases.read", 200, 200),
    "GET /v1/cases/{case_no}/photographs.zip": ("cases.read", 200, 404),
    "GET /v1/photographs/lacking": ("cases.read", 200, 200),
    "GET /v1/unassigned": ("cases.read", 200, None),
    "POST /v1/assignments": ("reference.write", 202, None),
    "POST /v1/deadlines/renewal": ("reference.write", 200, None),
    "GET /v1/steps/template": ("cases.read", 404, None),
    "POST /v1/steps/files": ("cases.read", 422, None),
    "POST /v1/imports/proposals": ("imports.write", 422, None),
    "GET /v1/samples": ("samples.read", 200, 200),
    "GET /v1/samples/{sample_no}": ("samples.read", 200, 404),
    "GET /v1/samples/{sample_no}/photographs": ("samples.read", 200, 404),
    "GET /v1/samples/{sample_no}/photographs.zip": ("samples.read", 200, 404),
    "POST /v1/samples/{sample_no}/photographs": ("inspections.write", 422, None),
    "GET /v1/draws": ("samples.read", 200, None),
    "POST /v1/draws": ("inspections.write", 404, None),
    "GET /v1/draws/plan": ("samples.read", 404, None),
    "GET /v1/draws/{name}": ("samples.read", 404, None),
    "GET /v1/draws/{name}/form": ("samples.read", 404, None),
    "GET /v1/draws/{name}/verification": ("samples.read", 404, None),
    "POST /v1/findings": ("inspections.write", 422, None),
    "GET /v1/notices": ("samples.read", 200, None),
    "POST /v1/notices": ("inspections.write", 422, None),
    "GET /v1/notices/{number}": ("samples.read", 404, None),
    "POST /v1/notices/{number}/checks": ("inspections.write", 422, None),
    "GET /v1/rulebooks": ("results.compare", 200, None),
    "GET /v1/rulebooks/schema": ("results.compare", 200, None),
    "GET /v1/rulebooks/template": ("results.compare", 200, None),
    "GET /v1/rulebooks/{rulebook}": ("results.compare", 200, None),
    "GET /v1/rulebooks/{rulebook}/inputs": ("results.compare", 200, None),
    "GET /v1/rulebooks/{rulebook}/samples": ("results.compare", 422, None),
    "POST /v1/rulebooks/{rulebook}/evaluation": ("results.compare", 422, None),
    "POST /v1/rulebooks/check": ("results.write", 422, None),
    "POST /v1/rulebooks/diff": ("results.compare", 422, None),
    "POST /v1/whatif": ("results.write", 404, None),
    "POST /v1/assessments/{name}/publication": ("results.write", 201, None),
    "POST /v1/assessments/{name}/recomputation": ("results.read", 202, None),
    "POST /v1/assessments/{name}/correction": ("results.write", 202, None),
    "GET /v1/assessments/{name}/ranks": ("results.compare", 200, None),
    "GET /v1/appeals": ("results.read", 200, 200),
    "POST /v1/appeals": ("appeals.open", 409, 403),
    "POST /v1/appeals/{number}/decision": ("appeals.decide", 404, None),
    "GET /v1/consequences": ("results.read", 200, None),
    "GET /v1/subjects": ("results.compare", 200, None),
    "POST /v1/subjects": ("entries.write", 422, None),
    "POST /v1/staff": ("entries.write", 422, None),
    "GET /v1/entries": ("results.read", 200, 200),
    "POST /v1/entries": ("entries.write", 422, None),
    "GET /v1/duties/due": ("duties.read", 200, 200),
    "GET /v1/duties/{scheme}/reports": ("duties.read", 200, 200),
    "POST /v1/duties/{scheme}/reports": ("duties.write", 422, None),
    "POST /v1/duties/{scheme}/events": ("duties.write", 422, None),
    "POST /v1/duties/{scheme}/withdrawals": ("duties.write", 422, None),
    "POST /v1/duties/{scheme}/charges": ("entries.write", 422, None),
    "GET /v1/repeats": ("figures.read", 200, None),
    "GET /maps/repeats": ("figures.read", 200, None),
    "POST /v1/city": ("reference.write", 422, None),
    "GET /v1/units": ("grids.read", 200, None),
    "POST /v1/units": ("reference.write", 422, None),
    "GET /v1/units/{code}/history": ("grids.read", 404, None),
    "POST /v1/categories": ("reference.write", 422, None),
    "GET /v1/categories/history": ("grids.read", 200, None),
    "GET /v1/responsibility": ("grids.read", 200, None),
    "POST /v1/responsibility": ("reference.write", 422, None),
    "GET /v1/limits": ("grids.read", 200, None),
    "POST /v1/limits": ("reference.write", 422, None),
    "GET /v1/changes": ("audit.read", 200, None),
    "POST /v1/people": ("reference.write", 422, None),
    "GET /v1/people/{code}/history": ("grids.read", 404, None),
    "GET /v1/people/{code}/posts": ("grids.read", 404, None),
    "GET /v1/posts": ("grids.read", 200, None),
    "POST /v1/posts": ("reference.write", 422, None),
    "GET /v1/staffing": ("figures.read", 200, None),
    "POST /v1/editions": ("reference.write", 422, None),
    "GET /v1/editions/{name}/topology": ("grids.read", 404, None),
    "POST /v1/editions/{name}/activation": ("reference.write", 404, None),
    "GET /v1/editions/{a}/diff/{b}": ("grids.read", 404, None),
    "GET /v1/layers": ("grids.read", 200, None),
    "GET /v1/layers/{kind}": ("grids.read", 404, None),
    "POST /v1/layers": ("reference.write", 422, None),
    "POST /v1/locate": ("grids.read", 422, None),
}
OF_THE_CITY = {
    "GET /v1/users", "PATCH /v1/users/{login}", "GET /v1/keys", "DELETE /v1/keys/{number}", "GET /v1/hooks",
    "DELETE /v1/hooks/{number}", "GET /v1/audit", "GET /v1/audit/chain", "GET /v1/audit/lines", "GET /v1/changes",
    "POST /v1/quarantine/retry", "POST /v1/scorings", "GET /v1/unassigned", "POST /v1/assignments",
    "POST /v1/deadlines/renewal", "POST /v1/draws", "GET /v1/draws/{name}/verification", "POST /v1/whatif",
    "GET /v1/consequences", "POST /v1/assessments/{name}/publication", "POST /v1/assessments/{name}/recomputation",
    "POST /v1/assessments/{name}/correction", "POST /v1/appeals/{number}/decision",
    "POST /v1/duties/{scheme}/events", "POST /v1/duties/{scheme}/withdrawals", "POST /v1/duties/{scheme}/charges",
    "GET /v1/repeats", "GET /maps/repeats", "GET /v1/staffing", "POST /v1/editions/{name}/activation",
}  # fmt: skip
"""What holds for all of the city, or would be wrong on a part."""
QUERY = {
    "GET /v1/posts": "on=2025-12-01", "GET /v1/staffing": "scheme=ningbo&on=2025-12-01",
    "GET /v1/categories/history": "category=component:01001",
    "GET /v1/grids": "level=community", "GET /v1/locate": f"lon={LON}&lat={LAT}",
    "GET /v1/events": "follow=false", "GET /v1/indicators": "period=2025-12&level=community",
    "GET /v1/indicators/behind": f"period=2025-12&by=grid&level=community&code={HERE}",
    "GET /v1/assessments/{name}/scorecards": "level=community",
    "GET /v1/explain": f"assessment={ASSESSMENT}&code={HERE}", "GET /maps/choropleth": f"assessment={ASSESSMENT}",
    "GET /v1/photographs/lacking": "period=2025-12",
    "GET /v1/steps/template": "profile=none_such", "GET /v1/draws/plan": "rulebook=huiji&period=2025-12",
    "GET /maps/heat": f"assessment={ASSESSMENT}", "GET /v1/consequences": "rulebook=grid_baseline&year=2025",
    "GET /v1/subjects": "rulebook=grid_baseline", "GET /v1/entries": "rulebook=grid_baseline",
    "GET /v1/duties/due": "on=2025-12-05&scheme=bureau_office", "GET /v1/repeats": "period=2025-11",
    "GET /maps/repeats": "period=2025-11",
}  # fmt: skip
BODY: dict[str, Any] = {
    "POST /v1/cases": NEW, "POST /v1/cases/{case_no}/steps": {"kind": "note", "reason": "x"},
    "POST /v1/steps": {"steps": [{"case_no": "M1", "kind": "close"}]}, "PATCH /v1/users/{login}": {"disabled": True},
    "PATCH /v1/quarantine/{number}": {"values": {"上报时间": "2025-12-01"}},
    "POST /v1/scorings": {"rulebook": "grid_baseline", "period": "2025-12"},
    "POST /v1/deadlines/renewal": {"dry_run": True},
    "POST /v1/draws": {"rulebook": "huiji", "period": "2025-12", "seed": "1"},
    "POST /v1/exports": {"list": "grids", "format": "csv"},
    "POST /v1/whatif": {"rulebook": "grid_baseline", "set": ["closing.points=20"], "period": "2025-11"},
    "POST /v1/appeals": {"assessment": ASSESSMENT, "subject": HERE, "kind": "case", "fact": "A999", "reason": "x"},
    "POST /v1/appeals/{number}/decision": {"granted": False, "reason": "x"},
    "POST /v1/duties/{scheme}/events": {"event": "no", "no": "1", "at": "2025-12-05"},
    "POST /v1/duties/{scheme}/withdrawals": {"what": "no", "about": "1", "reason": "x"},
    "POST /v1/duties/{scheme}/charges": {"period": "never"},
    "POST /v1/editions/{name}/activation": {"from": "2027-01-01"},
}  # fmt: skip
_FIGURES = "period=2025-12&indicator=n_due"
QUERY |= {
    f"GET /tiles/{kind}-{{level}}{end}": query
    for kind, query in (("scores", f"assessment={ASSESSMENT}"), ("indicators", _FIGURES))
    for end in ("", "/{z}/{x}/{y}.mvt", "/tilejson.json", "/style.json")
}
PATH = {"{login}": "nobody-here", "{number}": "999999", "{code}": HERE, "{case_no}": "M1", "{sha256}": "0" * 64,
        "{rulebook}": "grid_baseline", "{scheme}": "bureau_office",
        "{name}": ASSESSMENT, "{collection}": "cases", "{level}": "community", "{period}": "2025-12",
        "{layer}": "roads-roads", "{fonts}": "sans-serif", "{span}": "0-255", "{z}": "12", "{x}": "3345",
        "{y}": "1689", "{service_code}": "other", "{sample_no}": "P1",
        "{a}": "2025", "{b}": "none", "{kind}": "roads", "{service_request_id}": "M1", "{token}": "M1"}  # fmt: skip
FORM = {"POST /open311/v2/requests": {"service_code": "other", "lat": LAT, "long": LON}}

BESIDE = {
    "GET /maps/heat": {"administrator": 403, "inspector": 403, "machine": 403},
    "POST /v1/cases/{case_no}/steps": {"viewer": 403},
    "GET /v1/repeats": {"administrator": 403},
    "GET /maps/repeats": {"administrator": 403},
}
"""Where a role has the route's verb and lacks what the use case asks for besides: the assessment, or the step."""

OF_NO_GRIDS = {
    "GET /ogc/collections/indicators-{level}-{period}/items": 403,
    "GET /ogc/collections/indicators-{level}-{period}/items/{fid}": 403,
    "GET /tiles/indicators-{level}/{z}/{x}/{y}.mvt": 204,
}
ONLY_OF_UNITS = {"GET /v1/indicators", "GET /v1/indicators/behind", "POST /v1/cases",
                 "GET /v1/assessments/{name}/scorecards", "GET /v1/assessments/{name}/scorecards/{code}",
                 "GET /v1/explain", "POST /v1/appeals"}  # fmt: skip
"""What is asked of a grid there: a department has no grids, wherever its unit works."""


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    return databases.built("api_matrix", _judged)


def _judged(work: Work, folder: Any) -> None:
    small_city.build(work, folder)
    publishing.publish(work.but(actor="局"), ASSESSMENT)
    told = (
        "样本编号,检查时间,样本类型,检查对象,得分,检查发现,经度,纬度,坐标系",
        f"P1,2026-01-05,t,井盖,90,,{LON},{LAT},CGCS2000",
    )
    (folder / "samples.csv").write_text("\n".join(told), "utf-8")
    assert imports.import_file(work, folder / "samples.csv", "demo_samples").n_new == 1


@pytest.fixture(scope="module")
def client(settings: Settings) -> Any:
    with TestClient(create_app(settings), base_url="http://localhost", headers=ORIGIN) as made:
        centre_client = sign_in(made, settings)
        assert centre_client.post("/v1/cases", json=CASE).status_code == 201
        made.cookies.clear()
        yield made


@pytest.fixture(scope="module")
def keys(settings: Settings) -> dict[tuple[str, str], dict[str, str]]:
    """The header of a key for each role and scope."""
    from gridmgmt.access.operations import users

    work, out = open_database(settings), {}
    for role in ROLES:
        for scope in SCOPES:
            where = (UNITS if role == "department" else SCOPES)[scope]
            login = f"{role}-{scope}"
            account(settings, login, f"{role}@{where}" if where else role, password=None)
            out[role, scope] = {"Authorization": f"Bearer {users.new_key(work, login, 'matrix').secret}"}
    work.close()
    return out


def asked(client: TestClient, route: str, headers: dict[str, str]) -> int:
    method, _, path = route.partition(" ")
    fid = "M1" if "cases" in path else "none" if "samples" in path else HERE
    for name, value in (*PATH.items(), ("{fid}", fid)):
        path = path.replace(name, value)
    query = f"?{QUERY[route]}" if route in QUERY else ""
    body = {"json": BODY.get(route, {})} if method in ("POST", "PATCH", "PUT") and "photographs" not in path else {}
    body = {"data": FORM[route]} if route in FORM else body
    return client.request(method, path + query, headers=headers, **body).status_code


def wanted(route: str, role: str, scope: str) -> int:
    """What the table says must happen."""
    verb, inside, outside = TABLE[route]
    if verb not in ("none", "me") and verb not in ROLES[role]:
        return 403
    if route in OF_THE_CITY and scope != "none":
        return 403
    is_inside = scope != "outside"
    if role in BESIDE.get(route, {}) and (is_inside or outside != 404):
        return BESIDE[route][role]
    if role == "department" and scope != "none" and route in ONLY_OF_UNITS | OF_NO_GRIDS.keys():
        return {"GET /v1/assessments/{name}/scorecards": 200, **OF_NO_GRIDS}.get(route, 403)
    return inside if is_inside or outside is None else outside


def test_every_route_stands_in_the_table(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    found = {f"{how.upper()} {path}": told.get("x-verb") for path, ways in paths.items() for how, told in ways.items()}
    assert found == {route: verb for route, (verb, _, _) in TABLE.items()}


def test_the_roles_are_those_of_the_file() -> None:
    asked_for = {verb for verb, _, _ in TABLE.values()} - {"none", "me"}
    told = {name: {*role.verbs} & asked_for for name, role in load_roles().roles.items()}
    assert told == ROLES


@pytest.mark.parametrize("route", TABLE)
def test_who_has_not_signed_in_is_let_in_nowhere_else(route: str, client: TestClient) -> None:
    verb, status, _ = TABLE[route]
    right = status if verb == "none" else 403 if "/open311/" in route else 401  # GeoReport knows no 401
    assert asked(client, route, {}) == right
    assert asked(client, route, {"Authorization": "Bearer gmk_wrong"}) == right


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.night)])
def test_each_role_is_answered_as_the_table_says(role: str, whole: bool, client: TestClient, keys: Any) -> None:
    """Who lacks a route's verb is refused before anybody looks at his scope: by day he asks in one of them."""
    wrong = {}
    for scope in SCOPES:
        for route, (verb, _, _) in TABLE.items():
            if not (whole or scope == "inside" or verb in ROLES[role] or verb in ("none", "me")):
                continue
            found, right = asked(client, route, keys[role, scope]), wanted(route, role, scope)
            if found != right:
                wrong[scope, route] = (found, right)
    assert wrong == {}


def test_lists_hold_ones_own_rows_alone(client: TestClient, keys: Any) -> None:
    def rows(path: str, scope: str, role: str = "street") -> Any:
        return client.get(path, headers=keys[role, scope]).json()

    for scope, codes in (("inside", COMMUNITIES[:2]), ("outside", COMMUNITIES[4:6]), ("none", COMMUNITIES)):
        path = "/v1/indicators?period=2025-12&level=community"
        assert [r["code"] for r in rows(path, scope)["rows"]] == codes
        cards = rows(f"/v1/assessments/{ASSESSMENT}/scorecards?level=community", scope)
        assert sorted(r["code"] for r in cards["rows"]) == codes
        cases = rows("/v1/cases?limit=1000", scope)["rows"]
        assert {str(r["grid_code"])[:9] for r in cases} == {codes[0][:9]} or scope == "none"


def test_a_street_s_numbers_are_those_that_the_city_sees(client: TestClient, keys: Any) -> None:
    path = f"/v1/assessments/{ASSESSMENT}/scorecards/{HERE}"
    both = ("street", "inside"), ("city_centre", "none")
    one, whole = (client.get(path, headers=keys[role]).json() for role in both)
    assert one == whole
    path = "/v1/indicators?period=2025-12&level=community"
    street, city = (client.get(path, headers=keys[r]).json() for r in both)
    by_code = {r["code"]: r for r in city["rows"]}
    assert [by_code[r["code"]] for r in street["rows"]] == street["rows"]
    assert street["unassigned"] is None


def test_what_a_door_refuses_stands_in_the_audit(client: TestClient, keys: Any) -> None:
    assert client.get("/v1/cases", headers=keys["administrator", "none"]).status_code == 403
    rows = client.get("/v1/audit?limit=2", headers=keys["administrator", "none"]).json()
    assert (rows[0]["login"], rows[0]["outcome"], rows[0]["facts"]["asked"]) == (
        "administrator-none", "refused", "GET /v1/cases"
    )  # fmt: skip
    assert rows[0]["facts"]["verb"] == "cases.read"


def test_whoever_has_a_street_begins_with_what_is_published(client: TestClient, keys: Any, settings: Settings) -> None:
    """A newer draft is not his to begin with, nor to choose."""
    work = open_database(settings)
    draft = scoring.score(work, "grid_baseline", parse_period("2025-11")).name
    work.close()
    headers = {"accept": "text/html", "accept-language": "zh"}
    both = ("city_centre", "none"), ("street", "inside")
    city, street = (client.get("/", headers=keys[who] | headers).text for who in both)
    assert f'value="{draft}"' in city
    assert draft not in street
    assert f'value="{ASSESSMENT}" selected' in street
    begins = [re.search(r'"level": "(\w+)".*"opens": "(\w+)"', page) for page in (city, street)]
    assert [x and x.groups() for x in begins] == [("district", "city"), ("street", "street")]


def test_the_latest_of_whoever_has_a_street_is_the_latest_that_is_published(
    client: TestClient, keys: Any, settings: Settings
) -> None:
    work = open_database(settings)
    draft = scoring.score(work, "grid_baseline", parse_period("2025-11")).name
    work.close()

    def read(path: str, role: str, scope: str) -> Any:
        return client.get(path, headers=keys[role, scope]).json()

    for name, citys in (("latest", ASSESSMENT), ("grid_baseline", draft)):  # without totals it is no latest one
        path = f"/v1/assessments/{name}"
        found = [read(path, *who)["name"] for who in (("city_centre", "none"), ("street", "inside"))]
        assert found == [citys, ASSESSMENT]
        card = read(f"{path}/scorecards/{HERE}", "street", "inside")
        assert card["assessment"] == ASSESSMENT
    missing = read("/v1/assessments/none-such", "street", "inside")
    assert (missing["code"], missing["facts"]["known"]) == ("assessment_missing", [ASSESSMENT])
    assert client.get(f"/v1/assessments/{draft}", headers=keys["street", "inside"]).status_code == 403
