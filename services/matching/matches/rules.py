"""States of a proposal, and who decides on it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.matching.needs.rules import staff_decide
from shared.auth import Principal
from shared.problems import Conflict
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = ["STEPS", "MatchAction", "MatchFacts", "MatchState", "NeedNotOpen"]


class MatchState(StrEnum):
    """What became of a proposal."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class MatchAction(StrEnum):
    """What can be done with a proposal."""

    ACCEPT = "accept"
    REFUSE = "refuse"


class NeedNotOpen(Conflict):
    """The need has found something else."""

    code = "need_not_open"
    title = Text(zh="该需求已不在待对接状态", en="The need is not open any more")


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """What the rules know of a proposal."""

    state: MatchState
    area_path: str


def _officer_here(match: MatchFacts, caller: Principal) -> Denial | None:
    return staff_decide(match.area_path, caller)


_PROPOSED: Final = frozenset({MatchState.PROPOSED})
STEPS: Final[dict[MatchAction, Step[MatchFacts]]] = {
    MatchAction.ACCEPT: Step(_PROPOSED, MatchState.ACCEPTED, _officer_here),
    MatchAction.REFUSE: Step(_PROPOSED, MatchState.REFUSED, _officer_here),
}
