"""How what was promised ended: told by who took it, by silence, by the giver's calling it off, or by a fund's no."""

from datetime import datetime, time
from typing import Final
from uuid import UUID

from services.matching.holds import repository
from services.matching.holds.models import Hold
from services.matching.holds.rules import TOLD_BY_SIDES, HoldState, HoldWhat, NotOverYet
from services.matching.holds.service import lock_for_change, note_step, release_hold
from services.matching.partners.models import Partner
from services.matching.record.rules import KEPT_BY_SILENCE_AFTER, AlreadyReported, Fulfilment
from services.matching.record.service import note_fulfilment
from shared.clock import CHINA, utc_now
from shared.contracts.matching import NoticeWanted
from shared.db import WriteSession
from shared.messaging import publish

__all__ = ["note_arrival", "note_kept_by_silence", "note_outcome", "report", "undo_pledge"]

_AT_ONCE: Final = 200
# Holds have no numbers of their own; so much of the id tells one from another.
_NUMBER_DIGITS: Final = 8


def _begins(hold: Hold) -> datetime:
    """Return when what is held begins; a quantity may be there at once."""
    if hold.what == HoldWhat.SLOT and hold.starts_at is not None:
        return hold.starts_at
    if hold.what == HoldWhat.DAY and hold.day is not None:
        return datetime.combine(hold.day, time(), CHINA)
    return hold.created_at


async def note_outcome(
    session: WriteSession, hold: Hold, partner: Partner, outcome: Fulfilment, *, actor: str, note: str | None = None
) -> bool:
    """Put the end of a hold on its partner's record; returns False when it is there, or is noted by somebody else."""
    if hold.outcome is not None or hold.for_kind not in TOLD_BY_SIDES:
        return False
    hold.outcome = outcome.value
    await note_step(session, hold, "outcome", actor, {"outcome": outcome.value})
    return await note_fulfilment(
        session, partner.id, outcome, about_kind="hold", about_id=hold.id, actor=actor, note=note
    )


async def report(
    session: WriteSession, hold: Hold, partner: Partner, outcome: Fulfilment, *, actor: str, note: str | None
) -> None:
    """Let whoever took something say how it ended; hold and offer are locked.

    Raises:
        NotOverYet: it has not begun.
        AlreadyReported: it is on record.
    """
    if utc_now() < _begins(hold):
        raise NotOverYet
    if not await note_outcome(session, hold, partner, outcome, actor=actor, note=note):
        raise AlreadyReported(outcome=hold.outcome)


async def note_arrival(session: WriteSession, hold_id: UUID) -> None:
    """Note that money which was pledged has arrived; what is no pledge of ours is none of our business.

    A pledge that was called off while its money was on the way stays called off here; the fund has the money.
    """
    if await repository.find_hold(session, hold_id) is None:
        return
    hold, offer, partner = await lock_for_change(session, hold_id)
    if hold.state != HoldState.COMMITTED or hold.received:
        return
    hold.received = hold.quantity
    offer.committed -= hold.quantity
    offer.received += hold.quantity
    offer.version += 1
    await note_step(session, hold, "arrive", "system", {"quantity": hold.quantity})
    await note_outcome(session, hold, partner, Fulfilment.KEPT, actor="system")


async def note_kept_by_silence(session: WriteSession, now: datetime) -> int:
    """Note as kept what ended days ago without a word; returns how many there were."""
    before = now - KEPT_BY_SILENCE_AFTER
    unsaid = await repository.unsaid_holds(session, before, kinds=TOLD_BY_SIDES, limit=_AT_ONCE)
    for hold, partner in unsaid:
        await note_outcome(session, hold, partner, Fulfilment.KEPT, actor="system")
    return len(unsaid)


async def undo_pledge(session: WriteSession, hold_id: UUID, code: str) -> None:
    """Give back money that a fund does not take from this giver, and tell both sides and the officers of the place.

    Args:
        session: the transaction.
        hold_id: what was committed for the pledge.
        code: of the problem, as the fund named it; it stands on the hold as its reason.
    """
    if await repository.find_hold(session, hold_id) is None:
        return
    hold, offer, partner = await lock_for_change(session, hold_id)
    if hold.state != HoldState.COMMITTED:
        return
    await release_hold(session, hold, offer, actor="system", reason=f"pledge_refused: {code}")
    told = NoticeWanted(
        kind="pledge_refused",
        number=hold.id.hex[-_NUMBER_DIGITS:],
        title=offer.title,
        people=[hold.taker_id] if hold.taker_id is not None else [],
        units=[partner.unit_id],
        staff_of=[offer.coverage],
        due_at=None,
    )
    await publish(session, f"hold/{hold.id}", told)
