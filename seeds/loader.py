"""Loading a pack: parents before children, a bounded number of requests at once, the same result however often it runs.

The operator's token draws the map and registers the people; from there on the pack's own administrator, signed in like
anybody, sets up what belongs to the daily work. Other services learn of areas and units by events, a moment after the
directory has answered: what names an area too early is sent again until it is known.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from seeds.client import Answer, Caller
from seeds.config import Config
from seeds.house import House
from seeds.ids import pack_id
from seeds.pack import Pack, Row
from seeds.together import together

__all__ = ["LoadProblem", "Loader", "Report"]

_UNCHANGED, _CREATED = 200, 201
_NOT_YET_KNOWN: Final = frozenset({"unknown_area", "unknown_unit"})
_KNOWN_DEADLINE_S: Final = 20.0
_LOOK_AGAIN_S: Final = 0.05

_AREA_MEMBERS: Final = ("kind", "name", "no_property_owner", "no_management", "no_repair_fund", "households")

_OFFER_MEMBERS: Final = ("kind", "category", "title", "description", "quantity")
# Packs are older than anything that happens in a house, and so are their venues.
_OPEN_SINCE: Final = "2026-01-01"


class LoadProblem(Exception):
    """The house refused a row; the text is its answer."""


@dataclass(slots=True)
class Report:
    """How many rows of each kind were made and how many were there already."""

    created: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0

    def count(self, kind: str, answer: Answer) -> None:
        """Count one row by what the house said."""
        (self.created if answer.status == _CREATED else self.unchanged)[kind] += 1


class Loader:
    """Loads one pack into one house."""

    def __init__(self, config: Config, pack: Pack, nobody: Caller) -> None:
        self._config = config
        self._pack = pack
        self._nobody = nobody
        self._administrator = nobody
        self._operator = nobody.signed_in(config.token(pack.tenant))
        self.report = Report()

    async def load(self) -> Report:
        """Send the whole pack."""
        begun = time.perf_counter()
        self._count("tenant", await self._sent(self._operator.put("/v1/tenant", self._pack.about)))
        await self._areas()
        await self._each("units", self._unit)
        await self._each("staff", self._member_of_staff)
        await self._each("residents", self._resident)
        self._administrator = await House(self._config, self._nobody, self._pack).staff("administrator")
        await self._categories()
        await self._each("entitlement_kinds", self._entitlement_kind)
        await self._each("checklists", self._checklist)
        await self._each("partners", self._partner)
        await self._each("offers", self._offer)
        await self._each("venues", self._venue)
        self.report.elapsed_s = time.perf_counter() - begun
        return self.report

    async def _areas(self) -> None:
        """Open the areas level by level: a child is sent only when its parent is there."""
        depth: dict[str, int] = {}
        for row in self._pack.all("areas"):
            depth[row["key"]] = 0 if row["parent"] is None else depth[row["parent"]] + 1
        for level in range(max(depth.values(), default=-1) + 1):
            await together(self._area(row) for row in self._pack.all("areas") if depth[row["key"]] == level)

    async def _area(self, row: Row) -> None:
        body = {member: row[member] for member in _AREA_MEMBERS if member in row}
        parent = row["parent"]
        body |= {"code": row["key"], "parent_id": self._id("areas", parent) if parent else None}
        await self._create("areas", row["key"], "/v1/areas", body)

    async def _unit(self, row: Row) -> None:
        body = {"kind": row["kind"], "name": row["name"], "area_id": self._id("areas", row["area"])}
        await self._create("units", row["key"], "/v1/units", body)

    async def _member_of_staff(self, row: Row) -> None:
        body = {
            "display_name": row["name"],
            "phone": row["phone"],
            "area_id": self._id("areas", row["grants"][0]["area"]),
            "username": row["key"],
            "password": self._config.password,
        }
        await self._create("staff", row["key"], "/v1/people", body)
        for grant in row["grants"]:
            await self._grant("staff", row["key"], grant)

    async def _resident(self, row: Row) -> None:
        body = {"display_name": row["name"], "phone": row["phone"], "area_id": self._id("areas", row["area"])}
        await self._create("residents", row["key"], "/v1/people", body)
        await self._grant("residents", row["key"], {"role": "resident", "area": row["area"]})

    async def _grant(self, kind: str, person: str, grant: Mapping[str, str]) -> None:
        key = "/".join((person, grant["role"], grant["area"], grant.get("unit", "")))
        body: dict[str, Any] = {"role": grant["role"], "area_id": self._id("areas", grant["area"])}
        if "unit" in grant:
            body["unit_id"] = self._id("units", grant["unit"])
        body["id"] = pack_id(self._pack.tenant, f"{kind}_grants", key)
        answer = await self._sent(self._operator.post(f"/v1/people/{self._id(kind, person)}/grants", body))
        self._count("grants", answer)

    async def _categories(self) -> None:
        """Put the category tree, in file order, because a parent stands before its children."""
        for row in self._pack.all("categories"):
            body = {member: value for member, value in row.items() if member != "key"}
            self._count("categories", await self._sent(self._administrator.put(f"/v1/categories/{row['key']}", body)))

    async def _checklist(self, row: Row) -> None:
        """Publish a checklist; what says the same as its newest version is that version."""
        body = {member: value for member, value in row.items() if member != "key"}
        self._count("checklists", await self._sent(self._administrator.put(f"/v1/checklists/{row['key']}", body)))

    async def _entitlement_kind(self, row: Row) -> None:
        """Define a kind of entitlement."""
        body = {member: value for member, value in row.items() if member != "key"}
        sending = self._administrator.put(f"/v1/entitlement-kinds/{row['key']}", body)
        self._count("entitlement_kinds", await self._sent(sending))

    async def _partner(self, row: Row) -> None:
        """Let a unit apply, and vet it; one that is vetted already stays as it is."""
        body = {
            "kind": row["kind"],
            "unit_id": self._id("units", row["unit"]),
            "area_id": self._id("areas", row["area"]),
        }
        partner = (await self._create("partners", row["key"], "/v1/partners", body, by=self._administrator)).body
        if partner["state"] == "applied":
            vetting = self._administrator.post(
                f"/v1/partners/{partner['id']}/vet", {"decision": "vet"}, version=partner["version"]
            )
            await self._sent(vetting)

    async def _offer(self, row: Row) -> None:
        body = {member: row[member] for member in _OFFER_MEMBERS}
        body |= {"partner_id": self._id("partners", row["partner"]), "area_id": self._id("areas", row["area"])}
        await self._create("offers", row["key"], "/v1/offers", body, by=self._administrator)

    async def _venue(self, row: Row) -> None:
        """Put a venue of one room on the resource list, with its hours."""
        opening = {
            "rrule": f"FREQ=WEEKLY;BYDAY={row['days']}",
            "starts_on": _OPEN_SINCE,
            "opens": row["opens"],
            "closes": row["closes"],
        }
        body = {
            "partner_id": self._id("partners", row["partner"]),
            "kind": "venue",
            "category": row["category"],
            "title": row["title"],
            "description": row["title"],
            "area_id": self._id("areas", row["area"]),
            "hours": {"openings": [opening]},
        }
        await self._create("venues", row["key"], "/v1/offers", body, by=self._administrator)
        room = {
            "id": pack_id(self._pack.tenant, "venue_rooms", row["key"]),
            "name": row["title"],
            "seats": row["seats"],
        }
        path = f"/v1/offers/{self._id('venues', row['key'])}/resources"
        self._count("venue rooms", await self._sent(self._administrator.post(path, room)))

    async def _create(
        self, kind: str, key: str, path: str, body: Mapping[str, Any], by: Caller | None = None
    ) -> Answer:
        """Create a row under its own id; sent before, it is answered as it was."""
        body = {"id": self._id(kind, key), **body}
        caller = by or self._operator
        deadline = time.perf_counter() + _KNOWN_DEADLINE_S
        while True:
            answer = await caller.post(path, body)
            if answer.code not in _NOT_YET_KNOWN or time.perf_counter() > deadline:
                self._count(kind, self._accepted(answer))
                return answer
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _sent(self, sending: Awaitable[Answer]) -> Answer:
        return self._accepted(await sending)

    def _accepted(self, answer: Answer) -> Answer:
        if answer.status not in {_UNCHANGED, _CREATED}:
            message = f"{self._pack.tenant}: {answer}"
            raise LoadProblem(message)
        return answer

    def _count(self, kind: str, answer: Answer) -> None:
        self.report.count(kind, answer)

    def _id(self, kind: str, key: str) -> UUID:
        return self._pack.id(kind, key)

    async def _each(self, kind: str, send: Callable[[Row], Awaitable[None]]) -> None:
        await together(send(row) for row in self._pack.all(kind))
