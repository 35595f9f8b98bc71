"""Attachments that wait for a scanner which was away, and those that other services were shown as proof."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from services.intake.attachments.scanners import ClamdScanner, Scanner
from services.intake.attachments.service import check_shown, judge_held
from services.intake.attachments.settings import ScanningSettings
from shared.contracts import Event
from shared.contracts.intake import ProofRefused
from shared.contracts.matching import ProofShown
from shared.db import Database, WriteSession
from shared.messaging import Consumers, TenantSchedule, publish

__all__ = ["consumers", "schedules"]

consumers = Consumers("intake")

_EVERY_S: Final = 5
_TIMEOUT_S: Final = 60.0


@lru_cache(maxsize=1)
def _scanner() -> Scanner | None:
    address = ScanningSettings().clamd_address
    return ClamdScanner(address, timeout_s=_TIMEOUT_S) if address is not None else None


@consumers.on(ProofShown)
async def look_at_proofs(session: WriteSession, events: Sequence[Event[ProofShown]]) -> None:
    """Say which of the pictures and papers that somebody showed are none of theirs; silence means that all are."""
    for event in events:
        shown = event.data
        refused = await check_shown(session, shown)
        if refused:
            told = ProofRefused(owner_kind=shown.owner_kind, owner_id=shown.owner_id, attachment_ids=refused)
            await publish(session, f"proof/{shown.owner_id}", told, cause=event)


async def _judge(database: Database, tenant: str, _: datetime) -> None:
    await judge_held(database, tenant, _scanner())


schedules: Final = (TenantSchedule("judge_held_attachments", _EVERY_S, "held_attachments", _judge),)
