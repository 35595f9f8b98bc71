"""The tenant: set up once by the operator, and changed only by a change."""

from tests.conftest import ClientOf
from tests.directory.conftest import Town

NAME = {"zh": "某县", "en": "Some county"}


async def test_putting_the_same_tenant_again_changes_nothing(town: Town) -> None:
    body = {"name": NAME, "time_zone": "Asia/Shanghai"}
    again = await town.call("PUT", "/v1/tenant", body, by=town.operator)
    assert (again.status_code, again.json()["version"], again.headers["etag"]) == (200, 1, '"1"')
    moved = await town.call("PUT", "/v1/tenant", {**body, "time_zone": "Europe/Oslo"}, by=town.operator)
    assert (moved.status_code, moved.json()["version"]) == (200, 2)
    read = await town.get("/v1/tenant")
    assert read.json() == moved.json()
    assert read.json()["tenant"] == town.caller.tenant


async def test_only_the_operator_sets_a_tenant_up(town: Town) -> None:
    refused = await town.call("PUT", "/v1/tenant", {"name": NAME})
    assert (refused.status_code, refused.json()["rule"]) == (403, "role_required")


async def test_a_tenant_needs_both_names_and_a_real_time_zone(town: Town) -> None:
    for body in (
        {},
        {"name": "某县"},
        {"name": {"zh": "某县"}},
        {"name": NAME, "time_zone": "Mars/Olympus"},
        {"name": NAME, "time_zone": "../../etc/passwd"},
        {"name": NAME, "unknown": 1},
        {"name": {"zh": "a\u0000b", "en": "x"}},
    ):
        response = await town.call("PUT", "/v1/tenant", body, by=town.operator)
        assert response.status_code == 422, body
        assert response.headers["content-type"] == "application/problem+json"


async def test_nothing_works_before_the_tenant_is_set_up(client: ClientOf, town: Town) -> None:
    http = client("directory")
    fresh = town.caller("directory", tenant="nobody_was_here")
    assert (await http.get("/v1/tenant", headers=fresh)).status_code == 404
    assert (await http.get("/v1/tenant")).status_code == 401
