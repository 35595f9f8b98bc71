"""From rows to the representation of a contract."""

from services.ledger.contracts import repository
from services.ledger.contracts.models import Contract
from services.ledger.contracts.rules import STEPS
from services.ledger.contracts.schemas import ContractOut
from services.ledger.contracts.service import facts_of
from services.ledger.grants.models import Grant
from shared.auth import Principal
from shared.db import Session
from shared.steps import next_actions

__all__ = ["contract_out"]

_COMPUTED = {"held_fen", "invoiced_fen", "document_sha256", "acceptance_sha256", "next_actions"}


async def contract_out(session: Session, contract: Contract, grant: Grant, caller: Principal) -> ContractOut:
    """Show a contract whole."""
    columns = {name: getattr(contract, name) for name in ContractOut.model_fields.keys() - _COMPUTED}
    holds = await repository.holds_of(session, contract.id)
    acceptance = contract.acceptance_sha256
    return ContractOut.model_validate(
        {
            **columns,
            "held_fen": sum(hold.amount - hold.settled - hold.released for hold in holds),
            "invoiced_fen": await repository.invoiced_fen(session, contract.id),
            "document_sha256": contract.document_sha256.hex(),
            "acceptance_sha256": acceptance.hex() if acceptance else None,
            "next_actions": next_actions(STEPS, facts_of(contract, grant), caller),
        }
    )
