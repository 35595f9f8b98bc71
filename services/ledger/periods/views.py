"""From rows to periods and statements as they are shown."""

import orjson

from services.ledger.periods.models import Statement
from services.ledger.periods.schemas import StatementOut, StatementSummary
from services.ledger.proofs.repository import cosignatures_of, find_head
from services.ledger.proofs.views import head_out
from shared.db import Session

__all__ = ["statement_out", "statement_summary"]


def statement_summary(statement: Statement) -> StatementSummary:
    """Show a statement in a list."""
    columns = {name: getattr(statement, name) for name in StatementSummary.model_fields}
    return StatementSummary.model_validate({**columns, "sha256": statement.sha256.hex()})


async def statement_out(session: Session, statement: Statement) -> StatementOut:
    """Show a statement whole, with the head that covers it."""
    shown = None
    if statement.tree_size:
        head = await find_head(session, statement.book_id, statement.tree_size)
        if head is not None:
            shown = head_out(statement.book_id, head, await cosignatures_of(session, statement.book_id, head.tree_size))
    return StatementOut(
        **statement_summary(statement).model_dump(), document=orjson.loads(statement.document), head=shown
    )
