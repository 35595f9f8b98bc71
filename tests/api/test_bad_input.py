"""Bad input, for every operation of every service: a problem document with the right status, and nothing written."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import asyncpg
import httpx
import pytest_asyncio
from fastapi import FastAPI

from shared.auth import Role, read_signing_key
from shared.contracts import SERVICES
from shared.ids import new_id
from shared.testing import Callers, Places, TestServers

ROOT = "district"
EVERYTHING = tuple((role, ROOT) for role in Role)
MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "errors"}
PUBLIC = {"/v1/sign-in/codes", "/v1/sign-in/code", "/v1/sign-in/password", "/v1/tokens/refresh"}
OPEN = "/v1/open-books/"
# Refuses in the words of its specification: <errors>, in XML when no format is asked for.
OPEN311 = "/v1/open311/"
# Directories, and everybody, read them without signing in; what a tenant that nobody knows lists is nothing.
HSDS = "/v1/hsds/{tenant}"
LISTS = "/v1/open-lists/{tenant}"
CATALOGUE = "/v1/webhook-events"
JWKS = "/.well-known/jwks.json"
METHODS = {"GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"}
# Asks for a signature, and says nothing about a request before it has seen one; its own tests send what is signed.
SIGNED = "/v1/webhooks/"


@dataclass(frozen=True)
class Operation:
    """One operation of a document, with its path filled in."""

    service: str
    method: str
    path: str
    address: str
    takes_json: bool
    body_required: bool
    needs_version: bool
    needs_key: bool
    needs_more: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the addresses of this operation look like."""
        return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.path)))


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def unknown(schema: dict[str, Any]) -> str:
    """Return something that fits a path parameter and names nothing."""
    if schema.get("type") == "integer":
        return str(schema["minimum"])
    return str(new_id()) if schema.get("format") == "uuid" else "unknown"


def operations(service: str, document: dict[str, Any]) -> list[Operation]:
    found = []
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            parameters = described.get("parameters", [])
            address = path
            for parameter in parameters:
                if parameter["in"] == "path":
                    address = address.replace(f"{{{parameter['name']}}}", unknown(parameter["schema"]))
            json_body = described.get("requestBody", {}).get("content", {}).get("application/json")
            schema = resolve(document, json_body["schema"]) if json_body else {}
            headers = {parameter["name"].lower() for parameter in parameters if parameter["in"] == "header"}
            found.append(
                Operation(
                    service,
                    method.upper(),
                    path,
                    address,
                    takes_json=json_body is not None,
                    # A file is required whole; what is in it is the business of the operation's own tests.
                    body_required=bool(schema.get("required")) or ("requestBody" in described and json_body is None),
                    needs_version="if-match" in headers,
                    needs_key="idempotency-key" in headers,
                    needs_more=any(
                        item.get("required")
                        and item["in"] in {"query", "header"}
                        and item["name"].lower() not in {"if-match", "idempotency-key"}
                        for item in parameters
                    ),
                )
            )
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def counted(servers: TestServers) -> AsyncIterator[Callable[[], Any]]:
    owner = await asyncpg.connect(servers.owner_url)
    names = await owner.fetch(
        "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = ANY($1) ORDER BY 1",
        list(SERVICES),
    )
    union = " UNION ALL ".join(f"SELECT '{row['name']}' AS name, count(*) AS n FROM {row['name']}" for row in names)

    async def count() -> dict[str, int]:
        return {row["name"]: row["n"] for row in await owner.fetch(union)}

    yield count
    await owner.close()


def told(answer: httpx.Response, allowed: set[int], what: str) -> None:
    assert answer.status_code in allowed, f"{what}: {answer.status_code} {answer.text[:300]}"
    if answer.request.url.path.startswith(OPEN311):
        assert answer.headers["content-type"] == "text/xml; charset=utf-8", what
        assert f"<code>{answer.status_code}</code>" in answer.text, what
        return
    assert answer.headers["content-type"] == "application/problem+json", what
    body = answer.json()
    assert body.keys() >= MEMBERS, what
    assert body["status"] == answer.status_code, what
    assert body["request_id"] == answer.headers["x-request-id"], what


async def every_operation(apps: dict[str, FastAPI], places: Places) -> list[Operation]:
    await places.area(ROOT)
    found = [item for name, app in apps.items() for item in operations(name, app.openapi())]
    assert len(found) > 80
    return [item for item in found if item.path != JWKS]


