"""HTTP of matches."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.matches import changing, repository, service
from services.matching.matches.judging import PASSED_OVER_MAX, Judgement, PassedOver
from services.matching.matches.models import Match
from services.matching.matches.rules import STEPS, MatchAction, MatchState, NeedNotOpen
from services.matching.matches.schemas import (
    AcceptIn,
    BundleIn,
    MatchesOut,
    MatchOut,
    PartOut,
    PassedOverOut,
    RefuseIn,
)
from services.matching.needs.models import Need
from services.matching.needs.repository import find_need, lock_need
from services.matching.needs.rules import STEPS as NEED_STEPS
from services.matching.needs.rules import NeedAction, NeedState
from services.matching.needs.service import facts_of as need_facts
from services.matching.needs.views import need_out
from services.matching.offers.repository import offers_by_id
from services.matching.offers.rules import OfferExhausted
from services.matching.projects.schemas import ProjectOut
from services.matching.projects.views import project_out
from shared.auth import Principal, Role, authenticated, requires
from shared.db import Session
from shared.problems import NotFound
from shared.steps import Denial, NextActionOut, check_step, next_actions
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["matches 对接"])

_COLUMNS: Final = tuple(
    name for name in MatchOut.model_fields if name not in {"filters", "terms", "weights", "next_actions"}
)

Staff = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER))]


def _action(told: NextActionOut, need: Need, free: int) -> NextActionOut:
    """Show whether a step is possible; a need that has found something else, or an offer that others have, is not."""
    if told.allowed and told.action == MatchAction.ACCEPT:
        why = NeedNotOpen if need.state != NeedState.OPEN else OfferExhausted if free < need.quantity else None
        if why is not None:
            return NextActionOut.of(told.action, Denial(why.code, why.title))
    return told


def _match(match: Match, need: Need, told: Sequence[NextActionOut], free: int) -> MatchOut:
    columns = {name: getattr(match, name) for name in _COLUMNS}
    actions = [_action(item, need, free) for item in told]
    return MatchOut.model_validate({**columns, **_explained(match), "next_actions": actions})


def _explained(match: Match) -> dict[str, Any]:
    told = match.explanation
    return {"filters": told["filters"], "terms": told["terms"], "weights": told.get("weights", "")}


def _of_each_state(rows: Sequence[Match]) -> Collection[Match]:
    return {row.state: row for row in rows}.values()


def _passed(item: PassedOver) -> PassedOverOut:
    # There are hundreds of them: reading plain dictionaries takes a third of the time.
    filters = [one._asdict() for one in item.filters]
    return PassedOverOut.model_validate(
        {"offer_id": item.offer_id, "failed": item.failed, "score": item.score, "filters": filters}
    )


async def _matches(session: Session, need: Need, caller: Principal, judgement: Judgement) -> MatchesOut:
    rows = await repository.matches_of_need(session, need.id)
    free = await repository.free_of(session, [row.offer_id for row in rows])
    # Of the proposals of a need, what can be done depends on their states alone.
    steps = {row.state: next_actions(STEPS, service.facts_of(row, need), caller) for row in _of_each_state(rows)}
    return MatchesOut(
        need_id=need.id,
        threshold=judgement.weights.threshold,
        parts=await _parts(session, judgement.parts, rows),
        matches=[_match(row, need, steps[row.state], free.get(row.offer_id, 0)) for row in rows],
        passed_over=[_passed(item) for item in judgement.passed_over],
    )


async def _shown(session: Session, match: Match, need: Need, caller: Principal) -> MatchOut:
    free = await repository.free_of(session, [match.offer_id])
    steps = next_actions(STEPS, service.facts_of(match, need), caller)
    return _match(match, need, steps, free.get(match.offer_id, 0))


async def _parts(session: Session, parts: Sequence[str], rows: Sequence[Match]) -> list[PartOut]:
    if not parts:
        return []
    offers = await offers_by_id(session, [row.offer_id for row in rows])
    return [
        PartOut(
            kind=kind,
            match_ids=[row.id for row in rows if row.state != MatchState.REFUSED and offers[row.offer_id].kind == kind],
        )
        for kind in parts
    ]


@router.post("/v1/needs/{need_id}/matches", summary="Look for what suits a need 计算对接")
async def compute_matches(caller: Staff, session: Writing, need_id: UUID) -> MatchesOut:
    """Compute the proposals anew and keep them; what was decided stays."""
    need = await lock_need(session, need_id)
    if need is None:
        raise NotFound
    check_step(NEED_STEPS, NeedAction.MATCHES, need_facts(need), caller)
    return await _matches(
        session, need, caller, await service.propose_matches(session, need, passed_over=PASSED_OVER_MAX)
    )


@router.get("/v1/needs/{need_id}/matches", summary="What suits a need, and why not the rest 对接结果与理由")
async def read_matches(
    caller: Annotated[Principal, Depends(authenticated)],
    session: Reading,
    need_id: UUID,
    passed_over: Annotated[
        int, Query(ge=0, le=PASSED_OVER_MAX, description="Of how many of the rest it is told why 未入选的条数")
    ] = PASSED_OVER_MAX,
) -> MatchesOut:
    """Return the kept proposals, and the offers of the category that are passed over as of now.

    A screen that shows only what suits asks with `passed_over=0`, and is answered sooner.
    """
    need = await find_need(session, need_id)
    if need is None:
        raise NotFound
    # What suits is told as it was kept.
    return await _matches(session, need, caller, await service.judgement_of(session, need, passed_over=passed_over))


@router.post("/v1/matches/{match_id}/accept", summary="Accept a match: it becomes a project 确认对接")
async def accept_match(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, match_id: UUID, wanted: AcceptIn
) -> ProjectOut:
    """Hold the offer for the need, until its giver agrees as well; returns the project."""
    match, need = await changing.begin_decision(session, match_id)
    check_version(expected, match.version, await _shown(session, match, need, caller))
    project = await changing.accept_match(session, caller, match, need, wanted)
    response.headers["Content-Location"] = f"/v1/projects/{project.id}"
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.post("/v1/needs/{need_id}/accept", summary="Accept one match for each part 整体确认对接")
async def accept_bundle(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, need_id: UUID, wanted: BundleIn
) -> ProjectOut:
    """Hold an offer for each part of a need at once: all of them, or none; returns the project."""
    need = await lock_need(session, need_id)
    if need is None:
        raise NotFound
    check_version(expected, need.version, need_out(need, caller))
    project = await changing.accept_bundle(session, caller, need, wanted)
    response.headers["Content-Location"] = f"/v1/projects/{project.id}"
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.post("/v1/matches/{match_id}/refuse", summary="Refuse a match with a reason 不予对接")
async def refuse_match(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, match_id: UUID, wanted: RefuseIn
) -> MatchOut:
    """Note that the pair does not suit."""
    match, need = await changing.begin_decision(session, match_id)
    check_version(expected, match.version, await _shown(session, match, need, caller))
    await changing.refuse_match(session, caller, match, need, wanted.reason)
    set_etag(response, match.version)
    return await _shown(session, match, need, caller)
