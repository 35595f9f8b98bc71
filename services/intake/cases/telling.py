"""Who hears of which step: the requester and those who joined, the unit, whoever has to look next. One table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from services.intake.cases import repository
from services.intake.cases.models import Case
from services.intake.cases.terms import Action, Level, State
from services.intake.claims import repository as claims
from services.intake.notifications.service import Told
from shared.auth import Role
from shared.clock import CHINA
from shared.db import Session

__all__ = ["JUDGED", "RULES", "TOLD_ELSEWHERE", "Rule", "Taken", "about", "told_of"]

_OFFICERS: Final = (Role.SECRETARY, Role.OFFICER)
_NOTE_MAX: Final = 100
_LEVELS: Final = {
    Level.GRID.value: ("小事（网格办理）", "for the grid"),
    Level.COUNCIL.value: ("大事（议事会）", "for the council"),
    Level.JOINT.value: ("难事（联席会议）", "for the joint meeting"),
}


class Taken(Protocol):
    """A step that was taken."""

    @property
    def step(self) -> str:
        """Its name."""

    @property
    def actor(self) -> str:
        """Who took it."""

    @property
    def note(self) -> str | None:
        """What was said."""

    @property
    def data(self) -> dict[str, Any]:
        """What the history keeps beside."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who hears of a step.

    Attributes:
        kind: the template.
        concerned: the requester and those who joined.
        requester: the requester, if not all who are concerned.
        unit: the unit that has the case now.
        left_unit: the unit that has it no longer.
        helpers: the units that help the one that leads, or helped the one that led.
        roles: who holds these roles over the case's area.
    """

    kind: str
    concerned: bool = True
    requester: bool = False
    unit: bool = False
    left_unit: bool = False
    helpers: bool = False
    roles: tuple[Role, ...] = ()


# Every step of a case is here or in TOLD_ELSEWHERE; tests hold this against the steps that there are.
RULES: Final[dict[str, Rule]] = {
    Action.ACCEPT: Rule("case_accepted"),
    Action.DECLINE: Rule("case_declined"),
    Action.TRIAGE: Rule("case_triaged"),
    Action.CHANGE_LEVEL: Rule("case_triaged", left_unit=True, helpers=True, roles=(Role.CONVENOR,)),
    Action.APPEAL: Rule("appeal_made", concerned=False, roles=_OFFICERS),
    Action.ANSWER_APPEAL: Rule("appeal_answered", left_unit=True, helpers=True),
    "appeal_late": Rule("appeal_passed_up"),
    Action.ASSIGN: Rule("case_assigned", unit=True, left_unit=True, helpers=True),
    Action.OFFER: Rule("case_offered", concerned=False, roles=(Role.CONVENOR,)),
    "withdraw_offer": Rule("offer_withdrawn", concerned=False, roles=(Role.CONVENOR,)),
    Action.CHOOSE: Rule("case_claimed", unit=True),
    Action.CLAIM: Rule("case_claimed", roles=_OFFICERS),
    Action.HAND_ON: Rule("case_handed_on", unit=True, helpers=True, roles=_OFFICERS),
    "forced_joint": Rule("case_forced_joint", roles=(Role.CONVENOR, *_OFFICERS)),
    Action.PROGRESS: Rule("case_progress", helpers=True),
    Action.REPLY: Rule("case_replied"),
    Action.COMMENT: Rule("case_commented", unit=True, roles=(Role.GRID_WORKER,)),
    Action.ANSWERS: Rule("answers_given", concerned=False, requester=True, unit=True, roles=(Role.GRID_WORKER,)),
    Action.PAUSE: Rule("case_paused", helpers=True),
    Action.RESUME: Rule("case_resumed", unit=True, helpers=True),
    Action.RESOLVE: Rule("case_resolved", helpers=True),
    "objected": Rule("case_reopened", left_unit=True, roles=_OFFICERS),
    Action.REOPEN: Rule("case_reopened", left_unit=True, roles=_OFFICERS),
    Action.CHECK: Rule("case_checked", left_unit=True, roles=_OFFICERS),
    "silence": Rule("case_closed_by_silence", unit=True),
    "confirmed": Rule("case_closed", unit=True),
    Action.WITHDRAW: Rule("case_closed", unit=True, helpers=True),
    Action.JOIN: Rule("case_joined", concerned=False, unit=True),
    Action.LEAVE: Rule("case_left", concerned=False, requester=True, unit=True),
    Action.REPRESENT: Rule("case_represented", unit=True, roles=(Role.GRID_WORKER,)),
    Action.MERGE: Rule("case_merged", unit=True, helpers=True),
    "merged_in": Rule("case_joined", concerned=False, requester=True, unit=True),
    Action.UNMERGE: Rule("case_unmerged"),
    "unmerged": Rule("case_left", concerned=False, requester=True, unit=True),
    Action.SUPERVISE: Rule("case_supervised"),
    "escalate": Rule("case_escalated"),
    "lapse": Rule("claim_lapsed", left_unit=True, helpers=True, roles=_OFFICERS),
    "promise_missed": Rule("promise_missed", unit=True, helpers=True, roles=(Role.CONVENOR, *_OFFICERS)),
    "unseal": Rule("unsealed"),
    "mediation_failed": Rule("mediation_failed", concerned=False, left_unit=True),
    "mediation_withdrawn": Rule("mediation_withdrawn", concerned=False, left_unit=True),
    "mediation_breached": Rule("mediation_breached", concerned=False, left_unit=True),
    "need_opened": Rule("need_opened"),
    "project_opened": Rule("project_opened"),
    "milestone_reached": Rule("milestone_reached"),
    "project_completed": Rule("project_completed"),
    "project_cancelled": Rule("project_cancelled", unit=True, roles=_OFFICERS),
}
# Steps that have no line above, and why.
TOLD_ELSEWHERE: Final[dict[str, str]] = {
    "file": "the statement that files tells the requester and the grid (cases.filing)",
    "import": "what comes in a table was told where it came from",
    "import_close": "what comes in a table was told where it came from",
    "born_of_visit": "told as filed, a moment before",
    "born_of_hazard": "told as filed, a moment before",
    Action.FEEDBACK: "by what it leads to: see JUDGED",
    Action.CONFIRM: "one neighbour's word is no news; what enough of them lead to is told (confirmed, objected)",
    Action.NEEDS: "told once it stands on the demand list (need_opened)",
    "mediation_opened": "the parties are told by the mediation",
    "mediation_agreed": "the parties are told by the mediation",
    "hazard_closed": "whoever has to do with the hazard is told of it (hazards)",
    "hazard_withdrawn": "whoever has to do with the hazard is told of it (hazards)",
    "hazard_overdue": "whoever has to do with the hazard is told of it (hazards)",
}
# Closed, opened again, or as the requester sees it and not yet the neighbours: the unit hears what its work was worth.
JUDGED: Final[dict[str, Rule]] = {
    State.CLOSED.value: Rule("case_closed", unit=True),
    State.REOPENED.value: Rule("case_reopened", left_unit=True),
    State.RESOLVED.value: Rule("confirmations_wanted", unit=True),
}
# A pause that is over, where nobody has the case: whoever assigns it.
_PAUSE_IS_OVER: Final = Rule("pause_is_over", unit=True, helpers=True)
_PAUSE_OF_NOBODY: Final = Rule("pause_is_over", roles=_OFFICERS)


def about(case: Case) -> dict[str, str]:
    """Return what every message about a case may name."""
    return {"number": case.number, "title": case.title}


async def told_of(session: Session, case: Case, taken: Taken) -> list[Told]:
    """Return what is to be told of a step; whoever took it knows."""
    rule = _rule_of(case, taken)
    tolds = [await _told_by(session, case, taken, rule)] if rule is not None else []
    tolds += _told_beside(case, taken)
    return [told for told in tolds if told.people or told.units or told.roles]


async def _told_by(session: Session, case: Case, taken: Taken, rule: Rule) -> Told:
    people: Sequence[UUID] = await _concerned(session, case) if rule.concerned else []
    if rule.requester or _is_first_to_join(case, taken):
        people = [case.requester_id]
    units = [case.unit_id] if rule.unit and case.unit_id is not None else []
    left = taken.data.get("left_unit")
    units += [UUID(left)] if rule.left_unit and left else []
    # Only a claim that was chosen among offers has helpers: it is nobody's own. One that has ended left a unit.
    if rule.helpers and (left or (case.due_at is not None and case.claimed_by is None)):
        units += await claims.helping_units(session, case.id)
    return Told(
        kind=rule.kind,
        case_id=case.id,
        params=about(case) | _words(case, taken),
        people=[person for person in people if not taken.actor.endswith(f"/{person}")],
        units=units,
        roles=[(role, case.area_path) for role in rule.roles],
    )


def _is_first_to_join(case: Case, taken: Taken) -> bool:
    """Tell whether the requester is not alone any more; of further ones the unit hears."""
    return taken.step == Action.JOIN and case.joiners == 1


def _told_beside(case: Case, taken: Taken) -> list[Told]:
    """Return what else a step is for some: units that help or were passed over, and that a case concerns many."""
    words = about(case) | _words(case, taken)
    tolds = []
    for kind, name in (("case_helping", "helpers"), ("offer_passed_over", "passed_over")):
        units = [UUID(unit) for unit in taken.data.get(name, ())]
        tolds.append(Told(kind, case.id, words, units=units))
    if taken.data.get("became_collective"):
        roles = [(role, case.area_path) for role in (Role.GRID_WORKER, *_OFFICERS)]
        tolds.append(Told("case_collective", case.id, words, people=[case.requester_id], roles=roles))
    return tolds


def _rule_of(case: Case, taken: Taken) -> Rule | None:
    if taken.step == Action.FEEDBACK:
        return JUDGED[case.state]
    if taken.step == Action.RESUME and taken.actor == "system":
        return _PAUSE_IS_OVER if case.unit_id is not None else _PAUSE_OF_NOBODY
    return RULES.get(taken.step)


async def _concerned(session: Session, case: Case) -> Sequence[UUID]:
    joined = sorted(await repository.joiner_ids(session, case.id)) if case.joiners else []
    return [case.requester_id, *joined]


def _words(case: Case, taken: Taken) -> dict[str, str]:
    """Return the words that a step gives to its template."""
    level_zh, level_en = _LEVELS.get(case.level or "", ("", ""))
    note = (taken.note or "")[:_NOTE_MAX]
    due_at = taken.data.get("due_at")
    words = {
        "note": note,
        "reason": note or str(taken.data.get("reason", "")),
        "level_zh": level_zh,
        "level_en": level_en,
        "unit": str(taken.data.get("unit", "")),
        "joiners": str(case.joiners),
        "due_on": datetime.fromisoformat(due_at).astimezone(CHINA).date().isoformat() if due_at else "",
        "project": str(taken.data.get("title", "")),
        "milestone": str(taken.data.get("milestone", "")),
        "representatives": str(taken.data.get("representatives", "")),
    }
    return {name: value for name, value in words.items() if value}
