"""A street with a trouble: areas, units, categories, and the people who raise, judge and mend."""

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

import httpx
import pytest_asyncio
from PIL import Image

from shared import clock
from shared.auth import Role
from shared.db import Database
from shared.ids import new_id
from shared.testing import Callers, Pipe, Places, TestServers
from tests.conftest import ClientOf, open_pipe
from tests.conftest import MovedClock as MovedClock

Headers: TypeAlias = dict[str, str]
# Whatever JSON, or a query, may hold.
Json: TypeAlias = Any

NORTH = "county.north"
GRID = "county.north.c1.g1"
HARD = {"owner_is_clear": False, "crosses_boundary": True, "households": 60, "cost_fen": 1_500_000, "departments": 2}
MEDIUM = {"owner_is_clear": True, "crosses_boundary": False, "households": 30, "cost_fen": 0, "departments": 1}
SIMPLE = {"owner_is_clear": True, "crosses_boundary": False, "households": 1, "cost_fen": 0, "departments": 1}


def picture(kind: str = "JPEG", **options: Json) -> bytes:
    """Draw a small picture."""
    output = io.BytesIO()
    Image.new("RGB", (8, 4), (200, 30, 30)).save(output, kind, **options)
    return output.getvalue()


def due_in(days: float) -> str:
    """Return a time some days ahead."""
    return (clock.utc_now() + timedelta(days=days)).isoformat()


