"""Attachments that wait for a scanner which was away."""

from datetime import datetime
from functools import lru_cache
from typing import Final

from services.intake.attachments.scanners import ClamdScanner, Scanner
from services.intake.attachments.service import judge_held
from services.intake.attachments.settings import ScanningSettings
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 5
_TIMEOUT_S: Final = 60.0


@lru_cache(maxsize=1)
def _scanner() -> Scanner | None:
    address = ScanningSettings().clamd_address
    return ClamdScanner(address, timeout_s=_TIMEOUT_S) if address is not None else None


async def _judge(database: Database, tenant: str, _: datetime) -> None:
    await judge_held(database, tenant, _scanner())


schedules: Final = (TenantSchedule("judge_held_attachments", _EVERY_S, "held_attachments", _judge),)
