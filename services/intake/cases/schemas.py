"""Shapes of cases."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from services.intake.cases.terms import Channel, Level, Outcome, State
from services.intake.categories.schemas import CategoryCode
from services.intake.clocks.rules import ClockKind
from services.intake.forms.schemas import Answers
from shared.money import MAX_FEN
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "AcceptIn",
    "AssignIn",
    "AttachmentIds",
    "CaseFilter",
    "CaseOut",
    "CaseQuery",
    "CaseSummary",
    "ChangeLevelIn",
    "ClockOut",
    "DeclineIn",
    "FileCaseIn",
    "HandOnIn",
    "MapOut",
    "MapPointOut",
    "MapQuery",
    "NeedIn",
    "NeedRaisedOut",
    "NoteIn",
    "PauseIn",
    "PointIn",
    "RepresentIn",
    "ResolveIn",
    "StepOut",
    "TriageIn",
    "TriageOut",
]

_DEGREES = r"-?\d{1,3}(\.\d{1,7})?"
_BOX = rf"^{_DEGREES},{_DEGREES},{_DEGREES},{_DEGREES}$"
_BOX_IS = "Inside west,south,east,north in degrees, for a map 地图范围"
AttachmentIds = Annotated[list[UUID], Field(max_length=9)]


class PointIn(InputModel):
    """A place in WGS 84 degrees."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class FileCaseIn(InputModel):
    """A new case. `id` may be made by the client (UUIDv7), so that a phone can file offline and send twice."""

    id: UUID | None = None
    category: CategoryCode
    title: ShortText
    description: PlainText
    area_id: UUID
    location: PointIn | None = None
    place_text: ShortText | None = None
    attachment_ids: AttachmentIds = Field(default_factory=list)
    answers: Answers | None = None


class CaseFilter(BaseModel):
    """What cases are narrowed to; whatever is left out does not narrow."""

    under: Annotated[UUID | None, Field(description="At or below this area 区域")] = None
    state: State | None = None
    open: Annotated[bool | None, Field(description="Open ones, or closed ones 未办结")] = None
    unit_id: Annotated[UUID | None, Field(description="In the hands of this unit 承办单位")] = None
    collective: bool | None = None
    overdue: Annotated[bool, Field(description="Only what has passed a due time 超期")] = False
    category: Annotated[str | None, Field(max_length=40)] = None
    level: Level | None = None
    since: Annotated[AwareDatetime | None, Field(description="Filed at or after 起")] = None
    until: Annotated[AwareDatetime | None, Field(description="Filed before 止")] = None
    q: Annotated[str | None, Field(min_length=2, max_length=100, description="Words in title or text 关键词")] = None
    mine: Annotated[bool, Field(description="Only what I raised 我的诉求")] = False


class CaseQuery(CaseFilter):
    """What a list is narrowed to, and how it is sorted."""

    bbox: Annotated[str | None, Field(pattern=_BOX, description=_BOX_IS)] = None
    sort: Annotated[
        Literal["newest", "joiners"],
        Field(description="`joiners`: open ones, those that concern the most people first 按加入人数排序"),
    ] = "newest"


class MapQuery(CaseFilter):
    """What a map is narrowed to."""

    bbox: Annotated[str, Field(pattern=_BOX, description=_BOX_IS)]
    limit: Annotated[int, Field(ge=1, le=2_000, description="At most so many points 点数上限")] = 500


class NoteIn(InputModel):
    """A word on what is being done."""

    note: PlainText


class AcceptIn(InputModel):
    """Taking a case in; the note is for its history."""

    note: PlainText | None = None


class OverrideIn(InputModel):
    """An officer's own judgement of the level, with the reason."""

    level: Level
    reason: PlainText


class TriageIn(InputModel):
    """The answers to what triage asks. Cost is an estimate in fen."""

    owner_is_clear: bool
    crosses_boundary: bool
    households: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
    cost_fen: Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)]
    departments: Annotated[int, Field(strict=True, ge=0, le=100)]
    override: OverrideIn | None = None


class AssignIn(InputModel):
    """To which unit, and why."""

    unit_id: UUID
    note: PlainText | None = None


class DeclineIn(InputModel):
    """Why a case is not taken in; the requester reads it and may appeal."""

    reason: PlainText


