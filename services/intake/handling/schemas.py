"""The handling rules of a tenant, whole: what is stored is what is shown."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from services.intake.cases.terms import Level, Outcome
from services.intake.categories.schemas import CategoryCode
from services.intake.clocks.rules import ClockKind
from shared.auth import Role
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["DEFAULT_HANDLING", "Answer", "HandlingIn", "HandlingOut", "Ladder", "Limit", "PauseReason", "Rung"]

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Minutes = Annotated[int, Field(strict=True, ge=1, le=1_000_000, description="Working minutes 工作分钟")]
Days = Annotated[int, Field(strict=True, ge=1, le=366, description="Calendar days 自然日")]
TimedClock = Literal[ClockKind.ACCEPT, ClockKind.FIRST_REPLY, ClockKind.RESOLVE]


class Limit(InputModel):
    """How long something may take; the most exact line wins, the category before the level."""

    clock: TimedClock
    category: CategoryCode | None = None
    level: Level | None = None
    minutes: Minutes


class Rung(InputModel):
    """Who is told when nothing has happened yet.

    `after_minutes` counts working minutes past the due time; `up` counts areas above the case's own.
    """

    after_minutes: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
    roles: Annotated[list[Role], Field(min_length=1, max_length=5)]
    up: Annotated[int, Field(strict=True, ge=0, le=6)]
    supervise: bool = False


_APPEAL_LADDER: Final = (
    Rung(after_minutes=0, roles=[Role.SECRETARY, Role.OFFICER], up=1),
    Rung(after_minutes=840, roles=[Role.SECRETARY, Role.OFFICER], up=2),
)


def _check_rising(rungs: Sequence[Rung]) -> None:
    if any(one.after_minutes >= two.after_minutes for one, two in pairwise(rungs)):
        message = "each rung comes later than the one before"
        raise ValueError(message)


class Ladder(InputModel):
    """The rungs of one clock, the first one first."""

    clock: TimedClock
    rungs: Annotated[list[Rung], Field(max_length=8)]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _check_rising(self.rungs)
        return self


class PauseReason(InputModel):
    """Why a clock may stand still, and for how long at a time: until the quota is used up if nothing is said."""

    code: Code
    name_zh: ShortText
    name_en: ShortText
    minutes_max: Minutes | None = None


class Answer(InputModel):
    """One answer that the requester may give, and what it does."""

    code: Code
    name_zh: ShortText
    name_en: ShortText
    outcome: Literal[Outcome.SATISFIED, Outcome.PARTLY_SATISFIED, Outcome.NOT_SATISFIED]
    reopens: bool
    comment_required: bool = False


class HandlingIn(InputModel):
    """How a tenant handles cases."""

    limits: Annotated[list[Limit], Field(min_length=3, max_length=500)]
    warn_percent: Annotated[int, Field(strict=True, ge=1, le=99)] = 80
    ladders: Annotated[list[Ladder], Field(max_length=3)]
    pause_reasons: Annotated[list[PauseReason], Field(max_length=20)]
    pauses_max: Annotated[int, Field(strict=True, ge=0, le=20)] = 2
    pause_minutes_max: Minutes = 4_200
    lease_minutes: Minutes = 1_260
    hand_overs_max: Annotated[int, Field(strict=True, ge=1, le=10)] = 2
    supervision_minutes: Minutes = 840
    appeal_minutes: Minutes = 2_100
    appeal_rungs: Annotated[list[Rung], Field(max_length=8)] = Field(default_factory=lambda: list(_APPEAL_LADDER))
    silence_days: Days = 7
    reopen_days: Days = 30
    collective_from: Annotated[int, Field(strict=True, ge=2, le=1_000)] = 5
    representatives_max: Annotated[int, Field(strict=True, ge=1, le=20)] = 5
    confirmations: Annotated[int, Field(strict=True, ge=0, le=100, description="k of n 联名确认人数")] = 0
    answers: Annotated[list[Answer], Field(min_length=2, max_length=10)]

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        _check_rising(self.appeal_rungs)
        for clock in (ClockKind.ACCEPT, ClockKind.FIRST_REPLY, ClockKind.RESOLVE):
            if not any(one.clock is clock and one.category is None and one.level is None for one in self.limits):
                message = f"a limit of {clock} for everything is missing"
                raise ValueError(message)
        kinds = {one.reopens for one in self.answers}
        if kinds != {True, False}:
            message = "one answer opens the case again, another lets it be closed"
            raise ValueError(message)
        for name, keys in (
            ("limits", [(one.clock, one.category, one.level) for one in self.limits]),
            ("ladders", [one.clock for one in self.ladders]),
            ("pause_reasons", [one.code for one in self.pause_reasons]),
            ("answers", [one.code for one in self.answers]),
        ):
            if len(set(keys)) != len(keys):
                message = f"{name}: said twice"
                raise ValueError(message)
        return self

    def limit_s(self, clock: ClockKind, category: str, level: Level | None) -> int:
        """Return the limit of a clock in working seconds."""
        fitting = [
            one
            for one in self.limits
            if one.clock is clock and one.category in {None, category} and one.level in {None, level}
        ]
        best = max(fitting, key=lambda one: (one.category is not None, one.level is not None))
        return best.minutes * 60

    def rungs(self, clock: ClockKind) -> list[Rung]:
        """Return the ladder of a clock."""
        return next((one.rungs for one in self.ladders if one.clock is clock), [])

    def pause_s(self, code: str | None) -> int | None:
        """Return for how many working seconds a reason lets a clock stand still at a time; None without such an end."""
        minutes = next((one.minutes_max for one in self.pause_reasons if one.code == code), None)
        return None if minutes is None else minutes * 60

    def answer(self, code: str) -> Answer | None:
        """Return what an answer does."""
        return next((one for one in self.answers if one.code == code), None)


class HandlingOut(OutputModel):
    """The handling rules in force; version 1 is what comes with the house."""

    version: int
    set_by: str | None
    set_at: datetime | None
    rules: HandlingIn


_LADDER: Final = [
    Rung(after_minutes=0, roles=[Role.SECRETARY, Role.OFFICER], up=1),
    Rung(after_minutes=420, roles=[Role.SECRETARY, Role.OFFICER], up=2),
    Rung(after_minutes=1_260, roles=[Role.SECRETARY, Role.OFFICER], up=3, supervise=True),
]
# A working day has seven hours.
DEFAULT_HANDLING: Final = HandlingIn(
    limits=[
        Limit(clock=ClockKind.ACCEPT, minutes=120),
        Limit(clock=ClockKind.FIRST_REPLY, minutes=420),
        Limit(clock=ClockKind.RESOLVE, minutes=2_100),
        Limit(clock=ClockKind.RESOLVE, level=Level.COUNCIL, minutes=6_300),
        Limit(clock=ClockKind.RESOLVE, level=Level.JOINT, minutes=12_600),
    ],
    ladders=[
        Ladder(clock=kind, rungs=_LADDER) for kind in (ClockKind.ACCEPT, ClockKind.FIRST_REPLY, ClockKind.RESOLVE)
    ],
    pause_reasons=[
        PauseReason(code="waiting_for_requester", name_zh="等待诉求人补充", name_en="waiting for the requester"),
        PauseReason(code="waiting_for_parts", name_zh="等待材料或设备", name_en="waiting for parts"),
        PauseReason(code="weather", name_zh="天气原因", name_en="weather"),
        PauseReason(code="legal_procedure", name_zh="法定程序", name_en="a procedure that the law demands"),
    ],
    answers=[
        Answer(code="solved", name_zh="已解决", name_en="solved", outcome=Outcome.SATISFIED, reopens=False),
        Answer(code="partly", name_zh="部分解决", name_en="partly", outcome=Outcome.PARTLY_SATISFIED, reopens=False),
        Answer(code="not_solved", name_zh="未解决", name_en="not solved", outcome=Outcome.NOT_SATISFIED, reopens=True),
    ],
)
