"""The postman: carries what is due, each channel in a lane of its own, so many at once and no more.

A provider that hangs holds the slots of its own channel until its timeout, and nobody else's; tenants take turns at
the slots. A tenant that takes long goes on in the background while the others are visited.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import structlog

from services.directory.deliveries.rules import LEASE, Channel
from services.directory.deliveries.senders import Refused, Sender
from services.directory.deliveries.sending import Claimed, Letter, Tried, claim_next, record
from services.directory.deliveries.settings import DeliverySettings
from shared.clock import utc_now
from shared.db import Database
from shared.vault import Vault

__all__ = ["Postman"]

log = structlog.get_logger()

_VISIT_S: Final = 1.0
# Whatever a sender does, there is time left in the lease to record it.
_SEND_S: Final = LEASE.total_seconds() / 2


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
        self._running: dict[tuple[str, Channel], asyncio.Task[None]] = {}

    async def visit(self, database: Database, tenant: str) -> None:
        """Carry what is due in a tenant; what takes longer than a moment goes on without being waited for."""
        for channel in Channel:
            known = self._running.get((tenant, channel))
            if known is None or known.done():
                self._running[tenant, channel] = asyncio.create_task(self._lane(database, tenant, channel))
        lanes = [self._running[tenant, channel] for channel in Channel]
        await asyncio.wait(lanes, timeout=_VISIT_S)
        for channel in Channel:
            if self._running[tenant, channel].done():
                del self._running[tenant, channel]

    async def carry_all(self, database: Database, tenant: str) -> None:
        """Carry what is due in a tenant, and wait for it."""
        await asyncio.gather(*(self._lane(database, tenant, channel) for channel in Channel))

    async def _lane(self, database: Database, tenant: str, channel: Channel) -> None:
        """Claim and carry until nothing of a channel is due."""
        tasks: set[asyncio.Task[None]] = set()
        try:
            while claimed := await self._claim(database, tenant, channel):
                if claimed.letters:
                    task = asyncio.create_task(self._carry(database, tenant, channel, claimed))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
        except Exception as error:  # noqa: BLE001 - the next visit begins anew
            log.error("lane_ended", tenant=tenant, channel=channel.value, error=repr(error)[:300])
        if tasks:
            await asyncio.wait(tasks)

    async def _claim(self, database: Database, tenant: str, channel: Channel) -> Claimed | None:
        """Take a slot first, so that no lease runs while a delivery only waits; a claim with letters keeps it."""
        slots = self._slots[channel]
        await slots.acquire()
        keeps = False
        try:
            async with database.write(tenant) as session:
                claimed = await claim_next(session, channel, self._vault, self._settings)
            keeps = claimed is not None and bool(claimed.letters)
            return claimed
        finally:
            if not keeps:
                slots.release()

    async def _carry(self, database: Database, tenant: str, channel: Channel, claimed: Claimed) -> None:
        try:
            tried = await asyncio.gather(*(self._try(channel, letter) for letter in claimed.letters))
            async with database.write(tenant) as session:
                await record(session, claimed, tried)
        except Exception as error:  # noqa: BLE001 - its lease runs out, and it is tried again
            log.error("delivery_not_recorded", tenant=tenant, id=str(claimed.delivery_id), error=repr(error)[:300])
        finally:
            self._slots[channel].release()

    async def _try(self, channel: Channel, letter: Letter) -> Tried:
        at, began = utc_now(), time.monotonic()
        try:
            outcome = await asyncio.wait_for(self._senders[channel].send(letter.message), _SEND_S)
        except Exception as error:  # noqa: BLE001 - a sender that breaks its word is a refusal for now
            outcome = Refused(permanent=False, detail=type(error).__name__)
        return Tried(letter, outcome, at, int((time.monotonic() - began) * 1000))