async def test_nobody_comes_in_without_a_good_token(
    apps: dict[str, FastAPI], client: Any, caller: Callers, servers: TestServers, places: Places, counted: Any
) -> None:
    every = await every_operation(apps, places)
    before = await counted()
    forger = Callers(read_signing_key(servers.token_seed), caller.tenant)
    for item in every:
        if item.path in PUBLIC:
            continue
        # Anybody reads an open book and the catalogue; a token that is no good is refused there as well.
        nothing: list[dict[str, str]] = [] if item.path.startswith((OPEN, OPEN311, HSDS, LISTS, CATALOGUE)) else [{}]
        for headers in (
            *nothing,
            forger(item.service, *EVERYTHING),
            caller("elsewhere", *EVERYTHING),
            {"Authorization": "Basic x"},
        ):
            body: dict[str, Any] = {"json": {}} if item.takes_json else {}
            answer = await client(item.service).request(item.method, item.address, headers=headers, **body)
            told(answer, {401, 422}, f"{item} without a good token")
    assert await counted() == before


async def test_a_body_that_is_wrong_is_refused(
    apps: dict[str, FastAPI], client: Any, caller: Callers, places: Places, counted: Any
) -> None:
    every = await every_operation(apps, places)
    before = await counted()
    for item in every:
        if not item.takes_json or item.path.startswith(SIGNED):
            continue
        headers = caller(item.service, *EVERYTHING) | {"If-Match": '"1"', "Idempotency-Key": str(new_id())}
        send = client(item.service).request
        json_type = headers | {"Content-Type": "application/json"}
        told(await send(item.method, item.address, headers=json_type, content=b"{nonsense"), {400}, f"{item} not JSON")
        told(await send(item.method, item.address, headers=headers, json=[1]), {422}, f"{item} wrong type")
        unknown = await send(item.method, item.address, headers=headers, json={"no_such_member": 1})
        told(unknown, {422}, f"{item} unknown member")
        nul = await send(item.method, item.address, headers=json_type, content=b'{"name": "a\\u0000b"}')
        told(nul, {422}, f"{item} NUL")
        if item.body_required:
            told(await send(item.method, item.address, headers=headers, json={}), {422}, f"{item} no field")
    assert await counted() == before


async def test_unknown_ids_and_missing_versions_and_keys_are_told(
    apps: dict[str, FastAPI], client: Any, caller: Callers, places: Places, counted: Any
) -> None:
    every = await every_operation(apps, places)
    before = await counted()
    for item in every:
        # Whether there is a tenant of some name is not told: its lists are empty.
        names_a_thing = "{" in item.path.replace(f"{OPEN}{{tenant}}", "").replace(HSDS, "").replace(LISTS, "")
        if not names_a_thing or item.method == "PUT":
            continue
        if item.path.startswith(SIGNED):
            continue
        headers = caller(item.service, *EVERYTHING)
        send = client(item.service).request
        body: dict[str, Any] = {"json": {}} if item.takes_json else {}
        if item.needs_version and not item.body_required:
            told(await send(item.method, item.address, headers=headers, **body), {428, 400}, f"{item} no version")
        full = headers | {"If-Match": '"1"', "Idempotency-Key": str(new_id())}
        if not item.body_required:
            refused = {404, 422} if item.needs_more else {404}
            told(await send(item.method, item.address, headers=full, **body), refused, f"{item} unknown id")
        if item.needs_key and not item.body_required:
            without = headers | {"If-Match": '"1"'}
            told(await send(item.method, item.address, headers=without, **body), {400}, f"{item} no key")
    assert await counted() == before


async def test_a_method_that_an_address_does_not_take_is_refused(
    apps: dict[str, FastAPI], client: Any, caller: Callers, places: Places, counted: Any
) -> None:
    every = await every_operation(apps, places)
    before = await counted()
    for service, address in dict.fromkeys((item.service, item.address) for item in every):
        # What is fixed in one address may be a name in another.
        methods = {item.method for item in every if item.service == service and item.pattern.fullmatch(address)}
        headers = caller(service, *EVERYTHING)
        for method in sorted(METHODS - methods):
            answer = await client(service).request(method, address, headers=headers)
            # Which form a refusal of Open311 has is said by the operation, and there is none.
            assert answer.status_code == 405, f"{method} {address}"
            if not address.startswith(OPEN311):
                told(answer, {405}, f"{method} {address}")
            assert set(answer.headers["allow"].split(", ")) == methods, address
    assert await counted() == before


async def test_strange_addresses_are_refused(apps: dict[str, FastAPI], client: Any, caller: Callers) -> None:
    assert apps
    for service in SERVICES:
        headers = caller(service, *EVERYTHING)
        told(await client(service).get("/v1/nowhere", headers=headers), {404}, service)
        told(await client(service).request("TRACE", "/v1/cases", headers=headers), {404, 405}, service)
    for path, service in (("/v1/cases/not-a-uuid", "intake"), ("/v1/funds/1", "ledger"), ("/v1/needs/x", "matching")):
        told(await client(service).get(path, headers=caller(service, *EVERYTHING)), {422}, path)
    for query in ("page_size=0", "page_size=201", "page_size=x", "cursor=forged"):
        answer = await client("intake").get(f"/v1/cases?{query}", headers=caller("intake", *EVERYTHING))
        told(answer, {400, 422}, query)
