"""The words of a case: where it can be, who must handle it, what came of it, and what can be done with it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

__all__ = ["ENDED", "Action", "CaseFacts", "Channel", "Level", "Outcome", "State"]


class State(StrEnum):
    """Where a case is."""

    FILED = "filed"
    ACCEPTED = "accepted"
    TRIAGED = "triaged"
    ASSIGNED = "assigned"
    CLAIMED = "claimed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"


# Nobody works on it any more; what its requester says of it may open it again.
ENDED: Final = frozenset({State.RESOLVED, State.CLOSED})


class Level(StrEnum):
    """Who must handle a case: 小事, 大事, 难事."""

    GRID = "grid"
    COUNCIL = "council"
    JOINT = "joint"


class Outcome(StrEnum):
    """What came of it, separate from the state."""

    SATISFIED = "satisfied"
    PARTLY_SATISFIED = "partly_satisfied"
    NOT_SATISFIED = "not_satisfied"
    # The requester kept silent: neighbours have confirmed, or nobody has.
    CONFIRMED = "confirmed"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"


class Channel(StrEnum):
    """How a case came in."""

    APP = "app"
    VISIT = "visit"
    HOTLINE = "hotline"
    ENTERPRISE = "enterprise"
    COUNCIL = "council"
    IMPORT = "import"
    OPEN311 = "open311"


class Action(StrEnum):
    """What somebody can do with a case."""

    ACCEPT = "accept"
    DECLINE = "decline"
    TRIAGE = "triage"
    CHANGE_LEVEL = "change_level"
    APPEAL = "appeal"
    ANSWER_APPEAL = "answer_appeal"
    ASSIGN = "assign"
    OFFER = "offer"
    CHOOSE = "choose"
    CLAIM = "claim"
    HAND_ON = "hand_on"
    PROGRESS = "progress"
    REPLY = "reply"
    COMMENT = "comment"
    ANSWERS = "answers"
    PAUSE = "pause"
    RESUME = "resume"
    RESOLVE = "resolve"
    FEEDBACK = "feedback"
    CONFIRM = "confirm"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    NEEDS = "needs"
    JOIN = "join"
    LEAVE = "leave"
    REPRESENT = "represent"
    MERGE = "merge"
    UNMERGE = "unmerge"
    SUPERVISE = "supervise"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the rules know of a case."""

    state: State
    area_path: str
    requester_id: UUID
    level: Level | None = None
    unit_id: UUID | None = None
    outcome: Outcome | None = None
    is_joined: bool = False
    is_paused: bool = False
    can_reopen: bool = False
    appeals: bool = False
    representatives: frozenset[UUID] = frozenset()
