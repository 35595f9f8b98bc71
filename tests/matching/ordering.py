"""A shop in the quarter: what can be ordered of it, who orders, and a directory that answers what it is asked."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from shared.auth import Role
from shared.clock import CHINA, utc_now
from shared.contracts.directory import EntitlementAnswered
from shared.db import Database
from shared.ids import new_id
from tests.matching.conftest import Headers, Json, Quarter

ASKED = "linli.entitlement.asked.v1"
NOTICE = "linli.notice.wanted.v1"
CONTACT = {"name": "王阿姨", "phone": "13800138000", "address": "3 号楼 2 单元 501", "note": "行动不便"}


def slot(days: float, *, hour: int = 9, minutes: int = 60) -> dict[str, str]:
    """Return a slot at an hour of a day ahead, by the clocks of China."""
    day = (utc_now().astimezone(CHINA) + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)
    return {"starts_at": day.isoformat(), "ends_at": (day + timedelta(minutes=minutes)).isoformat()}


@dataclass
class Resident:
    """Somebody who lives in the quarter and orders."""

    quarter: Quarter
    id: UUID = field(default_factory=new_id)

    @property
    def by(self) -> Headers:
        return self.quarter.caller("matching", (Role.RESIDENT, "d.z.c1"), person=self.id)


@dataclass
class Shop:
    """A vetted partner with its people."""

    quarter: Quarter
    databases: dict[str, Database]
    partner: dict[str, Any]
    unit: str

    @property
    def staff(self) -> Headers:
        return self.quarter.staff_of(self.unit)

    @property
    def grid_worker(self) -> Headers:
        return self.quarter.holding(Role.GRID_WORKER, "d.z.c1")

    async def haircut(self, **members: Json) -> dict[str, Any]:
        """Ten yuan, free for low-income and disabled residents, twenty at a time."""
        prices = [{"entitlement": kind, "price_fen": 0} for kind in ("low_income", "disabled")]
        body = {"kind": "discount", "category": "haircut", "title": "理发", "quantity": 20, "price_fen": 1_000}
        return await self.quarter.offer(self.partner, **{**body, "entitled_prices": prices, **members})

    async def repair(self, **members: Json) -> dict[str, Any]:
        """At the same price for everybody."""
        body = {"kind": "service", "category": "repair", "title": "换油烟机", "quantity": 5, "price_fen": 8_000}
        return await self.quarter.offer(self.partner, **{**body, **members})

    async def send(
        self, offer: dict[str, Any], by: Headers, *, area: str = "d.z.c1", **members: Json
    ) -> httpx.Response:
        body = {"offer_id": offer["id"], "area_id": str(self.quarter.areas[area]), **members}
        return await self.quarter.post("/v1/orders", body, by=by)

    async def order(self, offer: dict[str, Any], by: Headers, **members: Json) -> dict[str, Any]:
        response = await self.send(offer, by, **members)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made

    async def read(self, order: dict[str, Any], by: Headers) -> dict[str, Any]:
        return await self.quarter.read(f"/v1/orders/{order['id']}", by=by)

    async def step(self, order: dict[str, Any], step: str, body: object, *, by: Headers) -> httpx.Response:
        """Take a step on the order as it is now."""
        version = await self.version(order)
        return await self.quarter.post(f"/v1/orders/{order['id']}/{step}", body, by=by, version=version)

    async def took(self, order: dict[str, Any], step: str, body: object, *, by: Headers) -> dict[str, Any]:
        response = await self.step(order, step, body, by=by)
        assert response.status_code == 200, response.text
        taken: dict[str, Any] = response.json()
        return taken

    async def accepted(self, by: Headers, offer: dict[str, Any] | None = None, **members: Json) -> dict[str, Any]:
        """Return an order that was accepted."""
        order = await self.order(offer or await self.repair(), by, **members)
        return await self.took(order, "accept", {}, by=self.staff)

    async def delivered(self, by: Headers, **members: Json) -> dict[str, Any]:
        """Return an order that was delivered."""
        order = await self.accepted(by, **members)
        return await self.took(order, "deliver", {"proof": "已安装"}, by=self.staff)

    async def version(self, order: dict[str, Any]) -> int:
        (row,) = await self.rows("SELECT version FROM matching.orders WHERE id = :id", id=order["id"])
        return int(row[0])

    async def rows(self, query: str, **values: Json) -> list[tuple[Any, ...]]:
        async with self.databases["matching"].read(self.quarter.caller.tenant) as session:
            return [tuple(row) for row in await session.execute(text(query), values)]

    async def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the payloads of one type that were published, oldest first, once each."""
        query = (
            "SELECT DISTINCT ON (id) id, body::jsonb AS body FROM matching.outbox "
            "WHERE body::jsonb ->> 'type' = :kind ORDER BY id"
        )
        return [body["data"] for _, body in await self.rows(query, kind=kind)]

    async def notices(self) -> list[str]:
        """Return what was to be told to people, oldest first."""
        return [item["kind"] for item in await self.told(NOTICE)]

    async def answer(self, *kinds_held: str) -> list[list[str]]:
        """Answer, as the directory would for somebody who holds these kinds, until nothing is asked any more.

        Returns the kinds that were asked for, question by question.
        """
        asked: list[list[str]] = []
        known: set[str] = set()
        while True:
            new = [item for item in await self.told(ASKED) if item["question_id"] not in known]
            if not new:
                return asked
            for item in new:
                known.add(item["question_id"])
                asked.append(item["any_of"])
                entitled = bool(set(item["any_of"]) & set(kinds_held))
                answered = EntitlementAnswered(question_id=item["question_id"], entitled=entitled)
                subject = f"entitlement_question/{item['question_id']}"
                await self.quarter.pipe.publish("directory", self.quarter.caller.tenant, subject, answered)
            await self.quarter.pipe.rest()


async def open_shop(quarter: Quarter, databases: dict[str, Database], unit: str = "school") -> Shop:
    return Shop(quarter, databases, await quarter.partner(unit), unit)
