"""Proposals are computed anew when what they were compared with has changed; weights are learned every hour, where
people have decided enough; what givers say of a match is heard.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Row

from services.matching.engine.learning import learn
from services.matching.engine.scoring import STATED, TERMS
from services.matching.matches import repository, service
from services.matching.matches.changing import note_committed, note_ended
from services.matching.matches.seeking import seek_needs
from shared.clock import utc_now
from shared.contracts import Event
from shared.contracts.matching_partners import HoldCommitted, HoldEnded
from shared.db import Database, WriteSession
from shared.encoders import Encoder, live_encoders
from shared.messaging import Consumers, TenantSchedule

__all__ = ["consumers", "learn_weights", "renew_due_proposals", "schedules"]

log = structlog.get_logger()
consumers = Consumers("matching")

_LEARN_EVERY_S: Final = 3_600
_RENEW_EVERY_S: Final = 5
_SEEK_EVERY_S: Final = 5
# So many a turn: other tenants have needs as well.
_DUE_MAX: Final = 64
_FOR_MATCH: Final = "match"
# So many more decisions than the last time are worth learning from.
_GROWTH: Final = 1.1


async def renew_due_proposals(database: Database, tenant: str, encoders: Sequence[Encoder] | None = None) -> int:
    """Compute the proposals of open needs anew that are due, each in its own transaction; returns of how many."""
    live = live_encoders() if encoders is None else encoders
    async with database.read(tenant) as session:
        need_ids = await service.with_neighbours(session, await repository.due_needs(session, _DUE_MAX))
    renewed = 0
    for need_id in need_ids:
        async with database.write(tenant) as session:
            renewed += await service.renew_proposals(session, need_id, live)
    if renewed:
        log.info("match_proposals_renewed", tenant=tenant, needs=renewed)
    return renewed


@consumers.on(HoldCommitted)
async def hear_of_agreement(session: WriteSession, events: Sequence[Event[HoldCommitted]]) -> None:
    """Let whoever decided on a match know that its giver has agreed."""
    for event in events:
        if event.data.for_kind == _FOR_MATCH:
            await note_committed(session, event.data.hold_id)


@consumers.on(HoldEnded)
async def hear_of_end(session: WriteSession, events: Sequence[Event[HoldEnded]]) -> None:
    """Put needs back on the list whose givers have said no, or nothing in time."""
    for event in events:
        if event.data.for_kind == _FOR_MATCH:
            await note_ended(session, event.data.hold_id, event.data.state)


async def learn_weights(database: Database, tenant: str) -> list[int]:
    """Learn a tenant's weights for each way to compare texts; returns the numbers of the new ones."""
    made = []
    for mode in STATED:
        async with database.read(tenant) as session:
            decided = await repository.decided_explanations(session, mode)
            head = await repository.latest_weights(session, mode)
            number = await repository.newest_number(session) + 1
        if head is not None and len(decided) < head.decisions * _GROWTH:
            continue
        shares, accepted = _shares(decided)
        lesson = await asyncio.to_thread(learn, shares, accepted, STATED[mode], f"learned/{number}")
        # What is no better than the stated weights on decisions that it has not seen is not taken.
        if lesson is None or lesson.accuracy < lesson.stated_accuracy:
            continue
        row = {
            "number": number,
            "mode": mode,
            "points": dict(lesson.weights.of),
            "threshold": lesson.weights.threshold,
            "decisions": lesson.decisions,
            "accuracy": lesson.accuracy,
            "stated_accuracy": lesson.stated_accuracy,
            "learned_at": utc_now(),
        }
        async with database.write(tenant) as session:
            await repository.add_weights(session, row)
        log.info("match_weights_learned", tenant=tenant, mode=mode, number=number, decisions=lesson.decisions)
        made.append(number)
    return made


def _shares(decided: Sequence[Row[Any]]) -> tuple[list[list[float]], list[bool]]:
    """Return of each decision the share of each term that was shown, and whether it was accepted."""
    shares, accepted = [], []
    for row in decided:
        told = {term["name"]: term["points"] / max(term["of"], 1) for term in row.explanation["terms"]}
        shares.append([float(told.get(name, 0.0)) for name in TERMS])
        accepted.append(row.state == "accepted")
    return shares, accepted


async def _renew(database: Database, tenant: str, _: datetime) -> None:
    await renew_due_proposals(database, tenant)


async def _learn(database: Database, tenant: str, _: datetime) -> None:
    await learn_weights(database, tenant)


async def _seek(database: Database, tenant: str, _: datetime) -> None:
    await seek_needs(database, tenant)


schedules: Final = (
    TenantSchedule("renew_match_proposals", _RENEW_EVERY_S, "needs", _renew),
    TenantSchedule("learn_match_weights", _LEARN_EVERY_S, "needs", _learn),
    TenantSchedule("seek_needs_for_offers", _SEEK_EVERY_S, "offers", _seek),
)
