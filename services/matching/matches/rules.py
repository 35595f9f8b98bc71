"""States of a proposal, and who decides on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.matching.needs.rules import staff_decide
from shared.auth import Principal
from shared.problems import Conflict, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "STEPS",
    "MatchAction",
    "MatchFacts",
    "MatchState",
    "NeedNotOpen",
    "PartTwice",
    "PartsMissing",
    "RoomMissing",
    "UnknownMatch",
    "check_parts",
]


class MatchState(StrEnum):
    """What became of a proposal."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class MatchAction(StrEnum):
    """What can be done with a proposal."""

    ACCEPT = "accept"
    REFUSE = "refuse"


class UnknownMatch(Invalid):
    """No proposal of this need has this id."""

    code = "unknown_match"
    title = Text(zh="该需求没有这条对接建议", en="The need has no such proposal")


class PartsMissing(Conflict):
    """The need wants several kinds of offers at once; `parts` says which, and they are accepted together."""

    code = "parts_missing"
    title = Text(zh="该需求须同时对接多类资源", en="The need takes several kinds of offers at once")


class PartTwice(Conflict):
    """Two offers of one kind, or one of a kind that the need does not want; `kind` says which."""

    code = "part_not_wanted"
    title = Text(zh="同类资源重复，或该需求不需要此类资源", en="The need does not take this kind, or has it already")


class RoomMissing(Invalid):
    """An offer of rooms is had for a time: name the room, from when and until when."""

    code = "room_missing"
    title = Text(zh="请选择房间与时段", en="Name a room and a time")


class NeedNotOpen(Conflict):
    """The need has found something else."""

    code = "need_not_open"
    title = Text(zh="该需求已不在待对接状态", en="The need is not open any more")


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """What the rules know of a proposal."""

    state: MatchState
    area_path: str


def check_parts(wanted: Sequence[str], kinds: Sequence[str]) -> None:
    """Refuse unless there is exactly one offer of each kind that is wanted; without parts, one of any kind."""
    if not wanted and len(kinds) == 1:
        return
    left = list(wanted)
    for kind in kinds:
        if kind not in left:
            raise PartTwice(kind=kind)
        left.remove(kind)
    if left:
        raise PartsMissing(parts=left)


def _officer_here(match: MatchFacts, caller: Principal) -> Denial | None:
    return staff_decide(match.area_path, caller)


_PROPOSED: Final = frozenset({MatchState.PROPOSED})
STEPS: Final[dict[MatchAction, Step[MatchFacts]]] = {
    MatchAction.ACCEPT: Step(_PROPOSED, MatchState.ACCEPTED, _officer_here),
    MatchAction.REFUSE: Step(_PROPOSED, MatchState.REFUSED, _officer_here),
}
