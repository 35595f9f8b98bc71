"""From rows to representations."""

from services.matching.holds.models import Hold
from services.matching.holds.rules import STEPS, HoldFacts
from services.matching.holds.schemas import HoldOut
from services.matching.holds.service import facts_of
from services.matching.offers.models import Offer
from services.matching.partners.models import Partner
from shared.auth import Principal
from shared.steps import next_actions

__all__ = ["hold_out"]


def hold_out(hold: Hold, offer: Offer, partner: Partner, caller: Principal) -> HoldOut:
    """Show a hold, with what this caller may do."""
    facts: HoldFacts = facts_of(hold, offer, partner)
    actions = next_actions(STEPS, facts, caller)
    columns = {name: getattr(hold, name) for name in HoldOut.model_fields if name != "next_actions"}
    return HoldOut.model_validate({**columns, "next_actions": actions})
