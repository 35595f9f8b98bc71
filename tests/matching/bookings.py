"""A venue with a hall of two halves, a team, and goods: what the tests of holds share."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import httpx

from shared.auth import Role
from shared.clock import CHINA, utc_now
from tests.matching.conftest import Headers, Json, Quarter

__all__ = ["House", "at", "settled"]


def at(day: int, hour: float) -> str:
    """Return a time of a day ahead, by the wall clock."""
    date = utc_now().astimezone(CHINA).date() + timedelta(days=day)
    return (datetime.combine(date, time(), CHINA) + timedelta(hours=hour)).astimezone(UTC).isoformat()


@dataclass
class House:
    """A partner with a venue of hall, left and right half, and the ids of its rooms."""

    quarter: Quarter
    partner: dict[str, Any]
    venue: dict[str, Any]
    rooms: dict[str, str]

    @classmethod
    async def built(cls, quarter: Quarter, **room: Json) -> "House":
        partner = await quarter.partner(area="d.z")
        venue = await quarter.offer(partner, "d.z", kind="venue", title="社区客厅", category="venue")
        house = cls(quarter, partner, venue, {})
        await house.room("hall", **room)
        for name in ("left", "right"):
            await house.room(name, parent_id=house.rooms["hall"], **room)
        return house

    async def room(self, name: str, **members: Json) -> None:
        made = await self.quarter.made(f"/v1/offers/{self.venue['id']}/resources", {"name": name, **members})
        self.rooms[name] = made["id"]

    async def book(
        self, room: str, start: str, end: str, *, by: Headers | None = None, **members: Json
    ) -> httpx.Response:
        body = {"resource_id": self.rooms[room], "starts_at": start, "ends_at": end, **members}
        return await self.quarter.post(f"/v1/offers/{self.venue['id']}/holds", body, by=by or self.quarter.resident)

    async def booked(self, room: str, start: str, end: str, **members: Json) -> dict[str, Any]:
        response = await self.book(room, start, end, **members)
        assert response.status_code == 201, response.text
        found: dict[str, Any] = response.json()
        return found

    async def windows(self, room: str, start: str, end: str) -> list[tuple[str, str]]:
        found = await self.quarter.read(f"/v1/offers/{self.venue['id']}/windows", **{"from": start, "until": end})
        mine = [one for one in found["windows"] if one["resource_id"] == self.rooms[room]]
        return [(one["starts_at"], one["ends_at"]) for one in mine]


async def settled(quarter: Quarter, hold: dict[str, Any]) -> dict[str, Any]:
    """Let both sides agree on a hold, by an officer who may speak for both."""
    officer = quarter.holding(Role.OFFICER)
    path = f"/v1/offer-holds/{hold['id']}/confirm"
    first = await quarter.made(path, {"side": "giver"}, by=officer, version=hold["version"])
    return await quarter.made(path, {"side": "taker"}, by=officer, version=first["version"])
