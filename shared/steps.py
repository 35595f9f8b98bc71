"""Tables of steps: what may be done with a thing, from which states, by whom, and why not, told before it is tried."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Generic, Protocol, TypeVar

from shared.auth import Principal
from shared.problems import Forbidden, WrongState
from shared.texts import Text
from shared.web.models import OutputModel

__all__ = ["Denial", "NextActionOut", "Step", "check_step", "next_actions"]

_WRONG_STATE = Text(zh="当前状态不能执行此操作", en="Not possible in the current state")


class HasState(Protocol):
    """What a table of steps must know of a thing."""

    @property
    def state(self) -> StrEnum:
        """Where the thing is."""


Facts = TypeVar("Facts", bound=HasState)


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not: the rule's name and the reason in both languages."""

    rule: str
    detail: Text

    def __hash__(self) -> int:
        """Tell denials apart by their rules, whose hash a string keeps: each answer looks some tens of them up."""
        return hash(self.rule)


@dataclass(frozen=True, slots=True)
class Step(Generic[Facts]):
    """One line of a table: from which states, to which (None keeps it), and the guard that says why not."""

    sources: frozenset[Any]
    target: Any
    guard: Callable[[Facts, Principal], Denial | None]


class NextActionOut(OutputModel):
    """Whether the caller may do this now, and if not, why."""

    action: str
    allowed: bool
    code: str | None
    detail_zh: str | None
    detail_en: str | None

    @classmethod
    def of(cls, action: str, denial: Denial | None) -> "NextActionOut":
        """Show what a table says of a step."""
        return _shown(action, denial)


# Few are ever told apart: a table has some tens of steps, each with a few reasons why not.
@lru_cache(maxsize=4096)
def _shown(action: str, denial: Denial | None) -> NextActionOut:
    code, zh, en = (denial.rule, denial.detail.zh, denial.detail.en) if denial else (None, None, None)
    return NextActionOut(action=str(action), allowed=denial is None, code=code, detail_zh=zh, detail_en=en)


_NOT_NOW: Final = Denial("wrong_state", _WRONG_STATE)


def next_actions(table: Mapping[Any, Step[Facts]], facts: Facts, caller: Principal) -> list[NextActionOut]:
    """Tell for every step of a table whether this caller may take it now, and why not the rest."""
    # Many steps have the same guard.
    denials: dict[Callable[[Facts, Principal], Denial | None], Denial | None] = {}
    told = []
    for action, step in table.items():
        if step.guard not in denials:
            denials[step.guard] = step.guard(facts, caller)
        denial = denials[step.guard]
        if denial is None and facts.state not in step.sources:
            denial = _NOT_NOW
        told.append(_shown(action, denial))
    return told


def check_step(table: Mapping[Any, Step[Facts]], action: StrEnum, facts: Facts, caller: Principal) -> None:
    """Refuse a step that the caller may not take (403, naming the rule) or that is not possible now (409)."""
    step = table[action]
    denial = step.guard(facts, caller)
    if denial is not None:
        raise Forbidden(denial.detail, rule=denial.rule)
    if facts.state not in step.sources:
        told = [item.model_dump() for item in next_actions(table, facts, caller)]
        raise WrongState(state=facts.state, next_actions=told)
