"""Use cases of slots: what was read, and what a person says against it."""

from typing import Any
from uuid import UUID

from services.matching.locking import take_turn
from services.matching.needs.repository import find_need
from services.matching.needs.rules import staff_decide
from services.matching.offers.repository import find_offer
from services.matching.partners.repository import find_partner
from services.matching.partners.rules import OFFICERS
from services.matching.slots import repository
from services.matching.slots.rules import Subject, need_slots, offer_slots, shown_need, shown_offer
from services.matching.slots.schemas import NeedSlotsPatch, OfferSlotsPatch, SlotsOut
from services.matching.slots.tree import branch_of, leaves_of
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, Invalid, NotFound
from shared.texts import Text

__all__ = ["correct_need", "correct_offer", "read_need_slots", "read_offer_slots", "take_turn_at"]


class WrongLeaf(Invalid):
    """The leaf belongs to another branch than the category."""

    code = "leaf_of_another_branch"
    title = Text(zh="该小类不属于这个大类", en="The leaf belongs to another branch")


async def take_turn_at(session: WriteSession, subject_id: UUID) -> None:
    """Let corrections of the same thing be made one after the other."""
    await take_turn(session, "slots", subject_id)


async def read_need_slots(session: Session, need_id: UUID) -> SlotsOut:
    """Return the slots of a need."""
    need = await find_need(session, need_id)
    if need is None:
        raise NotFound
    kept = await repository.find_corrections(session, Subject.NEED, need_id)
    corrected = kept.corrected if kept else {}
    return SlotsOut(
        proposed=shown_need(*need_slots(need.summary, {})),
        corrected=corrected,
        effective=shown_need(*need_slots(need.summary, corrected)),
        version=kept.version if kept else 1,
    )


async def read_offer_slots(session: Session, offer_id: UUID) -> SlotsOut:
    """Return the slots of an offer."""
    offer = await find_offer(session, offer_id)
    if offer is None:
        raise NotFound
    kept = await repository.find_corrections(session, Subject.OFFER, offer_id)
    corrected, words = kept.corrected if kept else {}, f"{offer.title} {offer.description}"
    return SlotsOut(
        proposed=shown_offer(*offer_slots(words, offer.price_fen, {})),
        corrected=corrected,
        effective=shown_offer(*offer_slots(words, offer.price_fen, corrected)),
        version=kept.version if kept else 1,
    )


async def correct_need(
    session: WriteSession, caller: Principal, need_id: UUID, shown: SlotsOut, wanted: NeedSlotsPatch
) -> SlotsOut:
    """Take a person's word over what was read of a need, and keep it as labels."""
    need = await find_need(session, need_id)
    if need is None:
        raise NotFound
    denial = staff_decide(need.area_path, caller)
    if denial is not None:
        raise Forbidden(denial.detail, rule=denial.rule)
    changes = _told(wanted)
    _check_leaf(changes, need.category)
    await _keep(session, caller, (Subject.NEED, need_id, need.summary), shown, changes)
    return await read_need_slots(session, need_id)


async def correct_offer(
    session: WriteSession, caller: Principal, offer_id: UUID, shown: SlotsOut, wanted: OfferSlotsPatch
) -> SlotsOut:
    """Take a person's word over what was read of an offer, and keep it as labels."""
    offer = await find_offer(session, offer_id)
    partner = await find_partner(session, offer.partner_id) if offer is not None else None
    if offer is None or partner is None:
        raise NotFound
    is_own = partner.unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER)
    if not is_own and not caller.has(*OFFICERS, at=offer.coverage):
        raise Forbidden(rule="own_unit_or_officer")
    changes = _told(wanted)
    _check_leaf(changes, offer.category)
    await _keep(session, caller, (Subject.OFFER, offer_id, f"{offer.title} {offer.description}"), shown, changes)
    return await read_offer_slots(session, offer_id)


def _told(wanted: NeedSlotsPatch | OfferSlotsPatch) -> dict[str, Any]:
    """Return what was said, nulls among it; what was left out is not."""
    values = wanted.model_dump(mode="json")
    return {name: values[name] for name in wanted.model_fields_set}


def _check_leaf(changes: dict[str, Any], category: str) -> None:
    leaf = changes.get("leaf")
    if leaf is not None and leaf not in leaves_of(branch_of(category)):
        raise WrongLeaf(pointer="/leaf")


async def _keep(
    session: WriteSession,
    caller: Principal,
    about: tuple[Subject, UUID, str],
    shown: SlotsOut,
    changes: dict[str, Any],
) -> None:
    subject, subject_id, words = about
    now = utc_now()
    corrected = {name: value for name, value in (shown.corrected | changes).items() if value is not None}
    row = {"subject": subject.value, "subject_id": subject_id, "corrected": corrected}
    who = {"corrected_by": caller.actor, "corrected_at": now, "version": shown.version + 1}
    await repository.put_corrections(session, row | who)
    labels = [
        {
            "id": new_id(),
            "subject": subject.value,
            "subject_id": subject_id,
            "slot": slot,
            "words": words,
            "proposed": shown.proposed.get(slot),
            "corrected": value,
            "labelled_by": caller.actor,
            "labelled_at": now,
        }
        for slot, value in changes.items()
    ]
    await repository.add_labels(session, labels)
