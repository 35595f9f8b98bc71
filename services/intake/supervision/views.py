"""From orders to representations."""

from services.intake.supervision.models import SupervisionOrder
from services.intake.supervision.rules import STEPS
from services.intake.supervision.schemas import OrderOut
from services.intake.supervision.service import facts_of
from shared.auth import Principal
from shared.steps import next_actions

__all__ = ["order_out"]


def order_out(order: SupervisionOrder, caller: Principal) -> OrderOut:
    """Show an order with what the caller may do next."""
    told = next_actions(STEPS, facts_of(order), caller)
    shown = {name: getattr(order, name) for name in OrderOut.model_fields if name != "next_actions"}
    return OrderOut.model_validate({**shown, "next_actions": told})
