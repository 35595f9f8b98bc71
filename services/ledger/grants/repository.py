"""SQL of grants."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_

from services.ledger.grants.models import Grant, GrantReview, GrantSource, GrantVote
from shared.db import Session, WriteSession

__all__ = ["find_grant", "grant_of_request", "list_grants", "lock_grant", "reviews_of", "sources_of", "votes_of"]


async def find_grant(session: Session, grant_id: UUID) -> Grant | None:
    """Return a grant."""
    return await session.scalar(select(Grant).where(Grant.tenant_id == session.tenant, Grant.id == grant_id))


async def lock_grant(session: WriteSession, grant_id: UUID) -> Grant | None:
    """Return a grant and keep others from changing it meanwhile."""
    statement = select(Grant).where(Grant.tenant_id == session.tenant, Grant.id == grant_id)
    return await session.scalar(statement.with_for_update())


async def grant_of_request(session: Session, request_id: UUID) -> Grant | None:
    """Return the grant that was born from a project's budget request."""
    return await session.scalar(select(Grant).where(Grant.tenant_id == session.tenant, Grant.request_id == request_id))


async def votes_of(session: Session, grant_id: UUID) -> Sequence[GrantVote]:
    """Return the votes in the order they were given."""
    statement = select(GrantVote).where(GrantVote.tenant_id == session.tenant, GrantVote.grant_id == grant_id)
    return (await session.scalars(statement.order_by(GrantVote.voted_at, GrantVote.person_id))).all()


async def reviews_of(session: Session, grant_id: UUID) -> Sequence[GrantReview]:
    """Return the reviews in the order they were given."""
    statement = select(GrantReview).where(GrantReview.tenant_id == session.tenant, GrantReview.grant_id == grant_id)
    return (await session.scalars(statement.order_by(GrantReview.reviewed_at, GrantReview.reviewer_id))).all()


async def sources_of(session: Session, grant_id: UUID) -> Sequence[GrantSource]:
    """Return where the fund's share comes from."""
    statement = select(GrantSource).where(GrantSource.tenant_id == session.tenant, GrantSource.grant_id == grant_id)
    return (await session.scalars(statement.order_by(GrantSource.position))).all()


async def list_grants(
    session: Session,
    *,
    fund_id: UUID | None,
    project_id: UUID | None,
    state: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Grant]:
    """Return grants, the newest first."""
    statement = select(Grant).where(Grant.tenant_id == session.tenant)
    for column, value in ((Grant.fund_id, fund_id), (Grant.project_id, project_id), (Grant.state, state)):
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        statement = statement.where(tuple_(Grant.submitted_at, Grant.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Grant.submitted_at.desc(), Grant.id.desc()).limit(limit))).all()
