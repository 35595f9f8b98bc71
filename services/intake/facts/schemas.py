"""Shapes of facts."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.intake.cases.terms import Channel, Level, Outcome, State
from services.intake.facts.rules import Effect
from shared.web import InputModel, OutputModel

__all__ = ["CaseFactOut", "DayFactOut", "FactCheckIn", "FactCheckOut", "FactQuery", "FactsOut", "TransitionFactOut"]

_FIRST, _LAST = date(1900, 1, 1), date(2200, 12, 31)
_SECONDS: Final = "Seconds that counted, over all runs that have ended 计入的秒数"
_KEPT: Final = "Whether every run ended within its limit; null while none has ended 是否按时"

Day = Annotated[date | None, Field(ge=_FIRST, le=_LAST)]
Seconds = Annotated[int | None, Field(description=_SECONDS)]
Kept = Annotated[bool | None, Field(description=_KEPT)]


class FactQuery(BaseModel):
    """What a list is narrowed to; whatever is left out does not narrow. Days are those of China."""

    under: Annotated[UUID | None, Field(description="At or below this area 区域")] = None
    first_on: Annotated[Day, Field(alias="from", description="First day 起始日")] = None
    last_on: Annotated[Day, Field(alias="to", description="Last day 截止日")] = None
    category: Annotated[str | None, Field(max_length=40)] = None
    level: Annotated[Level | Literal["unjudged"] | None, Field(description="`unjudged`: without a level 未定级")] = None


class CaseFactOut(OutputModel):
    """One case as its history tells it, without anybody's name or words."""

    case_id: UUID
    area_path: str
    category: str
    channel: Channel
    level: Level | None
    unit_id: UUID | None
    state: State
    outcome: Outcome | None
    anonymous: bool
    collective: bool
    joiners: int
    filed_at: datetime
    filed_on: date
    accepted_at: datetime | None
    first_reply_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    accept_s: Seconds
    accept_kept: Kept
    first_reply_s: Seconds
    first_reply_kept: Kept
    resolve_s: Seconds
    resolve_kept: Kept
    verdict_s: Seconds
    verdict_kept: Kept
    reopened: int
    hand_overs: int
    appeals: int
    supervised: int
    version: Annotated[int, Field(description="The last step that was read 已读取到的步骤")]


class TransitionFactOut(OutputModel):
    """One step of a case, and how long it was in coming; of who took it, only whether a person or a machine did."""

    case_id: UUID
    position: int
    area_path: str
    category: str
    channel: Channel
    step: str
    effect: Annotated[Effect | None, Field(description="What it does to the figures of its day 计入当日的")]
    from_state: State | None
    to_state: State
    level: Level | None
    unit_id: UUID | None
    actor_kind: str
    at: datetime
    day: date
    until_at: Annotated[datetime | None, Field(description="When the next step was 下一步时间")]
    calendar_s: Annotated[int | None, Field(description="Seconds since the step before 距上一步的秒数")]
    working_s: Annotated[int | None, Field(description="Of these, working time; null beyond ten years 其中工作时间")]


class DayFactOut(OutputModel):
    """What a day brought in one area, category and level, and what was open when it ended."""

    day: date
    area_path: str
    category: str
    level: Level | Literal["unjudged"]
    opened: int
    accepted: int
    resolved: int
    closed: int
    reopened: int
    backlog: Annotated[int, Field(description="Open at the end of the day 日终未办结")]
    overdue: Annotated[int, Field(description="Of these, past a due time 其中超期")]
    revision: Annotated[int, Field(description="More than 1: old cases were imported later 因补录而重新计数的次数")]


class FactsOut(OutputModel):
    """How far facts are counted. Days up to `frozen_through` change only when old cases are imported."""

    read_through: datetime | None
    frozen_through: date | None
    filling: bool


class FactCheckIn(InputModel):
    """Whether to mend what is found wrong: then it is a rebuild."""

    id: UUID | None = None
    repair: bool = False


class FactCheckOut(OutputModel):
    """A check: what was looked at, and the first hundred rows that were not what the histories say."""

    id: UUID
    repair: bool
    state: Literal["queued", "running", "done"]
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None
    cases: int
    unread: Annotated[int, Field(description="Cases with steps that are not read yet 尚未读取的诉求")]
    days: int
    differences: int
    found: list[dict[str, Any]]
