"""SQL of matches."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Row, bindparam, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from services.matching.holds.models import Hold
from services.matching.locking import locked
from services.matching.matches.models import Match, MatchWeights
from services.matching.matches.rules import MatchState
from services.matching.needs.models import Need
from services.matching.needs.rules import NeedState
from services.matching.offers.models import Offer
from services.matching.partners.models import Partner
from services.matching.partners.rules import PartnerState
from services.matching.slots.models import TextVector
from services.matching.slots.rules import Subject
from shared.db import Session, WriteSession

__all__ = [
    "Beside",
    "accepted_matches",
    "add_proposals",
    "add_weights",
    "decided_explanations",
    "due_needs",
    "find_match",
    "free_of",
    "is_planned",
    "keep_proposals",
    "latest_weights",
    "lock_match",
    "mark_sought",
    "match_of_hold",
    "matches_of_need",
    "needs_beside",
    "needs_in_reach",
    "newest_number",
    "note_reason",
    "offer_marks",
    "offers_of",
    "offers_seal",
    "unsought_offers",
]

_OFFERS_MAX: Final = 2_000
_OFFERS_WRITTEN: Final = (
    " FROM matching.offers AS offer"
    " JOIN matching.partners AS partner ON partner.tenant_id = offer.tenant_id AND partner.id = offer.partner_id"
    " LEFT JOIN matching.slot_corrections AS corrected ON corrected.tenant_id = offer.tenant_id"
    " AND corrected.subject = 'offer' AND corrected.subject_id = offer.id"
    " WHERE offer.tenant_id = $1 AND offer.category = ANY($2) AND offer.active"
)
# Which transactions have last written the offers of some categories, their partners and what people have corrected.
_OFFERS_SEAL: Final = (
    "SELECT count(*) AS offers, coalesce(bit_xor("
    "hash_record_extended(ROW(offer.id, offer.xmin, partner.xmin, corrected.xmin), 0)), 0) AS seal" + _OFFERS_WRITTEN
)
# The same one by one, those that cover a place first; one row with arrays, since thousands of small rows take longer
# to read than all else about them.
_OFFER_MARKS: Final = (
    "SELECT array_agg(id) AS ids, array_agg(mark) AS marks, array_agg(corrected) AS corrected FROM (SELECT offer.id,"
    " (CAST(CAST(offer.xmin AS text) AS bigint) << 32) + CAST(CAST(partner.xmin AS text) AS bigint) AS mark,"
    " coalesce(CAST(CAST(corrected.xmin AS text) AS bigint), 0) AS corrected"
    f"{_OFFERS_WRITTEN}"
    " ORDER BY offer.coverage @> CAST(CAST($3 AS text) AS ltree) DESC, offer.id LIMIT $4) AS found"
)
# Both at once: every trip to the database is waited for by whoever opens a need.
_DROP: Final = (
    "WITH dropped AS (DELETE FROM matching.matches"
    " WHERE tenant_id = $1 AND need_id = $2 AND state = 'proposed' AND NOT offer_id = ANY($3))"
    " SELECT offer_id FROM matching.matches WHERE tenant_id = $1 AND need_id = $2 AND state = 'refused'"
)
_FREE: Final = (
    "SELECT id, quantity - held - committed - moving - received AS free FROM matching.offers"
    " WHERE tenant_id = $1 AND id = ANY($2)"
)
_BESIDE: Final = (
    "SELECT id, category, summary, CAST(area_path AS text) AS area_path FROM matching.needs"
    " WHERE tenant_id = $1 AND category = ANY($2) AND state = 'open' AND id <> $3 ORDER BY id DESC LIMIT $4"
)
# Written once: every need asks it, and making a statement takes longer than asking.
_LATEST_WEIGHTS: Final = (
    select(MatchWeights)
    .where(MatchWeights.tenant_id == bindparam("tenant"), MatchWeights.mode == bindparam("mode"))
    .order_by(MatchWeights.number.desc())
    .limit(1)
)
_KEEP: Final = (
    "INSERT INTO matching.matches AS kept"
    " (tenant_id, id, need_id, offer_id, score, rank, state, explanation, computed_at, version)"
    " SELECT $1, told.id, $2, told.offer_id, told.score, told.rank, 'proposed', CAST(told.explanation AS jsonb), $3, 1"
    " FROM unnest(CAST($4 AS uuid[]), CAST($5 AS uuid[]), CAST($6 AS integer[]), CAST($7 AS integer[]),"
    " CAST($8 AS text[])) AS told (id, offer_id, score, rank, explanation)"
    " ON CONFLICT (tenant_id, need_id, offer_id) DO UPDATE SET score = excluded.score, rank = excluded.rank,"
    " explanation = excluded.explanation, computed_at = excluded.computed_at, version = kept.version"
    " + CASE WHEN (kept.score, kept.rank) <> (excluded.score, excluded.rank) THEN 1 ELSE 0 END"
    " WHERE kept.state = 'proposed'"
)
_DECISIONS_MAX: Final = 5_000


class Beside(NamedTuple):
    """What is compared of a need that stands beside another one."""

    id: UUID
    category: str
    summary: str
    area_path: str


async def matches_of_need(session: Session, need_id: UUID) -> Sequence[Match]:
    """Return a need's proposals, the best first."""
    statement = select(Match).where(Match.tenant_id == session.tenant, Match.need_id == need_id)
    return (await session.scalars(statement.order_by(Match.rank, Match.id))).all()


