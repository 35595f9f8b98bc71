"""What an order writes into its partner's record of fulfilment."""

from enum import StrEnum

from services.matching.orders.models import Order
from services.matching.partners.repository import lock_partner
from shared.db import WriteSession

__all__ = ["Outcome", "record_outcome"]


class Outcome(StrEnum):
    """Whether a promise was kept."""

    KEPT = "kept"
    LATE = "late"
    BROKEN = "broken"


async def record_outcome(session: WriteSession, order: Order, outcome: Outcome) -> None:
    """Count an accepted order for or against its partner."""
    partner = await lock_partner(session, order.partner_id)
    if partner is None:
        return
    setattr(partner, outcome.value, getattr(partner, outcome.value) + 1)
    await session.flush()
