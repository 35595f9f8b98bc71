"""SQL of matches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, String, bindparam, case, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.matching.locking import locked
from services.matching.matches.models import Match, MatchWeights
from services.matching.needs.models import Need
from services.matching.needs.rules import NeedState
from services.matching.offers.models import Offer
from services.matching.partners.models import Partner
from shared.db import Session, WriteSession

__all__ = [
    "add_weights",
    "decided_explanations",
    "due_needs",
    "find_match",
    "free_of",
    "is_planned",
    "keep_proposals",
    "latest_weights",
    "lock_match",
    "matches_of_need",
    "needs_beside",
    "newest_number",
    "offer_marks",
    "offers_of",
    "refused_offers",
]

_OFFERS_MAX: Final = 2_000
# One row with two arrays: thousands of small rows take longer to read than all else about them.
_OFFER_MARKS: Final = text(
    "SELECT array_agg(id) AS ids, array_agg(mark) AS marks FROM (SELECT offer.id,"
    " (CAST(CAST(offer.xmin AS text) AS bigint) << 32) + CAST(CAST(partner.xmin AS text) AS bigint) AS mark"
    " FROM matching.offers AS offer"
    " JOIN matching.partners AS partner ON partner.tenant_id = offer.tenant_id AND partner.id = offer.partner_id"
    " WHERE offer.tenant_id = :tenant AND offer.category = ANY(:categories) AND offer.active"
    " ORDER BY offer.coverage @> CAST(:path AS ltree) DESC, offer.id LIMIT :limit) AS found"
).bindparams(bindparam("categories", type_=ARRAY(String())))
_DECISIONS_MAX: Final = 5_000


async def matches_of_need(session: Session, need_id: UUID) -> Sequence[Match]:
    """Return a need's proposals, the best first."""
    statement = select(Match).where(Match.tenant_id == session.tenant, Match.need_id == need_id)
    return (await session.scalars(statement.order_by(Match.rank, Match.id))).all()


async def refused_offers(session: Session, need_id: UUID) -> frozenset[UUID]:
    """Return the offers that somebody has refused for a need."""
    statement = select(Match.offer_id).where(
        Match.tenant_id == session.tenant, Match.need_id == need_id, Match.state == "refused"
    )
    return frozenset((await session.scalars(statement)).all())


async def find_match(session: Session, match_id: UUID) -> Match | None:
    """Return a proposal."""
    return await session.scalar(select(Match).where(Match.tenant_id == session.tenant, Match.id == match_id))


async def lock_match(session: WriteSession, match_id: UUID) -> Match | None:
    """Return a proposal and keep others from deciding it meanwhile."""
    statement = select(Match).where(Match.tenant_id == session.tenant, Match.id == match_id)
    return await session.scalar(locked(statement))


