"""What an order writes into its partner's record of fulfilment."""

from services.matching.orders.models import Order
from services.matching.record.rules import Fulfilment
from services.matching.record.service import note_fulfilment
from shared.db import WriteSession

__all__ = ["record_outcome"]


async def record_outcome(session: WriteSession, order: Order, outcome: Fulfilment, actor: str) -> None:
    """Count an accepted order for or against its partner, once; why it was broken off stands with the order."""
    await note_fulfilment(
        session, order.partner_id, outcome, about_kind="order", about_id=order.id, actor=actor, note=order.reason
    )
