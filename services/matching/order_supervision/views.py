"""From rows to representations."""

from services.matching.order_supervision.models import OrderDemand
from services.matching.order_supervision.rules import STEPS
from services.matching.order_supervision.schemas import DemandOut
from services.matching.order_supervision.service import facts_of
from shared.auth import Principal
from shared.steps import next_actions

__all__ = ["demand_out"]


def demand_out(demand: OrderDemand, caller: Principal) -> DemandOut:
    """Show a demand with what the caller may do next."""
    told = next_actions(STEPS, facts_of(demand), caller)
    shown = {name: getattr(demand, name) for name in DemandOut.model_fields if name != "next_actions"}
    return DemandOut.model_validate({**shown, "next_actions": told})
