"""HTTP of slots."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.matching.slots import repository, service
from services.matching.slots.schemas import LearnedWordOut, NeedSlotsPatch, OfferSlotsPatch, SlotsOut
from shared.auth import Principal, Role, authenticated, requires
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["slots 要素"])

Caller = Annotated[Principal, Depends(authenticated)]
Staff = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER))]
Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]


@router.get("/v1/needs/{need_id}/slots", summary="What a need was read as 需求要素")
async def read_need_slots(_: Caller, session: Reading, response: Response, need_id: UUID) -> SlotsOut:
    """Return what was read from a need's words, what was corrected, and what counts."""
    shown = await service.read_need_slots(session, need_id)
    set_etag(response, shown.version)
    return shown


@router.patch("/v1/needs/{need_id}/slots", summary="Correct the slots of a need 更正需求要素")
async def correct_need_slots(
    caller: Staff,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    need_id: UUID,
    wanted: NeedSlotsPatch,
) -> SlotsOut:
    """Say what a need really asks for; every correction teaches."""
    await service.take_turn_at(session, need_id)
    shown = await service.read_need_slots(session, need_id)
    check_version(expected, shown.version, shown)
    found = await service.correct_need(session, caller, need_id, shown, wanted)
    set_etag(response, found.version)
    return found


@router.get("/v1/offers/{offer_id}/slots", summary="What an offer was read as 资源要素")
async def read_offer_slots(_: Caller, session: Reading, response: Response, offer_id: UUID) -> SlotsOut:
    """Return what was read from an offer's words, what was corrected, and what counts."""
    shown = await service.read_offer_slots(session, offer_id)
    set_etag(response, shown.version)
    return shown


@router.patch("/v1/offers/{offer_id}/slots", summary="Correct the slots of an offer 更正资源要素")
async def correct_offer_slots(
    caller: Giver,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    offer_id: UUID,
    wanted: OfferSlotsPatch,
) -> SlotsOut:
    """Say what an offer really is; every correction teaches."""
    await service.take_turn_at(session, offer_id)
    shown = await service.read_offer_slots(session, offer_id)
    check_version(expected, shown.version, shown)
    found = await service.correct_offer(session, caller, offer_id, shown, wanted)
    set_etag(response, found.version)
    return found


@router.get("/v1/learned-words", summary="Words that corrections have taught 学到的词")
async def list_learned_words(_: Staff, session: Reading) -> list[LearnedWordOut]:
    """Return which words tell which leaf of the tree beside its own, and how many corrected texts say so."""
    return [LearnedWordOut.model_validate(row) for row in await repository.learned_rows(session)]
