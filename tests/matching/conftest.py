"""A small quarter for the tests of the matching: areas, units and cases that it has heard of, and who lives there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from services.matching.jobs import schedules
from shared.auth import Role
from shared.clock import utc_now
from shared.contracts.intake import CaseClaimed, CaseFiled
from shared.db import Database
from shared.ids import new_id
from shared.messaging import TenantSchedule
from shared.testing import Callers, Pipe, Places, TestServers
from tests.conftest import ClientOf, open_pipe

Headers: TypeAlias = dict[str, str]
# Whatever JSON, or a query, may hold.
Json: TypeAlias = Any


@dataclass
class Quarter:
    """One tenant: the district `d`, its zones `d.z` and `d.y`, and the communities `d.z.c1` and `d.z.c2`."""

    http: httpx.AsyncClient
    caller: Callers
    pipe: Pipe
    places: Places
    areas: dict[str, UUID] = field(default_factory=dict)
    units: dict[str, UUID] = field(default_factory=dict)

    def holding(self, role: Role, path: str = "d", *, unit: str | None = None) -> Headers:
        grant = (role, path) if unit is None else (role, path, self.units[unit])
        return self.caller("matching", grant)

    @property
    def officer(self) -> Headers:
        return self.holding(Role.OFFICER)

    @property
    def resident(self) -> Headers:
        return self.holding(Role.RESIDENT, "d.z.c1")

    def staff_of(self, unit: str) -> Headers:
        return self.holding(Role.UNIT_STAFF, "d", unit=unit)

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
        headers = dict(self.officer if by is None else by)
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.http.request(method, path, json=body, headers=headers, params=params)

    async def get(self, path: str, **options: Json) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: object = None, **options: Json) -> httpx.Response:
        return await self.call("POST", path, body, **options)

    async def patch(self, path: str, body: object, **options: Json) -> httpx.Response:
        return await self.call("PATCH", path, body, **options)

    async def made(self, path: str, body: object, **options: Json) -> dict[str, Any]:
        """Create something that is expected to be accepted."""
        response = await self.post(path, body, **options)
        assert response.status_code in {200, 201}, response.text
        made: dict[str, Any] = response.json()
        return made

    async def read(self, path: str, **options: Json) -> dict[str, Any]:
        """Read something that is expected to be there."""
        response = await self.get(path, **options)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def partner(self, unit: str = "school", area: str = "d", *, vetted: bool = True) -> dict[str, Any]:
        body = {"unit_id": str(self.units[unit]), "kind": "association", "area_id": str(self.areas[area])}
        partner = await self.made("/v1/partners", body)
        if vetted:
            path = f"/v1/partners/{partner['id']}/vet"
            partner = await self.made(path, {"decision": "vet"}, version=partner["version"])
        return partner

    def offer_body(self, partner: dict[str, Any], area: str = "d", **members: Json) -> dict[str, Any]:
        return {
            "partner_id": partner["id"],
            "kind": "service",
            "category": "after_school",
            "title": "四点半课堂",
            "description": "放学后的课后托管与作业辅导",
            "area_id": str(self.areas[area]),
            **members,
        }

    async def offer(self, partner: dict[str, Any], area: str = "d", **members: Json) -> dict[str, Any]:
        return await self.made("/v1/offers", self.offer_body(partner, area, **members))

    def need_body(self, area: str = "d.z.c1", **members: Json) -> dict[str, Any]:
        return {
            "category": "after_school",
            "summary": "社区需要放学后的作业辅导",
            "area_id": str(self.areas[area]),
            **members,
        }

    async def need(self, area: str = "d.z.c1", **members: Json) -> dict[str, Any]:
        return await self.made("/v1/needs", self.need_body(area, **members))

    async def match(self, **members: Json) -> dict[str, Any]:
        """Let one offer meet one need; returns the proposal."""
        await self.offer(await self.partner(), **members)
        need = await self.need()
        found = await self.read(f"/v1/needs/{need['id']}/matches")
        match: dict[str, Any] = found["matches"][0]
        return match

    async def agreed(self, project: dict[str, Any], *, by: Headers | None = None) -> dict[str, Any]:
        """Let the givers of a project's offers agree; returns the project as it is then."""
        for need in project["need_ids"]:
            for match in (await self.read(f"/v1/needs/{need}/matches"))["matches"]:
                if match["hold_id"] is not None:
                    path = f"/v1/offer-holds/{match['hold_id']}"
                    version = (await self.read(path))["version"]
                    await self.made(f"{path}/confirm", {"side": "giver"}, by=by, version=version)
        await self.pipe.rest()
        return await self.read(f"/v1/projects/{project['id']}")

    async def project(self, **members: Json) -> dict[str, Any]:
        body = {
            "title": "修复污水管",
            "area_id": str(self.areas["d.z.c1"]),
            "lead_unit_id": str(self.units["builder"]),
            "milestones": [{"title": "开工"}, {"title": "完工", "due_on": "2030-01-31"}],
            **members,
        }
        return await self.made("/v1/projects", body)

    async def case(self, area: str = "d.z.c1", *, claimed_by: str | None = None) -> UUID:
        """Let the matching hear of a case."""
        case_id = new_id()
        filed = CaseFiled(
            case_id=case_id,
            number=f"C-2026-{case_id.hex[-6:]}",
            category="drainage",
            area_id=self.areas[area],
            area_path=area,
            filed_at=utc_now(),
        )
        events: list[CaseFiled | CaseClaimed] = [filed]
        if claimed_by is not None:
            events.append(CaseClaimed(case_id=case_id, unit_id=self.units[claimed_by], due_at=utc_now()))
        await self.pipe.publish("intake", self.caller.tenant, f"case/{case_id}", *events)
        await self.pipe.rest()
        return case_id


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ear(servers: TestServers, databases: dict[str, Database]) -> AsyncIterator[Pipe]:
    """Open a pipe at whose end only the matching listens: nobody else answers what a test says in their name."""
    async with open_pipe(servers, databases, "matching") as opened:
        yield opened


async def _settle(built: Quarter) -> Quarter:
    for path, kind in (
        ("d", "district"),
        ("d.z", "zone"),
        ("d.y", "zone"),
        ("d.z.c1", "community"),
        ("d.z.c2", "community"),
    ):
        built.areas[path] = await built.places.area(path, kind=kind, is_last=False)
    for name, path in (("school", "d.z"), ("builder", "d.z"), ("club", "d.y")):
        built.units[name] = await built.places.unit(path, name=name, is_last=name == "club")
    return built


@pytest.fixture
def database(databases: dict[str, Database]) -> Database:
    """Of the matching."""
    return databases["matching"]


@pytest_asyncio.fixture(loop_scope="session")
async def quarter(client: ClientOf, caller: Callers, ear: Pipe) -> AsyncIterator[Quarter]:
    yield await _settle(Quarter(client("matching"), caller, ear, Places(ear, caller.tenant)))
    await ear.forget(caller.tenant)


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(client: ClientOf, caller: Callers, ear: Pipe) -> AsyncIterator[Quarter]:
    """Another tenant with the same areas."""
    stranger = Callers(caller._key, f"e{new_id().hex[:31]}")
    yield await _settle(Quarter(client("matching"), stranger, ear, Places(ear, stranger.tenant)))
    await ear.forget(stranger.tenant)


def timed(name: str) -> TenantSchedule:
    """Return the schedule of the matching that has this name."""
    found = next(one for one in schedules if one.name == name)
    assert isinstance(found, TenantSchedule)
    return found
