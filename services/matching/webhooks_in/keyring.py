"""Which keys a partner has, remembered for a moment: a batch is verified without asking the database.

What is remembered may be a second old. A key that has been revoked meanwhile is noticed when the message is written
(see `repository.RECEIVE`), and a key that is new is looked for when none of the remembered ones fits.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from services.matching.webhook_secrets.repository import valid_secrets
from services.matching.webhook_secrets.rules import Mode
from services.matching.webhook_secrets.service import opened
from services.matching.webhooks_in.sharing import Shared
from shared.clock import utc_now
from shared.db import Database
from shared.vault import Vault
from shared.webhooks import SignedMessage, Verifier

__all__ = ["Key", "Keyring", "Ring"]

_GOOD_FOR_S: Final = 1.0
_PARTNERS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Key:
    """One key that is valid."""

    id: UUID
    mode: Mode
    created_at: datetime
    verifier: Verifier


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of one partner as they were at an instant of the monotonic clock, the oldest first."""

    keys: tuple[Key, ...]
    seen_at: float

    def fitting(self, message: SignedMessage, body: bytes) -> list[Key]:
        """Return the keys that have signed a message."""
        fitting = message.fitting(body, [key.verifier for key in self.keys])
        return [key for key in self.keys if any(key.verifier is verifier for verifier in fitting)]

    def of(self, mode: Mode) -> list[Key]:
        """Return the keys of one mode."""
        return [key for key in self.keys if key.mode is mode]


class Keyring:
    """The keys of the partners that have sent something lately."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._rings: OrderedDict[tuple[str, UUID], Ring] = OrderedDict()
        self._looking: Shared[tuple[str, UUID], Ring] = Shared()

    async def ring(self, tenant: str, partner_id: UUID, *, newer_than: float = 0.0) -> Ring:
        """Return a partner's keys; looks for them when what is remembered is old, or not newer than an instant."""
        known = self._rings.get((tenant, partner_id))
        if known is not None and known.seen_at > newer_than and time.monotonic() - known.seen_at < _GOOD_FOR_S:
            return known
        while True:
            found, _ = await self._looking.result((tenant, partner_id), partial(self._look, tenant, partner_id))
            # A look that had begun before the instant may have seen less.
            if found.seen_at > newer_than:
                return found

    async def _look(self, tenant: str, partner_id: UUID) -> Ring:
        seen_at = time.monotonic()
        async with self._database.read(tenant) as session:
            secrets = await valid_secrets(session, partner_id, utc_now())
        keys = [Key(row.id, Mode(row.mode), row.created_at, opened(self._vault, row)) for row in secrets]
        found = Ring(tuple(keys), seen_at)
        self._rings.pop((tenant, partner_id), None)
        # Partners without a key are not remembered: their addresses can be made up.
        if keys:
            self._rings[tenant, partner_id] = found
            if len(self._rings) > _PARTNERS_MAX:
                self._rings.popitem(last=False)
        return found