async def find_match(session: Session, match_id: UUID) -> Match | None:
    """Return a proposal."""
    return await session.scalar(select(Match).where(Match.tenant_id == session.tenant, Match.id == match_id))


async def match_of_hold(session: Session, hold_id: UUID) -> Match | None:
    """Return the accepted proposal that something is held for."""
    statement = select(Match).join(Hold, (Hold.tenant_id == Match.tenant_id) & (Hold.for_id == Match.id))
    mine = (Match.tenant_id == session.tenant, Hold.id == hold_id, Match.hold_id == hold_id)
    return await session.scalar(statement.where(*mine, Match.state == MatchState.ACCEPTED.value))


async def accepted_matches(session: Session, need_id: UUID, project_id: UUID) -> Sequence[Match]:
    """Return what was accepted for a need together."""
    statement = select(Match).where(
        Match.tenant_id == session.tenant,
        Match.need_id == need_id,
        Match.project_id == project_id,
        Match.state == MatchState.ACCEPTED.value,
    )
    return (await session.scalars(statement.order_by(Match.id))).all()


async def lock_match(session: WriteSession, match_id: UUID) -> Match | None:
    """Return a proposal and keep others from deciding it meanwhile."""
    statement = select(Match).where(Match.tenant_id == session.tenant, Match.id == match_id)
    return await session.scalar(locked(statement))


async def keep_proposals(
    session: WriteSession, need_id: UUID, proposals: Sequence[dict[str, Any]], now: datetime
) -> frozenset[UUID]:
    """Replace a need's undecided proposals; what a person has decided stays as it was.

    Returns the offers that somebody has refused for the need.

    An offer that is proposed again keeps its proposal, so that who is about to decide on it can; the version tells
    whether it stands otherwise now.
    """
    refused = await session.fetch_rows(_DROP, session.tenant, need_id, [row["offer_id"] for row in proposals])
    if proposals:
        columns = [[row[name] for row in proposals] for name in ("id", "offer_id", "score", "rank")]
        told = [orjson.dumps(row["explanation"]).decode() for row in proposals]
        await session.fetch_rows(_KEEP, session.tenant, need_id, now, *columns, told)
    return frozenset(row["offer_id"] for row in refused)


async def add_proposals(
    session: WriteSession, need_id: UUID, proposals: Sequence[dict[str, Any]], now: datetime
) -> int:
    """Put further proposals behind those that a need has; what is there stays as it is. Returns how many are new."""
    last = select(func.coalesce(func.max(Match.rank), 0)).where(
        Match.tenant_id == session.tenant, Match.need_id == need_id
    )
    rank = int(await session.scalar(last) or 0)
    rows = [
        {
            "tenant_id": session.tenant,
            "need_id": need_id,
            "state": MatchState.PROPOSED.value,
            "computed_at": now,
            "version": 1,
            **row,
            "rank": rank + place,
        }
        for place, row in enumerate(proposals, start=1)
    ]
    if not rows:
        return 0
    return len((await session.scalars(insert(Match).values(rows).on_conflict_do_nothing().returning(Match.id))).all())


async def note_reason(session: WriteSession, need_id: UUID, offer_id: UUID, reason: str) -> None:
    """Note with a proposal that is open why its offer could not be had before."""
    statement = update(Match).where(
        Match.tenant_id == session.tenant,
        Match.need_id == need_id,
        Match.offer_id == offer_id,
        Match.state == MatchState.PROPOSED.value,
    )
    await session.execute(statement.values(reason=reason), execution_options={"synchronize_session": False})


