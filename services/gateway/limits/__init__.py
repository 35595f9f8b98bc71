"""How fast anybody may call: decided here at once, and brought together with the other gateways a moment later."""

from services.gateway.limits.rules import Budgets, Policy
from services.gateway.limits.service import Limits
from services.gateway.limits.sharing import Sharing

__all__ = ["Budgets", "Limits", "Policy", "Sharing"]
