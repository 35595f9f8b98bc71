"""From rows to representations."""

from services.matching.agreements.models import Agreement
from services.matching.agreements.rules import STEPS
from services.matching.agreements.schemas import AgreementOut, BalanceOut
from services.matching.agreements.service import facts_of, figures_of, sides_of
from shared.auth import Principal
from shared.db import Session
from shared.steps import next_actions

__all__ = ["agreement_out"]

_COMPUTED = frozenset({"figures", "next_actions"})


async def agreement_out(session: Session, agreement: Agreement, caller: Principal) -> AgreementOut:
    """Show an agreement with its figures as of now, and what this caller may do."""
    offer, host = await sides_of(session, agreement)
    actions = next_actions(STEPS, facts_of(agreement, offer, host), caller)
    figures = BalanceOut.model_validate(await figures_of(session, agreement))
    columns = {name: getattr(agreement, name) for name in AgreementOut.model_fields if name not in _COMPUTED}
    return AgreementOut.model_validate({**columns, "figures": figures, "next_actions": actions})