async def keep_proposals(
    session: WriteSession, need_id: UUID, proposals: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Replace a need's undecided proposals; what a person has decided stays as it was.

    An offer that is proposed again keeps its proposal, so that who is about to decide on it can; the version tells
    whether it stands otherwise now.
    """
    undecided = delete(Match).where(
        Match.tenant_id == session.tenant,
        Match.need_id == need_id,
        Match.state == "proposed",
        Match.offer_id.not_in([row["offer_id"] for row in proposals]),
    )
    await session.execute(undecided, execution_options={"synchronize_session": False})
    if proposals:
        rows = [
            {
                "tenant_id": session.tenant,
                "need_id": need_id,
                "state": "proposed",
                "computed_at": now,
                "version": 1,
                **row,
            }
            for row in proposals
        ]
        statement = insert(Match).values(rows)
        told = {name: statement.excluded[name] for name in ("score", "rank", "explanation", "computed_at")}
        stands_otherwise = tuple_(Match.score, Match.rank) != tuple_(statement.excluded.score, statement.excluded.rank)
        kept = statement.on_conflict_do_update(
            index_elements=["tenant_id", "need_id", "offer_id"],
            set_={**told, "version": Match.version + case((stands_otherwise, 1), else_=0)},
            where=Match.state == "proposed",
        )
        await session.execute(kept, execution_options={"synchronize_session": False})


async def offer_marks(session: Session, categories: Sequence[str], path: str) -> dict[UUID, int]:
    """Return the active offers of some categories, those that cover a place first, each with its mark.

    A mark tells which transactions have last written the offer and its partner: any change makes another one, whatever
    it is that has changed.
    """
    values = {"tenant": session.tenant, "categories": list(categories), "path": path, "limit": _OFFERS_MAX}
    row = (await session.execute(_OFFER_MARKS, values)).one()
    return dict(zip(row.ids or (), row.marks or (), strict=True))


async def offers_of(session: Session, offer_ids: Sequence[UUID]) -> Sequence[tuple[Offer, Partner]]:
    """Return some offers with who makes them, in the order of their ids."""
    statement = (
        select(Offer, Partner)
        .join(Partner, (Partner.tenant_id == Offer.tenant_id) & (Partner.id == Offer.partner_id))
        .where(Offer.tenant_id == session.tenant, Offer.id.in_(offer_ids))
        .order_by(Offer.id)
    )
    return [(offer, partner) for offer, partner in (await session.execute(statement)).all()]


async def needs_beside(session: Session, categories: Sequence[str], need_id: UUID, limit: int) -> Sequence[Need]:
    """Return open needs of some categories beside one, the newest first."""
    statement = select(Need).where(
        Need.tenant_id == session.tenant,
        Need.category.in_(categories),
        Need.state == NeedState.OPEN.value,
        Need.id != need_id,
    )
    return (await session.scalars(statement.order_by(Need.id.desc()).limit(limit))).all()


async def due_needs(session: Session, limit: int) -> Sequence[Need]:
    """Return open needs whose proposals are to be computed anew, those that wait longest first."""
    statement = select(Need).where(
        Need.tenant_id == session.tenant, Need.state == NeedState.OPEN.value, Need.proposals_due_at.is_not(None)
    )
    return (await session.scalars(statement.order_by(Need.proposals_due_at, Need.id).limit(limit))).all()


async def is_planned(session: Session, need_id: UUID) -> bool:
    """Tell whether a plan that was applied has put a proposal of a need where it is."""
    statement = select(Match.id).where(
        Match.tenant_id == session.tenant,
        Match.need_id == need_id,
        Match.state == "proposed",
        Match.explanation.has_key("plan"),
    )
    return await session.scalar(statement.limit(1)) is not None


async def free_of(session: Session, offer_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return how much is left of some offers."""
    statement = select(Offer).where(Offer.tenant_id == session.tenant, Offer.id.in_(offer_ids))
    return {offer.id: offer.free for offer in (await session.scalars(statement)).all()}


async def latest_weights(session: Session, mode: str) -> MatchWeights | None:
    """Return the newest weights that were learned for a way to compare texts."""
    statement = select(MatchWeights).where(MatchWeights.tenant_id == session.tenant, MatchWeights.mode == mode)
    return await session.scalar(statement.order_by(MatchWeights.number.desc()).limit(1))


async def newest_number(session: Session) -> int:
    """Return the number of the newest learned weights, 0 when there are none."""
    statement = select(func.max(MatchWeights.number)).where(MatchWeights.tenant_id == session.tenant)
    return await session.scalar(statement) or 0


async def add_weights(session: WriteSession, row: dict[str, Any]) -> None:
    """Keep learned weights."""
    await session.execute(insert(MatchWeights).values({"tenant_id": session.tenant, **row}))


async def decided_explanations(session: Session, mode: str) -> Sequence[Row[Any]]:
    """Return what was shown for proposals that people have decided, as (state, explanation), the newest first."""
    statement = (
        select(Match.state, Match.explanation)
        .where(
            Match.tenant_id == session.tenant,
            Match.state.in_(("accepted", "refused")),
            Match.explanation["mode"].astext == mode,
        )
        .order_by(Match.computed_at.desc(), Match.id)
        .limit(_DECISIONS_MAX)
    )
    return (await session.execute(statement)).all()
