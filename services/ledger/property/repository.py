"""SQL of property books.

What a reversal or a refund has taken back counts nowhere: every sum over charges and receipts is less what was taken
back of their transactions, so that it is the sum of the postings.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Select, Subquery, case, func, literal_column, null, select, text, tuple_, union_all

from services.ledger.books.models import Account, Posting, Transaction
from services.ledger.models import reference
from services.ledger.property.models import (
    PropertyBook,
    PropertyBudget,
    PropertyBudgetLine,
    PropertyCharge,
    PropertyReceipt,
    PropertySpending,
)
from services.ledger.property.rules import Flow
from shared.db import Session, WriteSession

__all__ = [
    "Arrears",
    "Standing",
    "active_units",
    "arrears_of",
    "budget_lines",
    "charges_by_id",
    "charges_of",
    "collection_of",
    "find_book",
    "find_budget",
    "find_by_document",
    "find_spending",
    "flows_of",
    "list_books",
    "lock_spending",
    "receipts_by_id",
    "receipts_of",
    "received_by_kind",
    "spending_of",
    "standing_of",
]

_FIRST_DAYS: Final = 30
_NEXT_DAYS: Final = 90
_FLOWS: Final = text("""
    SELECT p.debit_account, p.credit_account,
           coalesce(sum(p.amount) FILTER (WHERE t.effective_on < :first), 0) AS before_fen,
           coalesce(sum(p.amount) FILTER (WHERE t.effective_on >= :first), 0) AS inside_fen
    FROM ledger.transactions t
    JOIN ledger.postings p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
    WHERE t.tenant_id = :tenant AND t.book_id = :book AND t.effective_on <= :last
    GROUP BY p.debit_account, p.credit_account""")
_RECEIVED_BY_KIND: Final = text("""
    WITH moved AS (
        SELECT r.charge_id, r.amount_fen AS fen FROM ledger.property_receipts r
        WHERE r.tenant_id = :tenant AND r.property_book_id = :id AND r.received_on BETWEEN :first AND :last
        UNION ALL
        SELECT r.charge_id, -p.amount FROM ledger.transactions t
        JOIN ledger.postings p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
        JOIN ledger.property_receipts r ON r.tenant_id = t.tenant_id AND r.id = t.original_id
        WHERE t.tenant_id = :tenant AND t.book_id = :book AND t.original_id IS NOT NULL
          AND t.effective_on BETWEEN :first AND :last)
    SELECT c.kind, sum(m.fen) AS fen FROM moved m
    JOIN ledger.property_charges c ON c.tenant_id = :tenant AND c.id = m.charge_id
    GROUP BY c.kind""")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a charge stands, in fen."""

    charge: PropertyCharge
    taken_back_fen: int
    received_fen: int

    @property
    def open_fen(self) -> int:
        """What is still to come in; below zero when a charge was taken back after it was paid."""
        return self.charge.amount_fen - self.taken_back_fen - self.received_fen


@dataclass(frozen=True, slots=True)
class Arrears:
    """What is open on a day, in fen, by whole days since it fell due."""

    not_due_fen: int
    first_fen: int
    next_fen: int
    later_fen: int


async def find_book(session: Session, property_book_id: UUID) -> PropertyBook | None:
    """Return a property book."""
    statement = select(PropertyBook).where(
        PropertyBook.tenant_id == session.tenant, PropertyBook.id == property_book_id
    )
    return await session.scalar(statement)


