"""From rows to the representation of a project."""

from services.matching.projects import repository
from services.matching.projects.models import Project
from services.matching.projects.rules import STEPS, overspent_fen
from services.matching.projects.schemas import ProjectOut, ProjectSummary
from services.matching.projects.service import cases_of, facts_of
from shared.auth import Principal
from shared.db import Session
from shared.steps import next_actions

__all__ = ["project_out"]


async def project_out(session: Session, project: Project, caller: Principal) -> ProjectOut:
    """Show a project whole."""
    pairs = await repository.needs_of(session, project.id)
    budget = {
        "state": project.budget_state,
        "total_fen": project.total_fen,
        "own_fen": project.own_fen,
        "granted_fen": project.granted_fen,
        "paid_fen": project.paid_fen,
        "overspent_fen": overspent_fen(
            granted_fen=project.granted_fen, own_fen=project.own_fen, paid_fen=project.paid_fen
        ),
        "request_id": project.request_id,
        "grant_id": project.grant_id,
    }
    return ProjectOut.model_validate(
        {
            **ProjectSummary.model_validate(project).model_dump(),
            "need_ids": await repository.need_ids_of(session, project.id),
            "case_ids": await cases_of(session, project),
            "offer_ids": list(dict.fromkeys(pair.offer_id for pair in pairs)),
            "waiting_offer_ids": list(await repository.waiting_offers(session, project.id)),
            "helping_unit_ids": list(await repository.helpers_of(session, project.id)),
            "milestones": [
                {
                    "id": item.id,
                    "position": item.position,
                    "title": item.title,
                    "due_on": item.due_on,
                    "reached_at": item.reached_at,
                    "proof": item.proof,
                    "attachment_ids": item.attachment_ids,
                }
                for item in await repository.milestones_of(session, project.id)
            ],
            "budget": budget,
            "accepted_by": project.accepted_by,
            "acceptance_proof": project.acceptance_proof,
            "acceptance_attachment_ids": project.acceptance_attachment_ids,
            "cancel_reason": project.cancel_reason,
            "next_actions": next_actions(STEPS, facts_of(project), caller),
        }
    )
