"""The report of a property book: computed anew each time from its postings and lines.

An interval has both its days. What belongs to it is told by the effective date of the postings, so a late entry with an
early date changes the report of the early days and nothing else.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from services.ledger.books.models import Account
from services.ledger.books.rules import AccountClass
from services.ledger.property import repository
from services.ledger.property.models import PropertyBook
from services.ledger.property.rules import (
    BadInterval,
    ChargeKind,
    Flow,
    collection_rate_bp,
    net_between_fen,
    net_fen,
    opening_fen,
)
from services.ledger.property.schemas import (
    ArrearsOut,
    BankOut,
    BudgetActualLineOut,
    BudgetActualOut,
    CollectionOut,
    IncomeLineOut,
    ReportOut,
    SpendingLineOut,
)
from services.ledger.property.service import accounts_by_code
from shared.clock import utc_now
from shared.db import Session

__all__ = ["report_of"]

_YEARS_MAX: Final = 10
_INCOME: Final = "income:"


async def report_of(session: Session, book: PropertyBook, first: date, last: date) -> ReportOut:
    """Tell what a compound was charged, what came in and what it was spent on, from one day through another."""
    if last < first or last.year - first.year > _YEARS_MAX:
        raise BadInterval(pointer="/query/to")
    accounts = await accounts_by_code(session, book)
    flows = await repository.flows_of(session, book.book_id, first, last)
    return ReportOut(
        property_book_id=book.id,
        first=first,
        last=last,
        income=await _income(session, book, accounts, flows, first, last),
        spending=[
            SpendingLineOut(account_code=code, name=account.name, spent_fen=net_fen(flows, account.id))
            for code, account in accounts.items()
            if account.kind == AccountClass.EXPENSE
        ],
        bank=_bank(book, accounts, flows),
        collection=await _collection(session, book, first, last),
        arrears=await _arrears(session, book, flows, last),
        budgets=await _against_budgets(session, book, accounts, first, last),
        as_of=utc_now(),
    )


async def _income(
    session: Session,
    book: PropertyBook,
    accounts: Mapping[str, Account],
    flows: Sequence[Flow],
    first: date,
    last: date,
) -> list[IncomeLineOut]:
    came_in = await repository.received_by_kind(session, book, first, last)
    lines = []
    for kind in ChargeKind:
        account = accounts[f"{_INCOME}{kind.value}"]
        lines.append(
            IncomeLineOut(
                account_code=account.code,
                name=account.name,
                charged_fen=-net_fen(flows, account.id),
                received_fen=came_in.get(kind.value, 0),
            )
        )
    return lines


def _bank(book: PropertyBook, accounts: Mapping[str, Account], flows: Sequence[Flow]) -> BankOut:
    """Tell how the bank account moved: every line is a sum of its own, so that together they prove the closing."""
    before_fen = opening_fen(flows, book.bank_account)
    return BankOut(
        opening_fen=before_fen,
        brought_in_fen=net_between_fen(flows, book.bank_account, book.net_assets_account),
        received_fen=net_between_fen(flows, book.bank_account, book.receivable_account),
        spent_fen=sum(
            net_between_fen(flows, account.id, book.bank_account)
            for account in accounts.values()
            if account.kind == AccountClass.EXPENSE
        ),
        closing_fen=before_fen + net_fen(flows, book.bank_account),
    )


async def _collection(session: Session, book: PropertyBook, first: date, last: date) -> CollectionOut:
    charged_fen, collected_fen = await repository.collection_of(session, book, first, last)
    return CollectionOut(
        charged_fen=charged_fen,
        collected_fen=collected_fen,
        rate_bp=collection_rate_bp(collected_fen=collected_fen, charged_fen=charged_fen),
    )


async def _arrears(session: Session, book: PropertyBook, flows: Sequence[Flow], last: date) -> ArrearsOut:
    left = await repository.arrears_of(session, book, last)
    return ArrearsOut(
        not_due_fen=left.not_due_fen,
        days_0_to_30_fen=left.first_fen,
        days_31_to_90_fen=left.next_fen,
        days_91_and_more_fen=left.later_fen,
        receivable_fen=opening_fen(flows, book.receivable_account) + net_fen(flows, book.receivable_account),
    )


async def _against_budgets(
    session: Session, book: PropertyBook, accounts: Mapping[str, Account], first: date, last: date
) -> list[BudgetActualOut]:
    """Put the plan of every year that the interval touches beside what there was of it so far; nothing is pro rata."""
    told = []
    for year in range(first.year, last.year + 1):
        budget = await repository.find_budget(session, book.id, year)
        if budget is None:
            continue
        through = min(last, date(year, 12, 31))
        flows = await repository.flows_of(session, book.book_id, date(year, 1, 1), through)
        planned = {account.code: fen for account, fen in await repository.budget_lines(session, budget.id)}
        lines = [
            BudgetActualLineOut(
                account_code=code,
                name=account.name,
                planned_fen=planned.get(code, 0),
                actual_fen=net_fen(flows, account.id) * (-1 if account.kind == AccountClass.INCOME else 1),
            )
            for code, account in accounts.items()
            if account.kind in {AccountClass.INCOME, AccountClass.EXPENSE}
        ]
        told.append(BudgetActualOut(year=year, version=budget.version, actual_through=through, lines=lines))
    return told
