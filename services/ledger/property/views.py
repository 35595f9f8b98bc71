"""From rows to representations of property books, charges, receipts and spending."""

from datetime import date
from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.views import balance_fen
from services.ledger.property.models import PropertyBook, PropertySpending
from services.ledger.property.repository import Standing
from services.ledger.property.rules import SPENDING_STEPS
from services.ledger.property.schemas import ChargeOut, LineResultOut, LinesOut, PropertyBookOut, SpendingOut
from services.ledger.property.spending import facts_of
from shared.auth import Principal
from shared.db import Session
from shared.steps import next_actions

__all__ = ["book_out", "charge_out", "lines_out", "spending_out"]


async def book_out(session: Session, book: PropertyBook) -> PropertyBookOut:
    """Show a property book with what is in the bank and what is still to come in."""
    balances = {account.id: balance_fen(balance) for account, balance in await books.accounts_of(session, book.book_id)}
    hidden = {"opening", "bank_fen", "receivable_fen"}
    columns = {name: getattr(book, name) for name in PropertyBookOut.model_fields.keys() - hidden}
    opening = {"bank_fen": book.opening_fen, "on": book.opening_on} if book.opening_fen is not None else None
    return PropertyBookOut.model_validate(
        {
            **columns,
            "opening": opening,
            "bank_fen": balances[book.bank_account],
            "receivable_fen": balances[book.receivable_account],
        }
    )


def lines_out(ids: list[UUID], results: list[str]) -> LinesOut:
    """Show what became of the lines of a batch."""
    told = []
    for line_id, result in zip(ids, results, strict=True):
        is_refused = result not in {"ok", "replayed"}
        told.append(
            LineResultOut.model_validate(
                {
                    "id": line_id,
                    "result": "refused" if is_refused else result,
                    "code": result if is_refused else None,
                }
            )
        )
    return LinesOut(results=told)


def charge_out(standing: Standing, today: date) -> ChargeOut:
    """Show a charge as it stands today; overdue is what is open after the day on which it fell due."""
    derived = {"taken_back_fen", "received_fen", "open_fen", "is_overdue"}
    columns = {name: getattr(standing.charge, name) for name in ChargeOut.model_fields.keys() - derived}
    return ChargeOut.model_validate(
        {
            **columns,
            "taken_back_fen": standing.taken_back_fen,
            "received_fen": standing.received_fen,
            "open_fen": standing.open_fen,
            "is_overdue": standing.open_fen > 0 and standing.charge.due_on < today,
        }
    )


def spending_out(spending: PropertySpending, book: PropertyBook, caller: Principal) -> SpendingOut:
    """Show a spending, and what the caller may do with it."""
    derived = {"document_sha256", "next_actions"}
    columns = {name: getattr(spending, name) for name in SpendingOut.model_fields.keys() - derived}
    actions = next_actions(SPENDING_STEPS, facts_of(spending, book), caller)
    return SpendingOut.model_validate(
        {
            **columns,
            "document_sha256": spending.document_sha256.hex(),
            "next_actions": actions,
        }
    )
