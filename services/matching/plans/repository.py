"""SQL of plans."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import CursorResult, Row, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert

from services.matching.locking import locked
from services.matching.matches.models import Match
from services.matching.needs.models import Need
from services.matching.needs.rules import TAKEN_BY_OTHERS, NeedState
from services.matching.offers.models import Offer
from services.matching.partners.models import Partner
from services.matching.plans.models import MatchPlan, MatchPlanLine, MatchPlanOffer
from services.matching.plans.rules import BY_NIGHT, PlanState
from shared.db import Session, WriteSession

__all__ = [
    "add_lines",
    "all_offers",
    "apply_lines",
    "delete_lines",
    "find_plan",
    "first_proposals",
    "lapsing_plans",
    "latest_plan_since",
    "lines_of",
    "list_plans",
    "lock_plan",
    "need_roots",
    "open_needs",
    "passed_offers",
    "plans_to_prune",
    "refused_pairs",
    "wanted_plan_of",
    "wanted_plans",
]

_ROWS_AT_ONCE: Final = 2_000

# Needs first and in the order of their ids, as every decision locks them.
_LOCK_NEEDS: Final = text(
    "SELECT need.id FROM matching.needs AS need WHERE need.tenant_id = :tenant AND need.id IN"
    " (SELECT need_id FROM matching.match_plan_lines WHERE tenant_id = :tenant AND plan_id = :plan"
    " AND change NOT IN ('same', 'left_open')) ORDER BY need.id FOR UPDATE"
)
# A line is stale when its need or its offer is another one than the plan knew; then no part of the need is applied.
_SAY_WHICH: Final = text(
    "WITH changed AS (SELECT line.need_id FROM matching.match_plan_lines AS line"
    " JOIN matching.needs AS need ON need.tenant_id = line.tenant_id AND need.id = line.need_id"
    " LEFT JOIN matching.offers AS offer ON offer.tenant_id = line.tenant_id AND offer.id = line.offer_id"
    " WHERE line.tenant_id = :tenant AND line.plan_id = :plan AND (need.state <> 'open'"
    " OR need.version <> line.need_version OR (line.offer_id IS NOT NULL"
    " AND (offer.version <> line.offer_version OR NOT offer.active))))"
    " UPDATE matching.match_plan_lines AS line SET outcome ="
    " CASE WHEN line.need_id IN (SELECT need_id FROM changed) THEN 'stale' ELSE 'applied' END"
    " WHERE line.tenant_id = :tenant AND line.plan_id = :plan"
)
_CLEAR: Final = text(
    "DELETE FROM matching.matches AS match USING matching.match_plan_lines AS line"
    " WHERE line.tenant_id = :tenant AND line.plan_id = :plan AND line.outcome = 'applied'"
    " AND line.change = 'withdrawn' AND match.tenant_id = line.tenant_id AND match.need_id = line.need_id"
    " AND match.state = 'proposed'"
)
_MOVE_DOWN: Final = text(
    "UPDATE matching.matches AS match SET version = match.version + 1, rank = match.rank + (SELECT count(*)"
    " FROM matching.match_plan_lines AS part WHERE part.tenant_id = line.tenant_id AND part.plan_id = line.plan_id"
    " AND part.need_id = line.need_id)"
    " FROM matching.match_plan_lines AS line WHERE line.tenant_id = :tenant AND line.plan_id = :plan"
    " AND line.outcome = 'applied' AND line.change IN ('new', 'changed') AND line.part = 1"
    " AND match.tenant_id = line.tenant_id AND match.need_id = line.need_id AND match.state = 'proposed'"
)
_PROPOSE: Final = text(
    "INSERT INTO matching.matches AS match (tenant_id, id, need_id, offer_id, score, rank, state, explanation,"
    " computed_at, version) SELECT line.tenant_id, uuidv7(), line.need_id, line.offer_id, line.score, line.part,"
    " 'proposed', line.explanation || jsonb_build_object('plan', line.plan_id), :now, 1"
    " FROM matching.match_plan_lines AS line"
    " WHERE line.tenant_id = :tenant AND line.plan_id = :plan AND line.outcome = 'applied'"
    " AND line.change IN ('new', 'changed')"
    " ON CONFLICT (tenant_id, need_id, offer_id) DO UPDATE SET rank = excluded.rank, score = excluded.score,"
    " explanation = excluded.explanation, computed_at = excluded.computed_at, version = match.version + 1"
    " WHERE match.state = 'proposed'"
)
_SAY_WHY: Final = text(
    "UPDATE matching.needs AS need SET version = need.version + 1, no_match_reason ="
    f" CASE WHEN line.offer_id IS NULL THEN '{TAKEN_BY_OTHERS}' END FROM matching.match_plan_lines AS line"
    " WHERE line.tenant_id = :tenant AND line.plan_id = :plan AND line.outcome = 'applied' AND line.part = 1"
    " AND line.change IN ('new', 'withdrawn') AND need.tenant_id = line.tenant_id AND need.id = line.need_id"
)
_OUTCOMES: Final = text(
    "SELECT outcome, count(*) FROM matching.match_plan_lines WHERE tenant_id = :tenant AND plan_id = :plan"
    " GROUP BY outcome"
)
_LAPSING: Final = text(
    "SELECT plan.id FROM matching.match_plans AS plan WHERE plan.tenant_id = :tenant AND plan.state = 'computed'"
    " AND plan.requested_at < CASE WHEN plan.requested_by = :by_night THEN CAST(:nightly_before AS timestamptz)"
    " ELSE CAST(:before AS timestamptz) END AND EXISTS (SELECT 1 FROM matching.match_plans AS newer"
    " WHERE newer.tenant_id = plan.tenant_id AND newer.state IN ('computed', 'applied')"
    " AND newer.requested_at > plan.requested_at AND newer.area_path @> plan.area_path)"
    " ORDER BY plan.requested_at, plan.id LIMIT :limit"
)
_DELETE: Final = (
    text(
        "DELETE FROM matching.match_plan_lines WHERE tenant_id = :tenant AND plan_id = :plan AND (need_id, part) IN"
        " (SELECT need_id, part FROM matching.match_plan_lines WHERE tenant_id = :tenant AND plan_id = :plan"
        " LIMIT :limit)"
    ),
    text(
        "DELETE FROM matching.match_plan_offers WHERE tenant_id = :tenant AND plan_id = :plan AND offer_id IN"
        " (SELECT offer_id FROM matching.match_plan_offers WHERE tenant_id = :tenant AND plan_id = :plan LIMIT :limit)"
    ),
)


async def find_plan(session: Session, plan_id: UUID) -> MatchPlan | None:
    """Return a plan."""
    return await session.scalar(select(MatchPlan).where(MatchPlan.tenant_id == session.tenant, MatchPlan.id == plan_id))


async def lock_plan(session: WriteSession, plan_id: UUID) -> MatchPlan | None:
    """Return a plan and keep others from changing it meanwhile."""
    statement = select(MatchPlan).where(MatchPlan.tenant_id == session.tenant, MatchPlan.id == plan_id)
    return await session.scalar(locked(statement))


async def list_plans(
    session: Session, *, under: str | None, state: str | None, after: tuple[Any, ...] | None, limit: int
) -> Sequence[MatchPlan]:
    """Return plans, the newest first."""
    statement = select(MatchPlan).where(MatchPlan.tenant_id == session.tenant)
    if under is not None:
        statement = statement.where(MatchPlan.area_path.within(under))
    if state is not None:
        statement = statement.where(MatchPlan.state == state)
    if after is not None:
        statement = statement.where(tuple_(MatchPlan.requested_at, MatchPlan.id) < tuple_(*after))
    ordered = statement.order_by(MatchPlan.requested_at.desc(), MatchPlan.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def wanted_plans(session: Session) -> Sequence[UUID]:
    """Return the plans that wait to be computed, the oldest first."""
    statement = select(MatchPlan.id).where(
        MatchPlan.tenant_id == session.tenant, MatchPlan.state == PlanState.WANTED.value
    )
    return (await session.scalars(statement.order_by(MatchPlan.requested_at, MatchPlan.id))).all()


async def wanted_plan_of(session: Session, path: str) -> UUID | None:
    """Return the plan of an area that is being computed."""
    statement = select(MatchPlan.id).where(
        MatchPlan.tenant_id == session.tenant,
        MatchPlan.area_path == path,
        MatchPlan.state == PlanState.WANTED.value,
    )
    return await session.scalar(statement)


async def latest_plan_since(session: Session, path: str, since: datetime) -> UUID | None:
    """Return a plan of an area that was asked for since a moment, or that is being computed."""
    statement = select(MatchPlan.id).where(
        MatchPlan.tenant_id == session.tenant,
        MatchPlan.area_path == path,
        (MatchPlan.requested_at >= since) | (MatchPlan.state == PlanState.WANTED.value),
    )
    return await session.scalar(statement.limit(1))


async def need_roots(session: Session) -> Sequence[str]:
    """Return the topmost areas that open needs lie in."""
    root = func.subpath(Need.area_path, 0, 1)
    statement = select(root).where(Need.tenant_id == session.tenant, Need.state == NeedState.OPEN.value)
    return sorted(str(path) for path in (await session.scalars(statement.distinct())).all())


async def open_needs(session: Session, path: str) -> Sequence[Need]:
    """Return the open needs at or below an area, in a fixed order."""
    statement = select(Need).where(
        Need.tenant_id == session.tenant, Need.state == NeedState.OPEN.value, Need.area_path.within(path)
    )
    return (await session.scalars(statement.order_by(Need.id))).all()


async def all_offers(session: Session) -> Sequence[tuple[Offer, Partner]]:
    """Return all active offers with who makes them, in a fixed order."""
    statement = (
        select(Offer, Partner)
        .join(Partner, (Partner.tenant_id == Offer.tenant_id) & (Partner.id == Offer.partner_id))
        .where(Offer.tenant_id == session.tenant, Offer.active)
        .order_by(Offer.id)
    )
    return [(offer, partner) for offer, partner in (await session.execute(statement)).all()]


async def refused_pairs(session: Session) -> Sequence[Row[UUID, UUID]]:
    """Return what people refused for open needs, as (need, offer)."""
    statement = (
        select(Match.need_id, Match.offer_id)
        .join(Need, (Need.tenant_id == Match.tenant_id) & (Need.id == Match.need_id))
        .where(Match.tenant_id == session.tenant, Match.state == "refused", Need.state == NeedState.OPEN.value)
    )
    return (await session.execute(statement)).all()


async def first_proposals(session: Session) -> dict[UUID, UUID]:
    """Return of each need the offer that comes first among its undecided proposals."""
    statement = (
        select(Match.need_id, Match.offer_id)
        .ext(distinct_on(Match.need_id))
        .where(Match.tenant_id == session.tenant, Match.state == "proposed")
        .order_by(Match.need_id, Match.rank, Match.id)
    )
    return {row.need_id: row.offer_id for row in (await session.execute(statement)).all()}


async def add_lines(
    session: WriteSession, plan_id: UUID, lines: Sequence[Mapping[str, Any]], passed: Sequence[Mapping[str, Any]]
) -> None:
    """Write what came out of a plan."""
    for model, rows in ((MatchPlanLine, lines), (MatchPlanOffer, passed)):
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = [
                {"tenant_id": session.tenant, "plan_id": plan_id, **row} for row in rows[start : start + _ROWS_AT_ONCE]
            ]
            await session.execute(insert(model).values(some))


async def lines_of(
    session: Session, plan_id: UUID, *, change: str | None, after: tuple[Any, ...] | None, limit: int
) -> Sequence[MatchPlanLine]:
    """Return the lines of a plan in the order of their needs."""
    statement = select(MatchPlanLine).where(MatchPlanLine.tenant_id == session.tenant, MatchPlanLine.plan_id == plan_id)
    if change is not None:
        statement = statement.where(MatchPlanLine.change == change)
    if after is not None:
        statement = statement.where(tuple_(MatchPlanLine.need_id, MatchPlanLine.part) > tuple_(*after))
    return (await session.scalars(statement.order_by(MatchPlanLine.need_id, MatchPlanLine.part).limit(limit))).all()


async def passed_offers(
    session: Session, plan_id: UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[MatchPlanOffer]:
    """Return the offers that a plan passed over, in the order of their ids."""
    statement = select(MatchPlanOffer).where(
        MatchPlanOffer.tenant_id == session.tenant, MatchPlanOffer.plan_id == plan_id
    )
    if after is not None:
        statement = statement.where(MatchPlanOffer.offer_id > after[0])
    return (await session.scalars(statement.order_by(MatchPlanOffer.offer_id).limit(limit))).all()


async def lapsing_plans(session: Session, *, before: datetime, nightly_before: datetime, limit: int) -> Sequence[UUID]:
    """Return plans that nobody applied and that a newer one covers, the oldest first.

    Args:
        session: reads.
        before: plans that somebody asked for are old when they were asked for before this.
        nightly_before: the same for those of every night.
        limit: how many at most.
    """
    values = {
        "tenant": session.tenant,
        "by_night": BY_NIGHT,
        "before": before,
        "nightly_before": nightly_before,
        "limit": limit,
    }
    return (await session.scalars(_LAPSING, values)).all()


async def plans_to_prune(session: Session, limit: int) -> Sequence[UUID]:
    """Return plans that have lapsed and may still have lines, in the order of their ids."""
    statement = select(MatchPlan.id).where(
        MatchPlan.tenant_id == session.tenant,
        MatchPlan.state == PlanState.LAPSED.value,
        MatchPlan.pruned_at.is_(None),
    )
    return (await session.scalars(statement.order_by(MatchPlan.id).limit(limit))).all()


async def delete_lines(session: WriteSession, plan_id: UUID, limit: int) -> int:
    """Delete some lines of a plan, or some of the offers that it passed over; returns how many, 0 when none is left."""
    for statement in _DELETE:
        values = {"tenant": session.tenant, "plan": plan_id, "limit": limit}
        deleted = cast("CursorResult[Any]", await session.execute(statement, values)).rowcount
        if deleted:
            return deleted
    return 0


async def apply_lines(session: WriteSession, plan_id: UUID, now: datetime) -> dict[str, int]:
    """Turn the lines of a plan into proposals, except those whose need or offer has changed; returns how many each."""
    values = {"tenant": session.tenant, "plan": plan_id}
    await session.execute(_LOCK_NEEDS, values)
    for statement in (_SAY_WHICH, _CLEAR, _MOVE_DOWN):
        await session.execute(statement, values)
    await session.execute(_PROPOSE, {**values, "now": now})
    await session.execute(_SAY_WHY, values)
    counted = (await session.execute(_OUTCOMES, values)).all()
    return {str(outcome): int(count) for outcome, count in counted}
