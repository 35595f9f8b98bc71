"""What a project hears from the ledger about its money."""

from collections.abc import Sequence

from services.matching.projects.repository import lock_project, project_of_request
from services.matching.projects.rules import BudgetState
from services.matching.projects.service import note_step
from shared.contracts import Event
from shared.contracts.ledger import GrantDecided, PaymentMade
from shared.db import WriteSession
from shared.messaging import Consumers

__all__ = ["consumers"]

consumers = Consumers("matching")


@consumers.on(GrantDecided)
async def note_decision(session: WriteSession, events: Sequence[Event[GrantDecided]]) -> None:
    """Note what the fund has said; the answer to an older request changes nothing."""
    for event in events:
        told = event.data
        if told.project_id is None:
            continue
        project = await project_of_request(session, told.project_id, told.request_id)
        if project is None:
            continue
        project.grant_id = told.grant_id
        project.budget_state = BudgetState(told.outcome).value
        project.granted_fen = told.granted_fen
        data = {"outcome": told.outcome, "granted_fen": told.granted_fen, "reason": told.reason}
        note_step(session, project, "budget_decided", event.actor or "system", data)
        await session.flush()


@consumers.on(PaymentMade)
async def note_payment(session: WriteSession, events: Sequence[Event[PaymentMade]]) -> None:
    """Add up what was paid for the project."""
    for event in events:
        told = event.data
        project = await lock_project(session, told.project_id) if told.project_id is not None else None
        if project is None:
            continue
        project.paid_fen += told.amount_fen
        data = {"payment_id": str(told.payment_id), "amount_fen": told.amount_fen}
        note_step(session, project, "payment", event.actor or "system", data)
        await session.flush()
