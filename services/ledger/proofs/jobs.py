"""The log follows the book a moment behind."""

from datetime import datetime
from typing import Final

from services.ledger.proofs.sealing import seal_tenant
from services.ledger.proofs.settings import signing_key
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 2


async def _seal(database: Database, tenant: str, _: datetime) -> None:
    await seal_tenant(database, tenant, signing_key())


schedules = (TenantSchedule("seal", every_s=_EVERY_S, table="books", run=_seal),)
