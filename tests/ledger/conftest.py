"""A fund and its people: a treasurer, three approvers, a payer, and a secretary who applies."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import httpx
import pytest_asyncio

from shared.auth import Role
from shared.db import Database
from shared.ids import new_id
from shared.testing import Callers, Pipe, Places, TestServers
from tests.conftest import ClientOf, open_pipe

Headers: TypeAlias = dict[str, str]
# Whatever JSON may hold.
Json: TypeAlias = Any

CHARTER: dict[str, Json] = {
    "giver_kinds": ["unit", "household"],
    "categories": ["drainage", "barrier"],
    "match_num": 3,
    "match_den": 2,
    "cap_fen": 5_000_000,
    "household_cap_fen": 100_000,
    "tiers": [{"up_to_fen": 500_000, "approvals": 1}, {"up_to_fen": 5_000_000, "approvals": 2}],
}


@dataclass
class Treasury:
    """One tenant with the district `d` and its community `d.c`."""

    http: httpx.AsyncClient
    caller: Callers
    pipe: Pipe
    people: dict[str, UUID] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    area_id: UUID = field(default_factory=new_id)
    unit_id: UUID = field(default_factory=new_id)

    def add(self, name: str, role: Role) -> None:
        self.people[name], self.roles[name] = new_id(), role

    def headers(self, name: str, *, at: str = "d", tenant: str | None = None) -> Headers:
        return self.caller("ledger", (self.roles[name], at), person=self.people[name], tenant=tenant)

    async def post(
        self,
        path: str,
        body: Json = None,
        *,
        by: str = "treasurer",
        at: str = "d",
        version: int | None = None,
        key: str | None = "new",
    ) -> httpx.Response:
        headers = self.headers(by, at=at)
        if key is not None:
            headers["Idempotency-Key"] = str(new_id()) if key == "new" else key
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.http.post(path, json=body, headers=headers)

    async def made(self, path: str, body: Json = None, **options: Json) -> dict[str, Json]:
        response = await self.post(path, body, **options)
        assert response.status_code in {200, 201}, response.text
        made: dict[str, Json] = response.json()
        return made

    async def refused(self, status: int, code: str, path: str, body: Json = None, **options: Json) -> dict[str, Json]:
        response = await self.post(path, body, **options)
        problem: dict[str, Json] = response.json()
        assert (response.status_code, problem["code"]) == (status, code), response.text
        return problem

    async def open(self, path: str, *, status: int = 200) -> dict[str, Json]:
        """Read what anybody may read, without signing in."""
        response = await self.http.get(f"/v1/open-books/{self.caller.tenant}/{path}")
        assert response.status_code == status, response.text
        found: dict[str, Json] = response.json()
        return found

    async def read(self, path: str, *, by: str = "treasurer") -> dict[str, Json]:
        response = await self.http.get(path, headers=self.headers(by))
        assert response.status_code == 200, response.text
        found: dict[str, Json] = response.json()
        return found

    async def fund(self, money_fen: int = 0, **charter: Json) -> dict[str, Json]:
        """Open a fund and let a unit give to it."""
        body = {"name": "社区基金", "area_id": str(self.area_id), "charter": CHARTER | charter}
        fund = await self.made("/v1/funds", body)
        if money_fen:
            await self.made(f"/v1/funds/{fund['id']}/contributions", self.gift(money_fen, received=True))
        return fund

    def gift(self, amount_fen: Json, **members: Json) -> dict[str, Json]:
        return {"giver_kind": "unit", "giver_id": str(self.unit_id), "amount_fen": amount_fen, **members}

    async def apply(self, fund: dict[str, Json], total_fen: int, own_fen: int = 0, **members: Json) -> dict[str, Json]:
        return await self.made("/v1/grants", self.application(fund, total_fen, own_fen, **members), by="secretary")

    def application(self, fund: dict[str, Json], total_fen: int, own_fen: int = 0, **members: Json) -> dict[str, Json]:
        wanted = {"fund_id": fund["id"], "category": "drainage", "purpose": "修井盖"}
        return wanted | {"total_fen": total_fen, "own_fen": own_fen} | members

    async def give(self, grant: dict[str, Json], amount_fen: int, household: UUID | None = None) -> dict[str, Json]:
        body = {"household_id": str(household or new_id()), "amount_fen": amount_fen}
        return await self.made(f"/v1/grants/{grant['id']}/contributions", body)

    async def approved(self, fund: dict[str, Json], total_fen: int, gifts_fen: tuple[int, ...] = ()) -> dict[str, Json]:
        """Apply, raise the own money, and let as many approve as the charter asks for."""
        grant = await self.apply(fund, total_fen, sum(gifts_fen))
        for amount in gifts_fen:
            await self.give(grant, amount)
        for name in ("approver", "second", "third")[: grant["approvals_needed"]]:
            version = (await self.read(f"/v1/grants/{grant['id']}"))["version"]
            grant = await self.made(f"/v1/grants/{grant['id']}/approve", {}, by=name, version=version)
        assert grant["state"] == "approved"
        return grant

    def bill(self, amount_fen: int, document: str = "") -> dict[str, Json]:
        digest = hashlib.sha256((document or str(new_id())).encode()).hexdigest()
        return {"supplier": "市政", "number": "20260001", "document_sha256": digest, "amount_fen": amount_fen}

    async def invoice(self, grant: dict[str, Json], amount_fen: int) -> dict[str, Json]:
        """Hand in a bill and have it approved."""
        path = f"/v1/grants/{grant['id']}/invoices"
        invoice = await self.made(path, self.bill(amount_fen), by="secretary")
        return await self.made(f"/v1/invoices/{invoice['id']}/approve", by="approver", version=invoice["version"])

    async def pay(self, invoice: dict[str, Json]) -> dict[str, Json]:
        return await self.made(f"/v1/invoices/{invoice['id']}/pay", by="payer", version=invoice["version"])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ear(servers: TestServers, databases: dict[str, Database]) -> AsyncIterator[Pipe]:
    """Open a pipe at whose end only the ledger listens."""
    async with open_pipe(servers, databases, "ledger") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def treasury(client: ClientOf, caller: Callers, pipe: Pipe, places: Places) -> Treasury:
    """A district with a fund's people, who hold their roles at the district."""
    found = Treasury(client("ledger"), caller, pipe)
    for name, role in {
        "treasurer": Role.TREASURER,
        "approver": Role.APPROVER,
        "second": Role.APPROVER,
        "third": Role.APPROVER,
        "payer": Role.PAYER,
        "reviewer": Role.REVIEWER,
        "auditor": Role.AUDITOR,
        "secretary": Role.SECRETARY,
        "resident": Role.RESIDENT,
    }.items():
        found.add(name, role)
    await places.area("d", kind="district", is_last=False)
    found.area_id = await places.area("d.c", is_last=False)
    found.unit_id = await places.unit("d.c", kind="enterprise", name="共建单位")
    return found
