"""From rows to the representation of a hold."""

from services.ledger.books.models import Hold
from services.ledger.holds.schemas import HoldOut

__all__ = ["hold_out"]


def hold_out(hold: Hold) -> HoldOut:
    """Show a hold."""
    return HoldOut(
        id=hold.id,
        book_id=hold.book_id,
        debit_account_id=hold.debit_account,
        credit_account_id=hold.credit_account,
        unit=hold.unit,
        amount_fen=hold.amount,
        settled_fen=hold.settled,
        released_fen=hold.released,
        remaining_fen=hold.amount - hold.settled - hold.released,
        state=hold.state,
        expires_at=hold.expires_at,
    )
