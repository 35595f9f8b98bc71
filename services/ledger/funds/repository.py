"""SQL of funds."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_

from services.ledger.books.models import Balance, Posting
from services.ledger.funds.models import Contribution, Fund
from shared.db import Session, WriteSession

__all__ = [
    "balance_of",
    "contributions_of",
    "find_contribution",
    "find_fund",
    "fund_of_book",
    "list_funds",
    "lock_fund",
    "moved_fen",
    "raised_by_household",
    "raised_for_grant",
    "received_for_grant",
]


async def find_fund(session: Session, fund_id: UUID) -> Fund | None:
    """Return a fund."""
    return await session.scalar(select(Fund).where(Fund.tenant_id == session.tenant, Fund.id == fund_id))


async def fund_of_book(session: Session, book_id: UUID) -> Fund | None:
    """Return the fund whose book it is."""
    return await session.scalar(select(Fund).where(Fund.tenant_id == session.tenant, Fund.book_id == book_id))


async def lock_fund(session: WriteSession, fund_id: UUID) -> None:
    """Keep others from changing a fund, or opening accounts of it, meanwhile."""
    statement = select(Fund.id).where(Fund.tenant_id == session.tenant, Fund.id == fund_id)
    await session.execute(statement.with_for_update())


async def list_funds(session: Session, *, after: tuple[Any, ...] | None, limit: int) -> Sequence[Fund]:
    """Return funds, the newest first."""
    statement = select(Fund).where(Fund.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(tuple_(Fund.opened_at, Fund.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Fund.opened_at.desc(), Fund.id.desc()).limit(limit))).all()


async def balance_of(session: Session, account_id: UUID) -> Balance:
    """Return the balance row of an account as the posting function has left it."""
    statement = select(Balance).where(Balance.tenant_id == session.tenant, Balance.account_id == account_id)
    return (await session.scalars(statement.execution_options(populate_existing=True))).one()


async def moved_fen(session: Session, *, debit: UUID | None = None, credit: UUID | None = None) -> int:
    """Sum what was ever posted to the debit of one account, the credit of another, or from one to the other."""
    conditions: list[ColumnElement[bool]] = [Posting.tenant_id == session.tenant]
    if debit is not None:
        conditions.append(Posting.debit_account == debit)
    if credit is not None:
        conditions.append(Posting.credit_account == credit)
    total = await session.scalar(select(func.coalesce(func.sum(Posting.amount), 0)).where(*conditions))
    return int(total or 0)


async def find_contribution(session: WriteSession, contribution_id: UUID) -> Contribution | None:
    """Return a contribution and keep others from changing it meanwhile."""
    statement = select(Contribution).where(Contribution.tenant_id == session.tenant, Contribution.id == contribution_id)
    return await session.scalar(statement.with_for_update())


async def contributions_of(
    session: Session,
    *,
    fund_id: UUID | None,
    grant_id: UUID | None,
    givers: Collection[UUID] | None = None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Contribution]:
    """Return the contributions to a fund itself or to one grant, of some givers or all, the newest first."""
    statement = select(Contribution).where(Contribution.tenant_id == session.tenant)
    if grant_id is not None:
        statement = statement.where(Contribution.grant_id == grant_id)
    else:
        statement = statement.where(Contribution.fund_id == fund_id, Contribution.grant_id.is_(None))
    if givers is not None:
        statement = statement.where(Contribution.giver_id.in_(givers))
    if after is not None:
        statement = statement.where(tuple_(Contribution.pledged_at, Contribution.id) < tuple_(*after))
    ordered = statement.order_by(Contribution.pledged_at.desc(), Contribution.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def raised_for_grant(session: Session, grant_id: UUID) -> int:
    """Sum the own money that has arrived for a grant."""
    statement = select(func.coalesce(func.sum(Contribution.amount_fen), 0)).where(
        Contribution.tenant_id == session.tenant,
        Contribution.grant_id == grant_id,
        Contribution.received_at.is_not(None),
    )
    return int(await session.scalar(statement) or 0)


async def raised_by_household(session: Session, grant_id: UUID, giver_id: UUID) -> int:
    """Sum what one household has given to a grant."""
    statement = select(func.coalesce(func.sum(Contribution.amount_fen), 0)).where(
        Contribution.tenant_id == session.tenant,
        Contribution.grant_id == grant_id,
        Contribution.giver_id == giver_id,
    )
    return int(await session.scalar(statement) or 0)


async def received_for_grant(session: Session, grant_id: UUID) -> Sequence[Contribution]:
    """Return the received contributions to a grant in the order of their ids."""
    statement = select(Contribution).where(
        Contribution.tenant_id == session.tenant,
        Contribution.grant_id == grant_id,
        Contribution.received_at.is_not(None),
    )
    return (await session.scalars(statement.order_by(Contribution.id))).all()
