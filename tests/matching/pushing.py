"""A partner's sender in the tests: signs batches and reads their reports, through the door and without a token."""

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import orjson

from shared.clock import machine_now
from shared.ids import new_id
from shared.webhooks import read_signer, sign
from tests.matching.conftest import Quarter

_NUMBERS = itertools.count(1)


def batch(*items: Any, **members: Any) -> bytes:
    """Write a message."""
    return orjson.dumps({"type": "offers.pushed", "data": {"items": list(items)}, **members})


@dataclass
class Pushing:
    """One partner that pushes."""

    quarter: Quarter
    partner: dict[str, Any]
    secrets: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"/v1/webhooks/{self.quarter.caller.tenant}/{self.partner['id']}"

    @property
    def desk(self) -> str:
        """Where its people and officers look."""
        return f"/v1/partners/{self.partner['id']}"

    async def key(self, mode: str = "live", **members: Any) -> dict[str, Any]:
        """Make a key and sign with it from now on."""
        made = await self.quarter.made(f"{self.desk}/webhook-secrets", {"mode": mode, **members})
        if made["secret"] is not None:
            self.secrets = [made["secret"]]
        return made

    def signed(
        self, body: bytes, message_id: str | None = None, *, secrets: list[str] | None = None, late_s: float = 0
    ) -> dict[str, str]:
        keys = [read_signer(secret) for secret in (self.secrets if secrets is None else secrets)]
        return sign(message_id or f"msg_{new_id()}", machine_now() - timedelta(seconds=late_s), body, keys)

    async def push(self, body: bytes, message_id: str | None = None, **options: Any) -> httpx.Response:
        headers = {**self.signed(body, message_id, **options), "content-type": "application/json"}
        return await self.quarter.http.post(self.address, content=body, headers=headers)

    async def pushed(self, *items: Any, message_id: str | None = None) -> dict[str, Any]:
        """Push what is expected to be taken, have it worked off, and return its report."""
        answer = await self.push(batch(*items), message_id)
        assert answer.status_code == 202, answer.text
        await self.quarter.pipe.rest()
        return await self.report(answer.json()["delivery_id"])

    async def report(self, delivery_id: str, **params: Any) -> dict[str, Any]:
        answer = await self.ask(delivery_id, **params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ask(self, delivery_id: str, **params: Any) -> httpx.Response:
        address = f"{self.address}/{delivery_id}"
        return await self.quarter.http.get(address, headers=self.signed(b"", delivery_id), params=params)

    def item(self, external_id: str | None = None, version: int = 1, area: str = "d", **members: Any) -> dict[str, Any]:
        """Write an offer that is all right."""
        return {
            "external_id": external_id or f"hair-{next(_NUMBERS)}",
            "external_version": version,
            "kind": "service",
            "category": "haircut",
            "title": "理发",
            "description": "老街理发店，每日营业",
            "area_id": str(self.quarter.areas[area]),
            "price_fen": 1_000,
            **members,
        }

    async def offers(self) -> list[dict[str, Any]]:
        found = await self.quarter.read("/v1/offers", partner_id=self.partner["id"], page_size=200)
        items: list[dict[str, Any]] = found["items"]
        return items


def fates(report: dict[str, Any]) -> list[str]:
    return [line["fate"] for line in report["lines"]]


async def pushing(quarter: Quarter, mode: str = "live", *, vetted: bool = True) -> Pushing:
    """Return a partner with one key."""
    partner = Pushing(quarter, await quarter.partner(vetted=vetted))
    await partner.key(mode)
    return partner
