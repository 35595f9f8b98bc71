"""A small town for the tests of the directory, and somebody who catches the one-time codes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from shared.auth import Role
from shared.ids import new_id
from shared.testing import Callers
from tests.conftest import ClientOf

Headers: TypeAlias = dict[str, str]
# Whatever JSON, or a query, may hold.
Json: TypeAlias = Any


@dataclass
class Town:
    """One tenant with a few areas: `county` above `north` and `south`, and the grid `g1` in the north."""

    http: httpx.AsyncClient
    caller: Callers
    areas: dict[str, UUID] = field(default_factory=dict)

    @property
    def operator(self) -> Headers:
        return self.caller("directory", (Role.OPERATOR, "any"))

    def administrator(self, path: str = "county") -> Headers:
        return self.caller("directory", (Role.ADMINISTRATOR, path))

    def holding(self, role: Role, path: str, *, person: UUID | None = None) -> Headers:
        return self.caller("directory", (role, path), person=person)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: Headers | None = None,
        version: int | None = None,
        **params: Json,
    ) -> httpx.Response:
        headers = dict(self.administrator() if by is None else by)
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.http.request(method, path, json=body, headers=headers, params=params)

    async def get(self, path: str, **options: Json) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: object = None, **options: Json) -> httpx.Response:
        return await self.call("POST", path, body, **options)

    async def patch(self, path: str, body: object, **options: Json) -> httpx.Response:
        return await self.call("PATCH", path, body, **options)

    async def open(self, path: str, kind: str, **members: Json) -> dict[str, Any]:
        """Open an area at a path whose parent is open already."""
        parent, _, code = path.rpartition(".")
        body = {"code": code, "kind": kind, "name": code, **members}
        if parent:
            body["parent_id"] = str(self.areas[parent])
        response = await self.post("/v1/areas", body, by=self.operator)
        assert response.status_code == 201, response.text
        self.areas[path] = UUID(response.json()["id"])
        area: dict[str, Any] = response.json()
        return area

    async def person(self, **members: Json) -> dict[str, Any]:
        """Register somebody."""
        response = await self.post("/v1/people", {"display_name": "somebody", **members}, by=self.operator)
        assert response.status_code == 201, response.text
        person: dict[str, Any] = response.json()
        return person

    async def grant(self, person_id: str, role: str, path: str, **members: Json) -> dict[str, Any]:
        """Give a role."""
        body = {"role": role, "area_id": str(self.areas[path]), **members}
        response = await self.post(f"/v1/people/{person_id}/grants", body, by=self.operator)
        assert response.status_code == 201, response.text
        grant: dict[str, Any] = response.json()
        return grant


@pytest_asyncio.fixture(loop_scope="session")
async def town(client: ClientOf, caller: Callers) -> Town:
    built = Town(client("directory"), caller)
    tenant = {"name": {"zh": "某县", "en": "Some county"}, "time_zone": "Asia/Shanghai"}
    response = await built.call("PUT", "/v1/tenant", tenant, by=built.operator)
    assert response.status_code == 201, response.text
    await built.open("county", "district")
    await built.open("county.north", "subdistrict")
    await built.open("county.south", "subdistrict")
    await built.open("county.north.g1", "grid")
    return built


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(client: ClientOf, caller: Callers) -> AsyncIterator[Town]:
    """Another tenant with the same areas."""
    stranger = Callers(caller._key, f"e{new_id().hex[:31]}")
    built = Town(client("directory"), stranger)
    tenant = {"name": {"zh": "他县", "en": "Another county"}}
    await built.call("PUT", "/v1/tenant", tenant, by=built.operator)
    await built.open("county", "district")
    yield built


class CodeCatcher:
    """A sender that keeps the newest code of each phone."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}

    async def send(self, *, tenant: str, phone: str, code: str, expires_in_s: int) -> None:
        del tenant, expires_in_s
        self.codes[phone] = code


@contextmanager
def swapped(app: FastAPI, name: str, value: object) -> Iterator[None]:
    """Let the app have another part for a while."""
    before = getattr(app.state, name)
    setattr(app.state, name, value)
    try:
        yield
    finally:
        setattr(app.state, name, before)


@pytest.fixture
def codes(apps: dict[str, FastAPI]) -> Iterator[dict[str, str]]:
    catcher = CodeCatcher()
    with swapped(apps["directory"], "code_sender", catcher):
        yield catcher.codes
