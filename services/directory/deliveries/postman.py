"""The postman: carries what is due, each channel in lanes of its own, so many at once and no more.

A provider that hangs holds the slots of its own channel until its timeout, and nobody else's; tenants take turns at
the slots. A tenant that takes long goes on in the background while the others are visited.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.directory.deliveries.rules import LEASE, Channel
from services.directory.deliveries.senders import Refused, Sender
from services.directory.deliveries.sending import Claimed, Letter, Tried, claim_next, record
from services.directory.deliveries.settings import DeliverySettings
from shared.clock import utc_now
from shared.db import Database
from shared.lanes import Lanes
from shared.vault import Vault

__all__ = ["Postman"]

_VISIT_S: Final = 1.0
# Whatever a sender does, there is time left in the lease to record it.
_SEND_S: Final = LEASE.total_seconds() / 2


@dataclass(frozen=True, slots=True)
class _Lane:
    """The messages of a tenant that go out on one channel."""

    database: Database
    tenant: str
    channel: Channel

    def __str__(self) -> str:
        return f"{self.tenant}/{self.channel.value}"


class Postman:
    """Carries deliveries in one process.

    Args:
        vault: opens tokens and numbers.
        senders: who carries the messages of each channel.
        settings: how many at once, and how many a day.
    """

    def __init__(self, vault: Vault, senders: Mapping[Channel, Sender], settings: DeliverySettings) -> None:
        self._vault = vault
        self._senders = senders
        self._settings = settings
        self._slots = {channel: asyncio.Semaphore(settings.sends_at_once) for channel in Channel}
        self._lanes = Lanes(self._claim, self._carry, self._slots_of)

    async def visit(self, database: Database, tenant: str) -> None:
        """Carry what is due in a tenant; what takes longer than a moment goes on without being waited for."""
        await self._lanes.visit([_Lane(database, tenant, channel) for channel in Channel], for_s=_VISIT_S)

    async def carry_all(self, database: Database, tenant: str) -> None:
        """Carry what is due in a tenant, and wait for it."""
        lanes = [_Lane(database, tenant, channel) for channel in Channel]
        self._lanes.begin(lanes)
        await self._lanes.rest(lanes)

    async def close(self) -> None:
        """Take nothing more, and wait for what is on its way."""
        await self._lanes.close()

    def _slots_of(self, lane: _Lane) -> Sequence[asyncio.Semaphore]:
        return (self._slots[lane.channel],)

    async def _claim(self, lane: _Lane) -> Claimed | None:
        async with lane.database.write(lane.tenant) as session:
            return await claim_next(session, lane.channel, self._vault, self._settings)

    async def _carry(self, lane: _Lane, claimed: Claimed, _: list[asyncio.Semaphore]) -> None:
        if not claimed.letters:
            return
        tried = await asyncio.gather(*(self._try(lane.channel, letter) for letter in claimed.letters))
        async with lane.database.write(lane.tenant) as session:
            await record(session, claimed, tried)

    async def _try(self, channel: Channel, letter: Letter) -> Tried:
        at, began = utc_now(), time.monotonic()
        try:
            outcome = await asyncio.wait_for(self._senders[channel].send(letter.message), _SEND_S)
        except Exception as error:  # noqa: BLE001 - a sender that breaks its word is a refusal for now
            outcome = Refused(permanent=False, detail=type(error).__name__)
        return Tried(letter, outcome, at, int((time.monotonic() - began) * 1000))