async def list_books(session: Session, *, after: tuple[Any, ...] | None, limit: int) -> Sequence[PropertyBook]:
    """Return property books, the newest first."""
    statement = select(PropertyBook).where(PropertyBook.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(tuple_(PropertyBook.opened_at, PropertyBook.id) < tuple_(*after))
    ordered = statement.order_by(PropertyBook.opened_at.desc(), PropertyBook.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def active_units(session: Session, unit_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Return those of some ids that are active units."""
    unit = reference.unit
    statement = select(unit.id).where(unit.tenant_id == session.tenant, unit.id.in_(set(unit_ids)), unit.active)
    return frozenset((await session.scalars(statement)).all())


async def charges_by_id(session: Session, book: PropertyBook, ids: Iterable[UUID]) -> Sequence[PropertyCharge]:
    """Return the charges of a book that have some ids."""
    statement = select(PropertyCharge).where(
        PropertyCharge.tenant_id == session.tenant,
        PropertyCharge.property_book_id == book.id,
        PropertyCharge.id.in_(set(ids)),
    )
    return (await session.scalars(statement)).all()


async def receipts_by_id(session: Session, book: PropertyBook, ids: Iterable[UUID]) -> Sequence[PropertyReceipt]:
    """Return the receipts of a book that have some ids."""
    statement = select(PropertyReceipt).where(
        PropertyReceipt.tenant_id == session.tenant,
        PropertyReceipt.property_book_id == book.id,
        PropertyReceipt.id.in_(set(ids)),
    )
    return (await session.scalars(statement)).all()


def _standing(
    book: PropertyBook,
    *,
    through: date | None = None,
    ids: Iterable[UUID] | None = None,
    payer_id: UUID | None = None,
) -> Subquery:
    """Return how the charges of a book stand on a day (or now): all of them, or those of some ids or of a payer.

    Charges, receipts and what was taken back are laid end to end and summed by charge: without a join between large
    sets the planner has nothing to guess wrong.
    """
    nothing, none = literal_column("0", BigInteger()), null()
    charges = select(
        PropertyCharge.id.label("id"),
        PropertyCharge.charged_on,
        PropertyCharge.due_on,
        PropertyCharge.recorded_at,
        PropertyCharge.amount_fen,
        nothing.label("taken_back_fen"),
        nothing.label("received_fen"),
    ).where(PropertyCharge.tenant_id == book.tenant_id, PropertyCharge.property_book_id == book.id)
    receipts = select(PropertyReceipt.charge_id, none, none, none, nothing, nothing, PropertyReceipt.amount_fen).where(
        PropertyReceipt.tenant_id == book.tenant_id, PropertyReceipt.property_book_id == book.id
    )
    back = _taken_back(book)
    if through is not None:
        charges = charges.where(PropertyCharge.charged_on <= through)
        receipts = receipts.where(PropertyReceipt.received_on <= through)
        back = back.where(Transaction.effective_on <= through)
    if ids is not None:
        wanted = set(ids)
        charges = charges.where(PropertyCharge.id.in_(wanted))
        receipts = receipts.where(PropertyReceipt.charge_id.in_(wanted))
        back = back.where(func.coalesce(PropertyReceipt.charge_id, Transaction.original_id).in_(wanted))
    if payer_id is not None:
        charges = charges.where(PropertyCharge.payer_id == payer_id)
    line = union_all(charges, receipts, back).subquery().c
    taken_back = func.sum(line.taken_back_fen)
    return (
        select(
            line.id,
            func.max(line.charged_on).label("charged_on"),
            func.max(line.due_on).label("due_on"),
            func.max(line.recorded_at).label("recorded_at"),
            (func.sum(line.amount_fen) - taken_back).label("charged_fen"),
            taken_back.label("taken_back_fen"),
            func.sum(line.received_fen).label("received_fen"),
        )
        .group_by(line.id)
        # What belongs to none of these charges has no day on which it is due.
        .having(func.max(line.due_on).is_not(None))
        .subquery()
    )


def _taken_back(book: PropertyBook) -> Select[Any]:
    """Select what reversals and refunds have taken back of charges and of receipts, in the columns of a standing."""
    none = null()
    is_charge = PropertyReceipt.id.is_(None)
    return (
        select(
            func.coalesce(PropertyReceipt.charge_id, Transaction.original_id),
            none,
            none,
            none,
            literal_column("0", BigInteger()),
            case((is_charge, Posting.amount), else_=0),
            case((is_charge, 0), else_=-Posting.amount),
        )
        .select_from(Transaction)
        .join(Posting, (Posting.tenant_id == Transaction.tenant_id) & (Posting.transaction_id == Transaction.id))
        .outerjoin(
            PropertyReceipt,
            (PropertyReceipt.tenant_id == Transaction.tenant_id) & (PropertyReceipt.id == Transaction.original_id),
        )
        .where(
            Transaction.tenant_id == book.tenant_id,
            Transaction.book_id == book.book_id,
            Transaction.original_id.is_not(None),
        )
    )


async def standing_of(session: Session, book: PropertyBook, ids: Iterable[UUID]) -> list[Standing]:
    """Return how some charges of a book stand now; ids of other books are left out."""
    return await _with_charges(session, book, select(_standing(book, ids=ids)))


async def _with_charges(session: Session, book: PropertyBook, statement: Select[Any]) -> list[Standing]:
    """Put the charges to their standings, in the order of these."""
    rows = (await session.execute(statement)).all()
    charges = {charge.id: charge for charge in await charges_by_id(session, book, (row.id for row in rows))}
    return [Standing(charges[row.id], int(row.taken_back_fen), int(row.received_fen)) for row in rows]


async def charges_of(
    session: Session,
    book: PropertyBook,
    *,
    state: str | None,
    payer_id: UUID | None,
    today: date,
    after: tuple[Any, ...] | None,
    limit: int,
) -> list[Standing]:
    """Return the charges of a book as they stand now, the newest first: all, or those open, overdue or settled."""
    standing = _standing(book, payer_id=payer_id)
    line = standing.c
    statement = select(standing)
    is_open = line.charged_fen > line.received_fen
    if state is not None:
        statement = statement.where(~is_open if state == "settled" else is_open)
    if state == "overdue":
        statement = statement.where(line.due_on < today)
    if after is not None:
        statement = statement.where(tuple_(line.recorded_at, line.id) < tuple_(*after))
    ordered = statement.order_by(line.recorded_at.desc(), line.id.desc()).limit(limit)
    return await _with_charges(session, book, ordered)


async def receipts_of(
    session: Session, book: PropertyBook, *, charge_id: UUID | None, after: tuple[Any, ...] | None, limit: int
) -> Sequence[PropertyReceipt]:
    """Return the receipts of a book or of one of its charges, the newest first."""
    statement = select(PropertyReceipt).where(
        PropertyReceipt.tenant_id == session.tenant, PropertyReceipt.property_book_id == book.id
    )
    if charge_id is not None:
        statement = statement.where(PropertyReceipt.charge_id == charge_id)
    if after is not None:
        statement = statement.where(tuple_(PropertyReceipt.recorded_at, PropertyReceipt.id) < tuple_(*after))
    ordered = statement.order_by(PropertyReceipt.recorded_at.desc(), PropertyReceipt.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def find_spending(session: Session, spending_id: UUID) -> PropertySpending | None:
    """Return a spending."""
    statement = select(PropertySpending).where(
        PropertySpending.tenant_id == session.tenant, PropertySpending.id == spending_id
    )
    return await session.scalar(statement)


async def lock_spending(session: WriteSession, spending_id: UUID) -> PropertySpending | None:
    """Return a spending and keep others from changing it meanwhile."""
    statement = select(PropertySpending).where(
        PropertySpending.tenant_id == session.tenant, PropertySpending.id == spending_id
    )
    return await session.scalar(statement.with_for_update())


async def find_by_document(session: Session, digest: bytes) -> PropertySpending | None:
    """Return the spending of a document, unless it was refused."""
    statement = select(PropertySpending).where(
        PropertySpending.tenant_id == session.tenant,
        PropertySpending.document_sha256 == digest,
        PropertySpending.state != "refused",
    )
    return await session.scalar(statement)


async def spending_of(
    session: Session, property_book_id: UUID, *, state: str | None, after: tuple[Any, ...] | None, limit: int
) -> Sequence[PropertySpending]:
    """Return the spending of a book, the newest first."""
    statement = select(PropertySpending).where(
        PropertySpending.tenant_id == session.tenant, PropertySpending.property_book_id == property_book_id
    )
    if state is not None:
        statement = statement.where(PropertySpending.state == state)
    if after is not None:
        statement = statement.where(tuple_(PropertySpending.requested_at, PropertySpending.id) < tuple_(*after))
    ordered = statement.order_by(PropertySpending.requested_at.desc(), PropertySpending.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def find_budget(
    session: Session, property_book_id: UUID, year: int, *, version: int | None = None
) -> PropertyBudget | None:
    """Return a version of a year's plan, the newest unless told."""
    statement = select(PropertyBudget).where(
        PropertyBudget.tenant_id == session.tenant,
        PropertyBudget.property_book_id == property_book_id,
        PropertyBudget.year == year,
    )
    if version is not None:
        statement = statement.where(PropertyBudget.version == version)
    return await session.scalar(statement.order_by(PropertyBudget.version.desc()).limit(1))


async def budget_lines(session: Session, budget_id: UUID) -> list[tuple[Account, int]]:
    """Return what a plan says of each account, by code."""
    statement = (
        select(Account, PropertyBudgetLine.planned_fen)
        .join(
            PropertyBudgetLine,
            (PropertyBudgetLine.tenant_id == Account.tenant_id) & (PropertyBudgetLine.account_id == Account.id),
        )
        .where(PropertyBudgetLine.tenant_id == session.tenant, PropertyBudgetLine.budget_id == budget_id)
        .order_by(Account.code)
    )
    return [(account, planned_fen) for account, planned_fen in await session.execute(statement)]


async def flows_of(session: Session, book_id: UUID, first: date, last: date) -> list[Flow]:
    """Sum the postings of a book by the accounts that they move between: before an interval and inside it."""
    rows = await session.execute(_FLOWS, {"tenant": session.tenant, "book": book_id, "first": first, "last": last})
    return [Flow(row.debit_account, row.credit_account, int(row.before_fen), int(row.inside_fen)) for row in rows]


async def received_by_kind(session: Session, book: PropertyBook, first: date, last: date) -> dict[str, int]:
    """Sum what has come in during an interval by what it was charged for."""
    values = {"tenant": session.tenant, "id": book.id, "book": book.book_id, "first": first, "last": last}
    return {row.kind: int(row.fen) for row in await session.execute(_RECEIVED_BY_KIND, values)}


async def collection_of(session: Session, book: PropertyBook, first: date, last: date) -> tuple[int, int]:
    """Return what was charged in an interval, and what of just that had come in by its end."""
    standing = _standing(book, through=last)
    statement = select(
        func.coalesce(func.sum(standing.c.charged_fen), 0), func.coalesce(func.sum(standing.c.received_fen), 0)
    ).where(standing.c.charged_on >= first)
    charged_fen, collected_fen = (await session.execute(statement)).one()
    return int(charged_fen), int(collected_fen)


async def arrears_of(session: Session, book: PropertyBook, on: date) -> Arrears:
    """Return what is open on a day by whole days since it fell due; the day itself is day 0."""
    standing = _standing(book, through=on)
    # Two dates differ by a whole number of days.
    age = on - standing.c.due_on
    left = standing.c.charged_fen - standing.c.received_fen
    parts = (
        age < 0,
        (age >= 0) & (age <= _FIRST_DAYS),
        (age > _FIRST_DAYS) & (age <= _NEXT_DAYS),
        age > _NEXT_DAYS,
    )
    sums = [func.coalesce(func.sum(left).filter(part), 0) for part in parts]
    found = (await session.execute(select(*sums).select_from(standing))).one()
    return Arrears(*(int(fen) for fen in found))
