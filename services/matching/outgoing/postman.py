"""The postman of webhooks: a lane for each endpoint, so many at once to one of them, and two pools for all.

Endpoints that were slow or did not answer share a pool of their own, so however many of them hang, the others have the
quick pool to themselves. An attempt holds a slot of the quick pool for half a second at the most: one that takes longer
goes on without it, and its endpoint is slow from then on. One of which nothing is known yet is asked once at a time.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from services.matching.outgoing.repository import endpoints_with_work
from services.matching.outgoing.sender import Answer, Sender
from services.matching.outgoing.sending import Claimed, claim_next, record
from services.matching.outgoing.settings import OutgoingSettings
from shared.clock import machine_now, utc_now
from shared.db import Database
from shared.lanes import Lanes
from shared.vault import Vault

__all__ = ["Postman"]

log = structlog.get_logger()

# Beside the attempt itself, for recording it.
_RECORD: Final = timedelta(seconds=5)
_QUICK_S: Final = 0.5

_Slots = WeakValueDictionary[UUID, asyncio.Semaphore]


@dataclass(frozen=True, slots=True)
class _Lane:
    """What is due for one endpoint."""

    database: Database
    tenant: str
    endpoint_id: UUID

    def __str__(self) -> str:
        return f"{self.tenant}/{self.endpoint_id}"


class Postman:
    """Sends webhooks in one process.

    Args:
        vault: opens the keys that sign.
        sender: makes the attempts.
        settings: how many at once.
    """

    def __init__(self, vault: Vault, sender: Sender, settings: OutgoingSettings) -> None:
        self._vault = vault
        self._sender = sender
        self._attempt = timedelta(seconds=settings.webhook_timeout_s) + _RECORD
        self._per_endpoint = settings.webhooks_per_endpoint
        self._quick = asyncio.Semaphore(settings.webhooks_at_once)
        self._slow = asyncio.Semaphore(settings.webhooks_at_once_slow)
        self._is_slow: dict[UUID, bool] = {}
        # A lane that rests needs no slots, so they live as long as somebody holds them.
        self._own: _Slots = WeakValueDictionary()
        self._first: _Slots = WeakValueDictionary()
        self._lanes = Lanes(self._claim, self._carry, self._slots_of)

    def begin(self, database: Database, tenant: str, endpoint_ids: Collection[UUID]) -> None:
        """Send what is due for some endpoints, without waiting for it."""
        self._lanes.begin([_Lane(database, tenant, endpoint_id) for endpoint_id in endpoint_ids])

    async def visit(self, database: Database, tenant: str) -> None:
        """Send what is due in a tenant, without waiting for it."""
        async with database.read(tenant) as session:
            found = await endpoints_with_work(session, utc_now(), machine_now())
        self.begin(database, tenant, found)

    async def send_all(self, database: Database, tenant: str) -> None:
        """Send what is due in a tenant, and wait for it."""
        await self.visit(database, tenant)
        await self._lanes.rest()

    async def close(self) -> None:
        """Claim nothing more, wait for what is on its way, and close the connections."""
        await self._lanes.close()
        await self._sender.aclose()

    def _slots_of(self, lane: _Lane) -> Sequence[asyncio.Semaphore]:
        own = _found(self._own, lane.endpoint_id, self._per_endpoint)
        is_slow = self._is_slow.get(lane.endpoint_id)
        if is_slow is None:
            return (own, _found(self._first, lane.endpoint_id, 1), self._quick)
        return (own, self._slow if is_slow else self._quick)

    async def _claim(self, lane: _Lane) -> Claimed | None:
        async with lane.database.write(lane.tenant) as session:
            return await claim_next(session, lane.endpoint_id, self._vault)

    async def _carry(self, lane: _Lane, claimed: Claimed, slots: list[asyncio.Semaphore]) -> None:
        if claimed.letter is None:
            return
        # A process that stood still since the claim has lost the lease, or would lose it on the way.
        if machine_now() + self._attempt >= claimed.leased_until:
            log.warning("webhook_lease_too_old", lane=str(lane), delivery_id=str(claimed.delivery_id))
            return
        slowing = asyncio.get_running_loop().call_later(_QUICK_S, self._slow_down, lane.endpoint_id, slots)
        try:
            answer = await self._sender.send(claimed.letter)
        finally:
            slowing.cancel()
        self._note(lane.endpoint_id, answer)
        async with lane.database.write(lane.tenant) as session:
            await record(session, claimed, answer)

    def _slow_down(self, endpoint_id: UUID, slots: list[asyncio.Semaphore]) -> None:
        self._is_slow[endpoint_id] = True
        if slots[-1] is self._quick:
            slots.pop().release()

    def _note(self, endpoint_id: UUID, answer: Answer) -> None:
        """Remember how an endpoint is: one that answers at once holds nobody up, whatever it answers."""
        self._is_slow[endpoint_id] = answer.error is not None or answer.duration_ms > _QUICK_S * 1000


def _found(slots: _Slots, endpoint_id: UUID, at_once: int) -> asyncio.Semaphore:
    found = slots.get(endpoint_id)
    if found is None:
        found = slots[endpoint_id] = asyncio.Semaphore(at_once)
    return found
