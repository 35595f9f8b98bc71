"""Who hears of which step: the requester and those who joined, the unit, whoever has to look next. One table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from services.intake.cases import repository
from services.intake.cases.models import Case
from services.intake.cases.terms import Action, Level, State
from services.intake.notifications.service import Told
from shared.auth import Role
from shared.clock import CHINA
from shared.db import Session

__all__ = ["Taken", "about", "told_of"]

_OFFICERS: Final = (Role.SECRETARY, Role.OFFICER)
_NOTE_MAX: Final = 100
_LEVELS: Final = {
    Level.GRID.value: ("小事（网格办理）", "for the grid"),
    Level.COUNCIL.value: ("大事（议事会）", "for the council"),
    Level.JOINT.value: ("难事（联席会议）", "for the joint meeting"),
}
_JUDGED: Final = {State.CLOSED.value: "case_closed", State.REOPENED.value: "case_reopened"}


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
class _Rule:
    """Who hears of a step.

    Attributes:
        kind: the template.
        concerned: the requester and those who joined.
        unit: the unit that has the case now.
        left_unit: the unit that has it no longer.
        roles: who holds these roles over the case's area.
    """

    kind: str
    concerned: bool = True
    unit: bool = False
    left_unit: bool = False
    roles: tuple[Role, ...] = ()


_RULES: Final[dict[str, _Rule]] = {
    Action.ACCEPT: _Rule("case_accepted"),
    Action.DECLINE: _Rule("case_declined"),
    Action.TRIAGE: _Rule("case_triaged"),
    Action.CHANGE_LEVEL: _Rule("case_triaged", left_unit=True, roles=(Role.CONVENOR,)),
    Action.APPEAL: _Rule("appeal_made", concerned=False, roles=_OFFICERS),
    Action.ANSWER_APPEAL: _Rule("appeal_answered"),
    "appeal_late": _Rule("appeal_passed_up"),
    Action.ASSIGN: _Rule("case_assigned", unit=True, left_unit=True),
    Action.OFFER: _Rule("case_offered", concerned=False, roles=(Role.CONVENOR,)),
    Action.CHOOSE: _Rule("case_claimed", unit=True),
    Action.CLAIM: _Rule("case_claimed", roles=_OFFICERS),
    Action.HAND_ON: _Rule("case_handed_on", unit=True, roles=_OFFICERS),
    "forced_joint": _Rule("case_forced_joint", roles=(Role.CONVENOR, *_OFFICERS)),
    Action.PROGRESS: _Rule("case_progress"),
    Action.REPLY: _Rule("case_replied"),
    Action.COMMENT: _Rule("case_commented", unit=True, roles=(Role.GRID_WORKER,)),
    Action.PAUSE: _Rule("case_paused"),
    Action.RESUME: _Rule("case_resumed", unit=True),
    Action.RESOLVE: _Rule("case_resolved"),
    "objected": _Rule("case_reopened", left_unit=True, roles=_OFFICERS),
    Action.REOPEN: _Rule("case_reopened", roles=_OFFICERS),
    Action.CHECK: _Rule("case_checked", left_unit=True, roles=_OFFICERS),
    "silence": _Rule("case_closed_by_silence"),
    "confirmed": _Rule("case_closed", unit=True),
    Action.WITHDRAW: _Rule("case_closed", unit=True),
    Action.JOIN: _Rule("case_joined", concerned=False, unit=True),
    Action.MERGE: _Rule("case_merged"),
    Action.UNMERGE: _Rule("case_unmerged"),
    "lapse": _Rule("claim_lapsed", left_unit=True, roles=_OFFICERS),
    "unseal": _Rule("unsealed"),
    "need_opened": _Rule("need_opened"),
    "project_opened": _Rule("project_opened"),
    "milestone_reached": _Rule("milestone_reached"),
    "project_completed": _Rule("project_completed"),
    "project_cancelled": _Rule("project_cancelled", unit=True, roles=_OFFICERS),
}


def about(case: Case) -> dict[str, str]:
    """Return what every message about a case may name."""
    return {"number": case.number, "title": case.title}


async def told_of(session: Session, case: Case, taken: Taken) -> list[Told]:
    """Return what is to be told of a step; whoever took it knows."""
    rule = _rule_of(case, taken)
    if rule is None:
        return []
    people = await _concerned(session, case) if rule.concerned else []
    units = [case.unit_id] if rule.unit and case.unit_id is not None else []
    left = taken.data.get("left_unit")
    units += [UUID(left)] if rule.left_unit and left else []
    told = Told(
        kind=rule.kind,
        case_id=case.id,
        params=about(case) | _words(case, taken),
        people=[person for person in people if not taken.actor.endswith(f"/{person}")],
        units=units,
        roles=[(role, case.area_path) for role in rule.roles],
    )
    return [told] if told.people or told.units or told.roles else []


def _rule_of(case: Case, taken: Taken) -> _Rule | None:
    if taken.step == Action.FEEDBACK:
        # Closed, opened again, or as the requester sees it and not yet the neighbours: the unit hears what its work
        # was worth.
        return _Rule(_JUDGED.get(case.state, "confirmations_wanted"), unit=True, left_unit=True)
    if taken.step == Action.RESUME and taken.actor == "system":
        return _Rule("pause_is_over", unit=True, roles=_OFFICERS if case.unit_id is None else ())
    return _RULES.get(taken.step)


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
    }
    return {name: value for name, value in words.items() if value}