class ChangeLevelIn(InputModel):
    """Up to the council or the joint meeting, or back down, and why."""

    level: Level
    reason: PlainText


class HandOnIn(InputModel):
    """Why a unit hands the case on, and to whom; without a unit it goes back to whoever assigns."""

    reason: PlainText
    unit_id: UUID | None = None


class PauseIn(InputModel):
    """Why the clock stands still: one of the reasons in the handling rules."""

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    note: PlainText | None = None


class RepresentIn(InputModel):
    """Who speaks for a collective case beside the requester; they have joined it."""

    person_ids: Annotated[list[UUID], Field(max_length=20)]


class ResolveIn(InputModel):
    """What was done, with proof; `public_note` says it in words that anybody may read: no names, no phone numbers."""

    note: PlainText
    public_note: ShortText | None = None
    attachment_ids: AttachmentIds = Field(default_factory=list)


class NeedIn(InputModel):
    """What a case needs. The summary is public: no names, no phone numbers."""

    category: CategoryCode
    summary: ShortText
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    urgent: bool = False


class NeedRaisedOut(OutputModel):
    """The need that will appear on the demand list."""

    need_id: UUID
    case_id: UUID


class ReasonOut(OutputModel):
    """One criterion's part in the level."""

    code: str
    points: int
    detail_zh: str
    detail_en: str


class TriageOut(OutputModel):
    """How the level came about."""

    points: int
    scored_level: Level
    reasons: list[ReasonOut]
    override_reason: str | None
    proposed_unit_id: UUID | None


class PointOut(OutputModel):
    """A place in WGS 84 degrees."""

    latitude: float
    longitude: float


class ClockOut(OutputModel):
    """The newest run of a clock.

    `left_s` counts working seconds (the calendar's for `verdict`), and is negative when the time was overrun; what is
    paused runs again by itself at `paused_until`.
    """

    clock: ClockKind
    run: int
    state: Literal["running", "paused", "stopped"]
    due_at: datetime | None
    budget_s: int
    left_s: int
    reason: str | None
    paused_until: datetime | None


class CaseSummary(OutputModel):
    """A line of a list."""

    id: UUID
    number: str
    category: str
    title: str
    area_id: UUID
    area_path: str
    state: State
    level: Level | None
    outcome: Outcome | None
    unit_id: UUID | None
    due_at: datetime | None
    channel: Channel
    paused_reason: str | None
    hand_overs: int
    reopened: int
    joiners: int
    collective: bool
    appeal_open: bool
    anonymous: bool
    closed_at: datetime | None
    filed_at: datetime
    updated_at: datetime
    version: int


class MapPointOut(OutputModel):
    """A case on a map, in WGS 84 degrees."""

    id: UUID
    number: str
    category: str
    title: str
    state: State
    level: Level | None
    joiners: int
    collective: bool
    due_at: datetime | None
    latitude: float
    longitude: float


class MapOut(OutputModel):
    """What lies in a box, the newest first; `is_whole` tells whether that is all, or a smaller box shows more."""

    points: list[MapPointOut]
    is_whole: bool


class ResolutionOut(OutputModel):
    """What ended the work on a case: the step (`resolve`, `decline`, …) and what was said and shown with it."""

    step: str
    note: str | None
    public_note: str | None
    attachment_ids: list[UUID]
    at: datetime


class CaseOut(CaseSummary):
    """A case as its reader may see it; `requester_id` is null for those who need not know.

    `resolution` is there while nobody works on the case, and goes when it is opened again. `answers` fit the form
    `form_version` of the category; `missing_answers` are required ones that nobody has given.
    """

    description: str
    location: PointOut | None
    place_text: str | None
    requester_id: UUID | None
    triage: TriageOut | None
    attachment_ids: list[UUID]
    answers: dict[str, Any] | None
    form_version: int | None
    missing_answers: list[str]
    resolution: ResolutionOut | None
    clocks: list[ClockOut]
    next_actions: list[NextActionOut]


class StepOut(OutputModel):
    """One step of the history."""

    position: int
    step: str
    from_state: State | None
    to_state: State
    level: Level | None
    unit_id: UUID | None
    actor: str
    note: str | None
    data: dict[str, Any]
    at: datetime
