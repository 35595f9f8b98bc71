"""How a case gets its level: scored criteria, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.intake.cases.terms import Level
from shared.texts import Text

__all__ = ["RAISED_AT", "Criteria", "Reason", "higher", "highest", "triage"]

# How often a case is opened again before somebody higher has to see to it.
RAISED_AT: Final = 2
_LEVELS: Final = (Level.GRID, Level.COUNCIL, Level.JOINT)


def higher(level: Level) -> Level:
    """Return the level above; the joint meeting has none."""
    return _LEVELS[min(_LEVELS.index(level) + 1, len(_LEVELS) - 1)]


def highest(one: Level, two: Level) -> Level:
    """Return the higher of two levels."""
    return max(one, two, key=_LEVELS.index)


@dataclass(frozen=True, slots=True)
class Criteria:
    """What triage asks. Cost is an estimate in fen."""

    owner_is_clear: bool
    crosses_boundary: bool
    households: int
    cost_fen: int
    departments: int


@dataclass(frozen=True, slots=True)
class Reason:
    """One criterion's part in the score."""

    code: str
    points: int
    detail: Text


_COUNCIL_FROM: Final = 3
_JOINT_FROM: Final = 6
_MANY_HOUSEHOLDS: Final = 10
_COSTLY_FEN: Final = 500_000
_VERY_COSTLY_FEN: Final = 5_000_000


def triage(criteria: Criteria) -> tuple[Level, Sequence[Reason]]:
    """Score the criteria and return the level with the reasons; below 3 points the grid, from 6 the joint meeting."""
    reasons = []
    if not criteria.owner_is_clear:
        reasons.append(Reason("owner_unclear", 4, Text(zh="权属不清", en="nobody knows whose it is")))
    if criteria.crosses_boundary:
        reasons.append(Reason("crosses_boundary", 3, Text(zh="跨区域", en="it lies across a boundary")))
    if criteria.households > _MANY_HOUSEHOLDS:
        reasons.append(
            Reason("many_households", 3, Text(zh="涉及十户以上", en="more than ten households are affected"))
        )
    if criteria.cost_fen > _VERY_COSTLY_FEN:
        reasons.append(Reason("very_costly", 6, Text(zh="预计费用超过五万元", en="it may cost more than 50 000 yuan")))
    elif criteria.cost_fen > _COSTLY_FEN:
        reasons.append(Reason("costly", 3, Text(zh="预计费用超过五千元", en="it may cost more than 5 000 yuan")))
    if criteria.departments > 1:
        reasons.append(
            Reason("several_departments", 3, Text(zh="涉及多个部门", en="several departments are concerned"))
        )
    points = sum(reason.points for reason in reasons)
    level = Level.JOINT if points >= _JOINT_FROM else Level.COUNCIL if points >= _COUNCIL_FROM else Level.GRID
    if not reasons:
        reasons.append(Reason("simple", 0, Text(zh="权属清楚、影响小", en="the owner is known and few are affected")))
    return level, reasons