async def unsought_offers(session: Session, encoders: Sequence[str], limit: int) -> Sequence[Offer]:
    """Return offers that no need was looked for yet, of vetted partners and placed by all of some encoders."""
    statement = (
        select(Offer)
        .join(Partner, (Partner.tenant_id == Offer.tenant_id) & (Partner.id == Offer.partner_id))
        .where(
            Offer.tenant_id == session.tenant,
            Offer.active,
            Offer.needs_sought_at.is_(None),
            Partner.state == PartnerState.VETTED.value,
        )
    )
    for encoder in encoders:
        placed = select(TextVector.subject_id).where(
            TextVector.tenant_id == Offer.tenant_id,
            TextVector.subject == Subject.OFFER.value,
            TextVector.subject_id == Offer.id,
            TextVector.encoder == encoder,
        )
        statement = statement.where(placed.exists())
    return (await session.scalars(statement.order_by(Offer.id).limit(limit))).all()


async def needs_in_reach(session: Session, categories: Sequence[str], coverage: str, limit: int) -> Sequence[UUID]:
    """Return open needs of some categories at or below an area: those that nothing suits first, then the newest."""
    statement = select(Need.id).where(
        Need.tenant_id == session.tenant,
        Need.state == NeedState.OPEN.value,
        Need.category.in_(categories),
        Need.area_path.within(coverage),
    )
    ordered = statement.order_by(Need.unmet_rank.desc(), Need.opened_at.desc(), Need.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def mark_sought(session: WriteSession, versions: Mapping[UUID, int], now: datetime) -> None:
    """Note that needs were looked for, of offers that are still as they were then."""
    known = [(offer_id, version) for offer_id, version in versions.items()]
    statement = update(Offer).where(Offer.tenant_id == session.tenant, tuple_(Offer.id, Offer.version).in_(known))
    await session.execute(statement.values(needs_sought_at=now), execution_options={"synchronize_session": False})


async def offers_seal(session: Session, categories: Sequence[str], path: str) -> tuple[int, int, str]:
    """Return something that is another one as soon as anything is that `offer_marks` would tell.

    It is how many offers there are, a hash of all their marks, and the place, where it decides which ones are told.
    """
    row = await session.fetch_row(_OFFERS_SEAL, session.tenant, list(categories))
    if row is None:
        return 0, 0, ""
    return row["offers"], row["seal"], path if row["offers"] > _OFFERS_MAX else ""


async def offer_marks(session: Session, categories: Sequence[str], path: str) -> dict[UUID, tuple[int, int]]:
    """Return the active offers of some categories, those that cover a place first, each with its marks.

    Marks tell which transactions have last written the offer, its partner and what people have corrected of it: any
    change makes others, whatever it is that has changed.
    """
    row = await session.fetch_row(_OFFER_MARKS, session.tenant, list(categories), path, _OFFERS_MAX)
    if row is None or row["ids"] is None:
        return {}
    return dict(zip(row["ids"], zip(row["marks"], row["corrected"], strict=True), strict=True))


async def offers_of(session: Session, offer_ids: Sequence[UUID]) -> Sequence[tuple[Offer, Partner]]:
    """Return some offers with who makes them, in the order of their ids."""
    statement = (
        select(Offer, Partner)
        .join(Partner, (Partner.tenant_id == Offer.tenant_id) & (Partner.id == Offer.partner_id))
        .where(Offer.tenant_id == session.tenant, Offer.id.in_(offer_ids))
        .order_by(Offer.id)
    )
    return [(offer, partner) for offer, partner in (await session.execute(statement)).all()]


async def needs_beside(session: Session, categories: Sequence[str], need_id: UUID, limit: int) -> Sequence[Beside]:
    """Return open needs of some categories beside one, the newest first."""
    rows = await session.fetch_rows(_BESIDE, session.tenant, list(categories), need_id, limit)
    return [Beside(*row) for row in rows]


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
    rows = await session.fetch_rows(_FREE, session.tenant, list(offer_ids))
    return {row["id"]: row["free"] for row in rows}


async def latest_weights(session: Session, mode: str) -> MatchWeights | None:
    """Return the newest weights that were learned for a way to compare texts."""
    return await session.scalar(_LATEST_WEIGHTS, {"tenant": session.tenant, "mode": mode})


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
