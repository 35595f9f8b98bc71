"""Holds end by themselves when their time has come, what was promised counts as kept when nobody says else, and pledged
money that has arrived in a fund is not to be had again.

A pledge that its fund does not take is no pledge: what was committed for it is given back.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.matching.holds.outcomes import note_arrival, note_kept_by_silence, undo_pledge
from services.matching.holds.service import expire_due
from shared.clock import utc_now
from shared.contracts import Event
from shared.contracts.ledger import ContributionReceived, PledgeRefused
from shared.db import Database, WriteSession
from shared.messaging import Consumers, TenantSchedule

__all__ = ["consumers", "schedules"]

consumers = Consumers("matching")

_EVERY_S: Final = 10
_SILENCE_EVERY_S: Final = 600


@consumers.on(ContributionReceived)
async def note_arrivals(session: WriteSession, events: Sequence[Event[ContributionReceived]]) -> None:
    """Note which pledges have been paid: a contribution that was pledged here has the id of its hold."""
    for event in sorted(events, key=lambda event: event.data.contribution_id):
        await note_arrival(session, event.data.contribution_id)


@consumers.on(PledgeRefused)
async def hear_of_refused_pledges(session: WriteSession, events: Sequence[Event[PledgeRefused]]) -> None:
    """Give back what was committed, and tell giver, taker and officers."""
    for event in events:
        await undo_pledge(session, event.data.hold_id, event.data.code)


async def _expire(database: Database, tenant: str, _: datetime) -> None:
    async with database.write(tenant) as session:
        await expire_due(session, utc_now())


async def _note_kept(database: Database, tenant: str, _: datetime) -> None:
    async with database.write(tenant) as session:
        await note_kept_by_silence(session, utc_now())


schedules: Final = (
    TenantSchedule("expire_offer_holds", _EVERY_S, "offers", _expire),
    TenantSchedule("note_kept_promises", _SILENCE_EVERY_S, "offers", _note_kept),
)
