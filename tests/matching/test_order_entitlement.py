"""An order, the directory and the inbox together, over the real pipe: nobody calls anybody, and nobody learns too much."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from shared.auth import Role
from shared.clock import today
from shared.db import Database
from shared.ids import new_id
from shared.testing import Callers
from tests.conftest import ClientOf
from tests.matching.conftest import Json

Rest = Callable[[], Awaitable[None]]


class House:
    """One tenant with a district `d` and two communities, as the directory itself knows it."""

    def __init__(self, client: ClientOf, caller: Callers) -> None:
        self.client, self.caller = client, caller
        self.areas: dict[str, str] = {}

    async def call(
        self, service: str, method: str, path: str, body: object, headers: dict[str, str], **params: Json
    ) -> Any:
        response: httpx.Response = await self.client(service).request(
            method, path, json=body, headers=headers, params=params
        )
        assert response.status_code in {200, 201}, response.text
        return response.json()

    def by(self, service: str, role: Role, path: str, *more: UUID, person: UUID | None = None) -> dict[str, str]:
        grant = (role, path, *more)
        return self.caller(service, grant, person=person)  # type: ignore[arg-type]

    async def build(self) -> None:
        operator = self.by("directory", Role.OPERATOR, "any")
        await self.call("directory", "PUT", "/v1/tenant", {"name": {"zh": "某县", "en": "A county"}}, operator)
        for path, kind in (("d", "district"), ("d.c1", "community"), ("d.c2", "community")):
            parent, _, code = path.rpartition(".")
            body = {"code": code, "kind": kind, "name": code}
            if parent:
                body["parent_id"] = self.areas[parent]
            self.areas[path] = (await self.call("directory", "POST", "/v1/areas", body, operator))["id"]

    async def resident(self, *, entitled: bool) -> UUID:
        operator = self.by("directory", Role.OPERATOR, "any")
        body: dict[str, Any] = {"display_name": "居民", "area_id": self.areas["d.c1"]}
        person = UUID((await self.call("directory", "POST", "/v1/people", body, operator))["id"])
        if entitled:
            officer = self.by("directory", Role.OFFICER, "d")
            named = {"name": {"zh": "低保", "en": "Low income"}}
            manager = self.by("directory", Role.ADMINISTRATOR, "d")
            await self.call("directory", "PUT", "/v1/entitlement-kinds/low_income", named, manager)
            body = {
                "kind": "low_income",
                "ends_on": (today() + timedelta(days=90)).isoformat(),
                "evidence": {"text": "低保证"},
            }
            await self.call("directory", "POST", f"/v1/people/{person}/entitlements", body, officer)
        return person

    async def shop(self, rest: Rest) -> tuple[UUID, dict[str, Any]]:
        """Return the unit of a barber and what it offers."""
        manager = self.by("directory", Role.ADMINISTRATOR, "d")
        named = {"name": "理发店", "kind": "enterprise", "area_id": self.areas["d"]}
        unit = UUID((await self.call("directory", "POST", "/v1/units", named, manager))["id"])
        await rest()
        officer = self.by("matching", Role.OFFICER, "d")
        body: dict[str, Any] = {"unit_id": str(unit), "kind": "business", "area_id": self.areas["d"]}
        partner = await self.call("matching", "POST", "/v1/partners", body, officer)
        vet = f"/v1/partners/{partner['id']}/vet"
        await self.call("matching", "POST", vet, {"decision": "vet"}, officer | {"If-Match": '"1"'})
        body = {
            "partner_id": partner["id"],
            "kind": "discount",
            "category": "haircut",
            "title": "理发",
            "description": "上门理发",
            "area_id": self.areas["d"],
            "quantity": 10,
            "price_fen": 1_000,
            "entitled_prices": [{"entitlement": "low_income", "price_fen": 0}],
        }
        return unit, await self.call("matching", "POST", "/v1/offers", body, officer)


async def test_an_order_gets_its_price_from_the_directory_and_everybody_hears_what_concerns_them(
    client: ClientOf, caller: Callers, rest: Rest, databases: dict[str, Database]
) -> None:
    house = House(client, caller)
    await house.build()
    poor, other = await house.resident(entitled=True), await house.resident(entitled=False)
    unit, offer = await house.shop(rest)
    orders = []
    for person in (poor, other):
        by = house.by("matching", Role.RESIDENT, "d.c1", person=person)
        body = {"offer_id": offer["id"], "area_id": house.areas["d.c1"], "up_to_fen": 0}
        order = await house.call("matching", "POST", "/v1/orders", body, by)
        await rest()
        orders.append(await house.call("matching", "GET", f"/v1/orders/{order['id']}", None, by))
    assert [(order["state"], order["price_fen"]) for order in orders] == [("placed", 0), ("quoted", 1_000)]

    looks = await house.call(
        "directory", "GET", "/v1/me/entitlement-looks", None, house.caller("directory", person=poor)
    )
    (look,) = looks["items"]
    assert (look["by"], look["entitled"]) == (f"person/{poor}", True)
    assert look["purpose"] == f"点单 {orders[0]['number']}：理发"

    inbox = await house.call("intake", "GET", "/v1/notifications", None, house.caller("intake", person=other))
    assert [item["kind"] for item in inbox["items"]] == ["order_quoted"]
    assert orders[1]["number"] in inbox["items"][0]["text_zh"]
    staff = house.by("intake", Role.UNIT_STAFF, "d", unit)
    at_the_shop = await house.call("intake", "GET", "/v1/notifications", None, staff)
    assert [item["kind"] for item in at_the_shop["items"]] == ["order_placed"]
    async with databases["matching"].read(caller.tenant) as session:
        found = await (await session.connection()).exec_driver_sql(
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'matching' "
            "AND column_name IN ('entitled', 'entitlement', 'entitlements')"
        )
        assert found.scalar_one() == 0


async def test_staff_learns_nothing_about_people_who_live_elsewhere(
    client: ClientOf, caller: Callers, rest: Rest
) -> None:
    house = House(client, caller)
    await house.build()
    poor = await house.resident(entitled=True)
    _, offer = await house.shop(rest)
    prices = []
    for path in ("d.c1", "d.c2"):
        worker = house.by("matching", Role.GRID_WORKER, path, person=new_id())
        body = {"offer_id": offer["id"], "area_id": house.areas[path], "for_person_id": str(poor)}
        order = await house.call("matching", "POST", "/v1/orders", body, worker)
        await rest()
        prices.append((await house.call("matching", "GET", f"/v1/orders/{order['id']}", None, worker))["price_fen"])
    assert prices == [0, 1_000]
