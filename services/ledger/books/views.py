"""From rows to representations: the sign of a balance is that of its account's own side."""

from collections.abc import Sequence
from uuid import UUID

from services.ledger.books.models import Account, Balance, Posting, Transaction
from services.ledger.books.schemas import AccountOut, EntryOut, LegOut, TransactionOut

__all__ = ["account_out", "available_fen", "balance_fen", "entry_out", "transaction_out"]


def balance_fen(balance: Balance) -> int:
    """Return a balance on the side on which the account grows."""
    net = balance.posted_debits - balance.posted_credits
    return net if balance.debit_normal else -net


def available_fen(balance: Balance) -> int:
    """Return what can still be spent: the balance less what is reserved."""
    reserved = balance.pending_credits if balance.debit_normal else balance.pending_debits
    return balance_fen(balance) - reserved


def account_out(account: Account, balance: Balance) -> AccountOut:
    """Show an account."""
    return AccountOut.model_validate(
        {
            "id": account.id,
            "book_id": account.book_id,
            "code": account.code,
            "name": account.name,
            "account_class": account.kind,
            "unit": account.unit,
            "floor_fen": account.floor_fen,
            "purpose": account.purpose,
            "spend_by": account.spend_by,
            "balance_fen": balance_fen(balance),
            "available_fen": available_fen(balance),
            "posted_debits_fen": balance.posted_debits,
            "posted_credits_fen": balance.posted_credits,
            "pending_debits_fen": balance.pending_debits,
            "pending_credits_fen": balance.pending_credits,
            "last_sequence": balance.last_sequence,
        }
    )


def entry_out(account_id: UUID, posting: Posting, transaction: Transaction, *, debit_normal: bool) -> EntryOut:
    """Show one move of an account."""
    is_debit = posting.debit_account == account_id
    after = posting.debit_after if is_debit else posting.credit_after
    return EntryOut(
        sequence=posting.debit_sequence if is_debit else posting.credit_sequence,
        transaction_id=posting.transaction_id,
        side="debit" if is_debit else "credit",
        other_account_id=posting.credit_account if is_debit else posting.debit_account,
        amount_fen=posting.amount,
        balance_after_fen=after if debit_normal else -after,
        description=transaction.description,
        effective_on=transaction.effective_on,
        created_at=transaction.created_at,
    )


def transaction_out(transaction: Transaction, postings: Sequence[Posting]) -> TransactionOut:
    """Show a transaction with its legs."""
    kept = TransactionOut.model_fields.keys() - {"postings", "document_sha256"}
    columns = {name: getattr(transaction, name) for name in kept}
    document = transaction.document_sha256.hex() if transaction.document_sha256 else None
    legs = [
        LegOut(
            leg=posting.leg,
            debit_account_id=posting.debit_account,
            credit_account_id=posting.credit_account,
            amount_fen=posting.amount,
            unit=posting.unit,
        )
        for posting in postings
    ]
    return TransactionOut.model_validate({**columns, "document_sha256": document, "postings": legs})