@dataclass
class Street:
    """One tenant; the grid `county.north.c1.g1` is where things happen, `county.south` is elsewhere."""

    http: httpx.AsyncClient
    caller: Callers
    areas: dict[str, UUID] = field(default_factory=dict)
    works: UUID = field(default_factory=new_id)
    water: UUID = field(default_factory=new_id)
    owner_id: UUID = field(default_factory=new_id)

    @property
    def owner(self) -> Headers:
        """Whoever raises the cases of these tests."""
        return self.holding(Role.RESIDENT, GRID, person=self.owner_id)

    @property
    def neighbour(self) -> Headers:
        """Somebody else in the same grid."""
        return self.holding(Role.RESIDENT, GRID)

    @property
    def grid_worker(self) -> Headers:
        return self.holding(Role.GRID_WORKER, GRID)

    @property
    def officer(self) -> Headers:
        return self.holding(Role.OFFICER, NORTH)

    @property
    def administrator(self) -> Headers:
        return self.holding(Role.ADMINISTRATOR, "county")

    @property
    def works_clerk(self) -> Headers:
        return self.caller("intake", (Role.UNIT_STAFF, NORTH, self.works))

    @property
    def water_clerk(self) -> Headers:
        return self.caller("intake", (Role.UNIT_STAFF, "county", self.water))

    def holding(self, role: Role, path: str, *, person: UUID | None = None) -> Headers:
        """Return the headers of somebody who holds a role."""
        return self.caller("intake", (role, path), person=person)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: Headers | None = None,
        version: int | None = None,
        key: str | None = None,
        **params: Json,
    ) -> httpx.Response:
        headers = dict(self.owner if by is None else by)
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.http.request(method, path, json=body, headers=headers, params=params)

    async def get(self, path: str, **options: Json) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: object = None, **options: Json) -> httpx.Response:
        return await self.call("POST", path, body, **options)

    async def upload(self, content: bytes, *, by: Headers | None = None) -> httpx.Response:
        headers = {**(self.owner if by is None else by), "Content-Type": "image/jpeg"}
        return await self.http.post("/v1/attachments", content=content, headers=headers)

    def words(self, **members: Json) -> dict[str, Any]:
        """Return the body of a case."""
        return {
            "category": "drainage",
            "title": "污水外溢",
            "description": "两套管网交汇处的井盖冒污水，流到店门口。",
            "area_id": str(self.areas[GRID]),
            **members,
        }

    async def filed(self, *, by: Headers | None = None, **members: Json) -> dict[str, Any]:
        """File a case."""
        response = await self.post("/v1/cases", self.words(**members), by=by)
        assert response.status_code == 201, response.text
        case: dict[str, Any] = response.json()
        return case

    async def act(self, case: dict[str, Any], action: str, body: object, *, by: Headers) -> httpx.Response:
        """Take a step on the version that the case was seen in."""
        return await self.post(f"/v1/cases/{case['id']}/{action}", body, by=by, version=case["version"])

    async def step(self, case: dict[str, Any], action: str, body: object, *, by: Headers) -> dict[str, Any]:
        """Take a step that succeeds."""
        response = await self.act(case, action, body, by=by)
        assert response.status_code in (200, 201), response.text
        changed: dict[str, Any] = response.json()
        return changed

    async def triaged(self, facts: dict[str, Any] | None = None, **members: Json) -> dict[str, Any]:
        """File, accept and triage a case; hard by default."""
        case = await self.filed(**members)
        case = await self.step(case, "accept", {}, by=self.grid_worker)
        return await self.step(case, "triage", facts or HARD, by=self.grid_worker)

    async def claimed(self, **members: Json) -> dict[str, Any]:
        """Bring a hard case to the hands of the works."""
        return await self.given_to(await self.triaged(**members), self.works, by=self.works_clerk)

    async def given_to(self, case: dict[str, Any], unit: UUID, *, by: Headers) -> dict[str, Any]:
        """Bring a case that is judged to the hands of a unit."""
        case = await self.step(case, "assign", {"unit_id": str(unit)}, by=self.officer)
        return await self.step(case, "claim", {"unit_id": str(unit), "due_at": due_in(7)}, by=by)

    async def resolved(self, **members: Json) -> dict[str, Any]:
        """Bring a case to where its requester is asked."""
        return await self.mended(await self.claimed(**members), by=self.works_clerk)

    async def mended(self, case: dict[str, Any], *, by: Headers, **members: Json) -> dict[str, Any]:
        """Say with a picture that it is done."""
        proof = (await self.upload(picture(), by=by)).json()["id"]
        return await self.step(case, "resolve", {"note": "已修复", "attachment_ids": [proof], **members}, by=by)

    async def joined(self, case: dict[str, Any], count: int) -> list[Headers]:
        """Let some neighbours join a case."""
        people = [self.neighbour for _ in range(count)]
        for by in people:
            answer = await self.post(f"/v1/cases/{case['id']}/join", by=by)
            assert answer.status_code == 200, answer.text
        return people

    async def handle(self, **rules: Json) -> dict[str, Any]:
        """Change some of the handling rules."""
        now = (await self.get("/v1/handling", by=self.administrator)).json()
        body = {**now["rules"], **rules}
        response = await self.call("PUT", "/v1/handling", body, by=self.administrator, version=now["version"])
        assert response.status_code == 200, response.text
        changed: dict[str, Any] = response.json()
        return changed

    async def read(self, case: dict[str, Any], *, by: Headers | None = None) -> dict[str, Any]:
        """Return a case as it is now."""
        response = await self.get(f"/v1/cases/{case['id']}", by=by)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def clocks(self, case: dict[str, Any]) -> dict[str, Any]:
        """Return every stretch of a case's clocks."""
        response = await self.get(f"/v1/cases/{case['id']}/clocks")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def history(self, case: dict[str, Any], *, by: Headers | None = None) -> list[dict[str, Any]]:
        """Return the steps of a case."""
        response = await self.get(f"/v1/cases/{case['id']}/history", by=by)
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items


async def furnish(street: Street, places: Places) -> None:
    """Open the areas, register the units and set the categories."""
    for path in ("county", NORTH, "county.north.c1", GRID, "county.south"):
        street.areas[path] = await places.area(path, is_last=False)
    street.works = await places.unit(NORTH, name="works", is_last=False)
    street.water = await places.unit("county", name="water")
    for code, proof in (("drainage", True), ("parking", False)):
        body = {"name_zh": code, "name_en": code, "kind": "hazard", "proof_required": proof}
        response = await street.call("PUT", f"/v1/categories/{code}", body, by=street.administrator)
        assert response.status_code == 201, response.text


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ear(servers: TestServers, databases: dict[str, Database]) -> AsyncIterator[Pipe]:
    """Open a pipe at whose end only the intake listens."""
    async with open_pipe(servers, databases, "intake") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def street(client: ClientOf, caller: Callers, places: Places) -> Street:
    built = Street(client("intake"), caller)
    await furnish(built, places)
    return built


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(client: ClientOf, caller: Callers, ear: Pipe) -> AsyncIterator[Street]:
    """Another tenant with the same street."""
    stranger = Callers(caller._key, f"e{new_id().hex[:31]}")
    built = Street(client("intake"), stranger)
    await furnish(built, Places(ear, stranger.tenant))
    yield built
    await ear.forget(stranger.tenant)
