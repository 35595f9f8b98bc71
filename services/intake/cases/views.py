"""From rows to representations."""

from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from services.intake.cases.filing_service import Filed
from services.intake.cases.models import Case, CaseStep
from services.intake.cases.repository import Resolution
from services.intake.cases.rules import STEPS
from services.intake.cases.schemas import CaseOut, CaseSummary, FileCaseIn, ResolutionOut, StepOut
from services.intake.cases.terms import Action, CaseFacts, State
from services.intake.cases.viewing import CaseView, knows_requester
from shared.auth import Principal
from shared.steps import next_actions

__all__ = ["case_out", "case_summary", "filed_out", "step_out"]

_SUMMARY: Final = tuple(CaseSummary.model_fields)


def case_summary(case: Case) -> CaseSummary:
    """Show a line of a list."""
    return CaseSummary.model_validate(case)


def case_out(view: CaseView) -> CaseOut:
    """Show a case as its reader may see it."""
    case = view.case
    location = None
    if case.latitude is not None and case.longitude is not None:
        location = {"latitude": case.latitude, "longitude": case.longitude}
    return CaseOut.model_validate(
        {
            **{name: getattr(case, name) for name in _SUMMARY},
            "description": case.description,
            "location": location,
            "place_text": case.place_text,
            "requester_id": case.requester_id if view.shows_requester else None,
            "triage": {"proposed_unit_id": None, **case.triage} if case.triage is not None else None,
            "attachment_ids": view.attachment_ids,
            "answers": case.answers,
            "form_version": case.form_version,
            "missing_answers": view.missing_answers,
            "resolution": _resolution(view.resolution),
            "clocks": view.clocks,
            "next_actions": view.next_actions,
        }
    )


def _resolution(step: Resolution | None) -> ResolutionOut | None:
    if step is None:
        return None
    return ResolutionOut(
        step=step.step,
        note=step.note,
        public_note=step.data.get("public_note"),
        attachment_ids=step.data.get("attachment_ids", []),
        at=step.at,
    )


def step_out(step: CaseStep, *, case: Case, caller: Principal) -> StepOut:
    """Show a step; who raised the case and who joined it stay unnamed towards those who need not know."""
    told = StepOut.model_validate(step)
    if knows_requester(caller, case) or step.actor == caller.actor:
        return told
    if step.actor.endswith(f"/{case.requester_id}"):
        return told.model_copy(update={"actor": "requester"})
    is_neighbour = step.step in {Action.JOIN, Action.LEAVE, Action.CONFIRM} or step.data.get("by") == "neighbour"
    return told.model_copy(update={"actor": "neighbour"}) if is_neighbour else told


def filed_out(filed: Filed, wanted: FileCaseIn, caller: Principal) -> dict[str, Any]:
    """Show a case that was just filed, without reading it back."""
    requester = caller.subject_id
    if requester is None:
        message = "a case is filed by somebody"
        raise ValueError(message)
    return {
        "id": filed.case_id,
        "number": filed.number,
        "category": wanted.category,
        "title": wanted.title,
        "area_id": wanted.area_id,
        "area_path": filed.area_path,
        "state": State.FILED,
        "level": None,
        "outcome": None,
        "unit_id": None,
        "due_at": None,
        "channel": filed.channel,
        "paused_reason": None,
        "hand_overs": 0,
        "reopened": 0,
        "joiners": 0,
        "collective": False,
        "appeal_open": False,
        "anonymous": False,
        "closed_at": None,
        "filed_at": filed.filed_at,
        "updated_at": filed.filed_at,
        "version": 1,
        "description": wanted.description,
        "location": wanted.location.model_dump() if wanted.location else None,
        "place_text": wanted.place_text,
        "requester_id": requester,
        "triage": None,
        "attachment_ids": wanted.attachment_ids,
        "answers": wanted.answers,
        "form_version": filed.form_version,
        "missing_answers": filed.missing_answers,
        "resolution": None,
        "clocks": [
            {
                "clock": kind,
                "run": 1,
                "state": "running",
                "due_at": interval.due_at,
                "budget_s": interval.budget_s,
                "left_s": interval.left_s,
                "reason": None,
                "paused_until": None,
            }
            for kind, interval in filed.clocks
        ],
        "next_actions": _first_actions(caller, requester, filed.area_path),
    }


@lru_cache(maxsize=1024)
def _first_actions(caller: Principal, requester: UUID, path: str) -> list[dict[str, Any]]:
    """Tell what the requester may do with a fresh case: the same for every case that somebody files in one place."""
    facts = CaseFacts(State.FILED, path, requester)
    return [told.model_dump() for told in next_actions(STEPS, facts, caller)]
