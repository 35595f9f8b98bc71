import re
from contextlib import AsyncExitStack
from typing import Any

import pytest

from services.gateway.catalogue.rules import merge
from services.gateway.settings import UPSTREAMS
from shared.auth import SigningKey
from tests.gateway.conftest import OpenDoor
from tests.gateway.house import Door, Service, serving, until

INFO = {"title": "t", "version": "1"}
OWNERS = {"cases": "intake", "books": "ledger", "offers": "matching"}


def document(
    path: str, *, operation_id: str = "list_all", schemas: dict[str, Any] | None = None, answer: str = "Thing"
) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{answer}"}
    operation = {
        "operationId": operation_id,
        "tags": ["things"],
        "responses": {"200": {"content": {"application/json": {"schema": reference}}}},
    }
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "paths": {path: {"get": operation}, "/livez": {"get": {}}},
        "components": {"schemas": schemas or {"Thing": {"type": "object"}}},
    }


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        return {found for inner in value.values() for found in references(inner)}
    if isinstance(value, list):
        return {found for inner in value for found in references(inner)}
    return {value} if isinstance(value, str) and value.startswith("#/components/") else set()


def check_whole(merged: dict[str, Any]) -> None:
    """Every reference leads somewhere, and every operation has a name of its own."""
    for reference in references(merged):
        place: Any = merged
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    operations = [operation for item in merged["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    tags = {tag["name"] for tag in merged["tags"]}
    assert all(set(operation["tags"]) <= tags for operation in operations)


def test_equal_components_stay_one_and_operations_get_names_of_their_own() -> None:
    merged = merge({"intake": document("/v1/cases"), "ledger": document("/v1/books")}, info=INFO, owners=OWNERS)
    check_whole(merged)
    assert set(merged["paths"]) == {"/v1/cases", "/v1/books"}
    assert set(merged["components"]["schemas"]) == {"Thing"}
    assert merged["paths"]["/v1/cases"]["get"]["operationId"] == "intake_list_all"
    assert merged["paths"]["/v1/books"]["get"]["tags"] == ["ledger: things"]
    assert merged["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_components_that_differ_are_named_after_their_service_also_through_others() -> None:
    inner = {"$ref": "#/components/schemas/Inner"}
    outer = {"type": "object", "properties": {"inner": inner}}
    one = document(
        "/v1/cases", schemas={"Inner": {"type": "string"}, "Outer": outer, "Same": {"type": "null"}}, answer="Outer"
    )
    two = document(
        "/v1/books", schemas={"Inner": {"type": "integer"}, "Outer": outer, "Same": {"type": "null"}}, answer="Outer"
    )
    merged = merge({"ledger": two, "intake": one}, info=INFO, owners=OWNERS)
    check_whole(merged)
    schemas = merged["components"]["schemas"]
    assert set(schemas) == {"IntakeInner", "IntakeOuter", "LedgerInner", "LedgerOuter", "Same"}
    assert schemas["LedgerOuter"]["properties"]["inner"] == {"$ref": "#/components/schemas/LedgerInner"}
    assert one["components"]["schemas"]["Outer"] is outer, "the documents themselves are left as they are"


def test_a_discriminators_mapping_follows_its_schemas() -> None:
    choice = {
        "oneOf": [{"$ref": "#/components/schemas/A"}],
        "discriminator": {"propertyName": "k", "mapping": {"a": "#/components/schemas/A"}},
    }
    one = document("/v1/cases", schemas={"A": {"type": "string"}, "Choice": choice}, answer="Choice")
    two = document("/v1/books", schemas={"A": {"type": "integer"}}, answer="A")
    merged = merge({"intake": one, "ledger": two}, info=INFO, owners=OWNERS)
    check_whole(merged)
    assert merged["components"]["schemas"]["Choice"]["discriminator"]["mapping"] == {
        "a": "#/components/schemas/IntakeA"
    }


def test_only_a_paths_owner_can_show_it_and_the_order_of_services_does_not_matter() -> None:
    documents = {"intake": document("/v1/cases", operation_id="a"), "ledger": document("/v1/cases", operation_id="b")}
    merged = merge(documents, info=INFO, owners=OWNERS)
    assert merged["paths"]["/v1/cases"]["get"]["operationId"] == "a"
    assert merged == merge(dict(reversed(documents.items())), info=INFO, owners=OWNERS)


async def test_the_merged_document_shows_every_service_and_tells_who_is_missing(open_door: OpenDoor) -> None:
    async with serving(Service(openapi=document("/v1/cases"))) as intake:
        urls = {"intake": intake, "ledger": "http://127.0.0.1:1"}
        door = await open_door(service=Service(openapi=document("/v1/offers")), urls=urls)
        answer = await door.client.get("/openapi.json")
        told = answer.json()
        assert answer.headers["content-type"] == "application/json"
        check_whole(told)
        assert set(told["paths"]) == {"/v1/cases", "/v1/offers"}
        assert "ledger" in told["info"]["description"]
        assert "登录" in told["info"]["description"]
        assert "Sign in" in told["info"]["description"]
        async with serving(Service(openapi=document("/v1/books"))) as ledger:
            door.gateway.catalogue._urls["ledger"] = ledger
            told = (await door.client.get("/openapi.json")).json()
        assert "/v1/books" in told["paths"]
        assert "Not answering" not in told["info"]["description"]
        assert (await door.client.get("/openapi.json")).json() == told, "seen once, shown while it is away"


async def test_the_docs_are_ours_alone(door: Door) -> None:
    assert (await door.client.get("/")).headers["location"] == "/docs"
    page = await door.client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(wanted) == 4
    for address in wanted:
        assert re.fullmatch(r"/docs/[a-z0-9.-]+", address)
        answer = await door.client.get(address, headers={"Accept-Encoding": "identity"})
        assert answer.status_code == 200
        assert len(answer.content) == int(answer.headers["content-length"])
    start = (await door.client.get("/docs/start.js")).text
    assert "validatorUrl: null" in start
    assert "//" not in page.text.replace("<!doctype html>", "")
    assert "//" not in start
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


async def test_the_assets_come_packed_to_those_who_unpack(door: Door) -> None:
    packed = await door.client.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "gzip"})
    plain = await door.client.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.content == plain.content


@pytest.mark.parametrize(
    ("states", "status", "code"),
    [
        (["ready"] * 4, "ready", 200),
        (["ready", "ready", "degraded", "ready"], "degraded", 200),
        (["ready", "unready", "unready", "ready"], "degraded", 200),
        (["unready"] * 4, "unready", 503),
    ],
)
async def test_readiness_is_that_of_the_services(
    open_door: OpenDoor, token_key: SigningKey, states: list[str], status: str, code: int
) -> None:
    async with AsyncExitStack() as stack:
        services = [Service(readiness=state) for state in states]
        services[0].keys = [token_key]
        urls = {
            name: await stack.enter_async_context(serving(service))
            for name, service in zip(UPSTREAMS, services, strict=True)
        }
        door = await open_door(urls=urls)
        await until(lambda: door.gateway.keys.are_known)
        answer = await door.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (code, status)
    assert answer.json()["upstreams"] == dict(zip(UPSTREAMS, states, strict=True))
    assert answer.json()["redis"] == "up"


async def test_without_redis_the_gateway_is_degraded_not_unready(open_door: OpenDoor) -> None:
    door = await open_door(redis_url="redis://127.0.0.1:1/0")
    await door.client.get("/v1/cases", headers=door.bearer())
    answer = await door.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["redis"]) == (200, "degraded", "down")


async def test_liveness_asks_nobody(open_door: OpenDoor) -> None:
    door = await open_door(urls=dict.fromkeys(UPSTREAMS, "http://127.0.0.1:1"), redis_url="redis://127.0.0.1:1/0")
    assert (await door.client.get("/livez")).json() == {"status": "alive"}


async def test_the_figures_are_told_and_their_labels_are_few(door: Door) -> None:
    for number in range(30):
        await door.client.get(f"/v1/cases/{number}")
        await door.client.get(f"/nowhere/{number}")
    text = (await door.client.get("/metrics")).text
    ours = [line for line in text.splitlines() if line.startswith("linli_gateway_requests_total")]
    assert len(ours) == 2
    assert {line.rpartition(" ")[2] for line in ours} == {"30.0"}
    assert 'linli_gateway_in_flight{upstream="intake"} 0.0' in text
    assert re.search(r'linli_gateway_request_duration_seconds_count\{upstream="intake"\} 30', text)
