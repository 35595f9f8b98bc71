"""SQL of claims."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_, update

from services.intake.claims.models import Claim, ClaimHelper, ClaimOffer
from services.intake.claims.rules import ClaimState, OfferState
from shared.db import Session, WriteSession

__all__ = [
    "active_claim",
    "claims_of",
    "due_claims",
    "end_claim",
    "helpers_of",
    "helping_units",
    "lapsed_claims",
    "offers_of",
    "open_offers",
    "pass_over",
    "renew_claim",
]


async def offers_of(session: Session, case_id: UUID) -> Sequence[ClaimOffer]:
    """Return all offers for a case in the order in which they were made."""
    statement = select(ClaimOffer).where(ClaimOffer.tenant_id == session.tenant, ClaimOffer.case_id == case_id)
    return (await session.scalars(statement.order_by(ClaimOffer.made_at, ClaimOffer.id))).all()


async def open_offers(session: Session, case_id: UUID, units: Collection[UUID] | None = None) -> Sequence[ClaimOffer]:
    """Return the open offers for a case, of some units or of all."""
    statement = select(ClaimOffer).where(
        ClaimOffer.tenant_id == session.tenant,
        ClaimOffer.case_id == case_id,
        ClaimOffer.state == OfferState.OPEN.value,
    )
    if units is not None:
        statement = statement.where(ClaimOffer.unit_id.in_(units))
    return (await session.scalars(statement.order_by(ClaimOffer.made_at, ClaimOffer.id))).all()


async def pass_over(session: WriteSession, case_id: UUID) -> Sequence[UUID]:
    """Let the open offers for a case go: it was decided without them. Returns the units that had made them."""
    statement = update(ClaimOffer).where(
        ClaimOffer.tenant_id == session.tenant,
        ClaimOffer.case_id == case_id,
        ClaimOffer.state == OfferState.OPEN.value,
    )
    changed = statement.values(state=OfferState.PASSED_OVER.value).returning(ClaimOffer.unit_id)
    return (await session.scalars(changed)).all()


async def active_claim(session: Session, case_id: UUID) -> Claim | None:
    """Return the claim that a unit holds on a case now."""
    statement = select(Claim).where(
        Claim.tenant_id == session.tenant, Claim.case_id == case_id, Claim.state == ClaimState.ACTIVE.value
    )
    return await session.scalar(statement)


async def claims_of(session: Session, case_id: UUID) -> Sequence[Claim]:
    """Return all claims on a case, the first one first."""
    statement = select(Claim).where(Claim.tenant_id == session.tenant, Claim.case_id == case_id)
    return (await session.scalars(statement.order_by(Claim.started_at, Claim.id))).all()


async def helpers_of(session: Session, case_id: UUID) -> Sequence[ClaimHelper]:
    """Return the units that have helped with a case."""
    statement = select(ClaimHelper).where(ClaimHelper.tenant_id == session.tenant, ClaimHelper.case_id == case_id)
    return (await session.scalars(statement.order_by(ClaimHelper.claim_id, ClaimHelper.unit_id))).all()


async def helping_units(session: Session, case_id: UUID) -> Sequence[UUID]:
    """Return the units that help with the newest claim on a case."""
    mine = (Claim.tenant_id == session.tenant, Claim.case_id == case_id)
    newest = select(Claim.id).where(*mine).order_by(Claim.started_at.desc(), Claim.id.desc()).limit(1)
    statement = select(ClaimHelper.unit_id).where(
        ClaimHelper.tenant_id == session.tenant, ClaimHelper.claim_id == newest.scalar_subquery()
    )
    return (await session.scalars(statement.order_by(ClaimHelper.unit_id))).all()


async def end_claim(session: WriteSession, case_id: UUID, state: ClaimState, now: datetime) -> None:
    """End the claim on a case, if there is one."""
    statement = update(Claim).where(
        Claim.tenant_id == session.tenant, Claim.case_id == case_id, Claim.state == ClaimState.ACTIVE.value
    )
    await session.execute(statement.values(state=state.value, ended_at=now))


async def renew_claim(session: WriteSession, case_id: UUID, until: datetime) -> None:
    """Let the claim on a case last longer, unless it stands still; never shorter."""
    statement = update(Claim).where(
        Claim.tenant_id == session.tenant,
        Claim.case_id == case_id,
        Claim.state == ClaimState.ACTIVE.value,
        Claim.lease_until < until,
        Claim.lease_left_s.is_(None),
    )
    await session.execute(statement.values(lease_until=until, renewals=Claim.renewals + 1))


async def lapsed_claims(
    session: Session, now: datetime, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Claim]:
    """Return claims whose lease has run out, the oldest first; not of those that stand still."""
    statement = select(Claim).where(
        Claim.tenant_id == session.tenant,
        Claim.state == ClaimState.ACTIVE.value,
        Claim.lease_until <= now,
        Claim.lease_left_s.is_(None),
    )
    if after is not None:
        statement = statement.where(tuple_(Claim.lease_until, Claim.id) > tuple_(*after))
    return (await session.scalars(statement.order_by(Claim.lease_until, Claim.id).limit(limit))).all()


async def due_claims(
    session: Session, now: datetime, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Claim]:
    """Return claims whose promised time has passed and of which nobody was told, the longest overdue first."""
    statement = select(Claim).where(
        Claim.tenant_id == session.tenant,
        Claim.state == ClaimState.ACTIVE.value,
        Claim.overdue_at.is_(None),
        Claim.due_at <= now,
        Claim.lease_left_s.is_(None),
    )
    if after is not None:
        statement = statement.where(tuple_(Claim.due_at, Claim.id) > tuple_(*after))
    return (await session.scalars(statement.order_by(Claim.due_at, Claim.id).limit(limit))).all()
