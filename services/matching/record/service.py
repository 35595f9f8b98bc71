"""Use cases of records of fulfilment."""

from uuid import UUID

from services.matching.partners.models import Partner
from services.matching.partners.service import get_partner
from services.matching.record import repository
from services.matching.record.models import FulfilmentEntry
from services.matching.record.rules import STEPS, EntryAction, EntryFacts, EntryState, Fulfilment
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import NotFound
from shared.steps import check_step

__all__ = ["answer_appeal", "appeal_entry", "facts_of", "lock_entry", "note_fulfilment"]


async def note_fulfilment(
    session: WriteSession,
    partner_id: UUID,
    outcome: Fulfilment,
    *,
    about_kind: str,
    about_id: UUID,
    actor: str,
    note: str | None = None,
) -> bool:
    """Write down how a promise ended, and count it; returns False when that is on record already.

    Args:
        session: the transaction in which it ended.
        partner_id: whose promise it was.
        outcome: kept, late or broken.
        about_kind: what was promised: `hold`, `order`, `project`, …
        about_id: which one; one thing has one entry for a partner, whoever notes it first.
        actor: who says so.
        note: why, if it was not kept.
    """
    values = {
        "id": new_id(),
        "partner_id": partner_id,
        "outcome": outcome.value,
        "about_kind": about_kind,
        "about_id": about_id,
        "note": note,
        "actor": actor,
        "state": EntryState.STANDING.value,
        "noted_at": utc_now(),
        "version": 1,
    }
    is_new = await repository.add_entry(session, values)
    if is_new:
        await repository.count(session, partner_id, outcome, 1)
    return is_new


def facts_of(entry: FulfilmentEntry, partner: Partner) -> EntryFacts:
    """Return what the rules know of an entry."""
    return EntryFacts(EntryState(entry.state), partner.unit_id, partner.coverage)


async def lock_entry(session: WriteSession, partner_id: UUID, entry_id: UUID) -> tuple[FulfilmentEntry, Partner]:
    """Return a partner's entry for a decision, or NotFound."""
    partner = await get_partner(session, partner_id)
    entry = await repository.lock_entry(session, entry_id)
    if entry is None or entry.partner_id != partner.id:
        raise NotFound
    return entry, partner


async def appeal_entry(
    session: WriteSession, caller: Principal, entry: FulfilmentEntry, partner: Partner, words: str
) -> None:
    """Let a partner question an entry. It counts until the answer."""
    check_step(STEPS, EntryAction.APPEAL, facts_of(entry, partner), caller)
    entry.state, entry.appeal = EntryState.APPEALED.value, words
    entry.appealed_at, entry.appealed_by = utc_now(), caller.actor
    entry.version += 1
    await session.flush()


async def answer_appeal(
    session: WriteSession,
    caller: Principal,
    entry: FulfilmentEntry,
    partner: Partner,
    action: EntryAction,
    words: str,
) -> None:
    """Let an officer uphold an entry or strike it; a struck one stays readable and counts no more."""
    check_step(STEPS, action, facts_of(entry, partner), caller)
    entry.state, entry.answer = EntryState(STEPS[action].target).value, words
    entry.answered_at, entry.answered_by = utc_now(), caller.actor
    entry.version += 1
    if action is EntryAction.STRIKE:
        await repository.count(session, partner.id, Fulfilment(entry.outcome), -1)
    await session.flush()
