"""Shapes of rule sets, explanations and dry runs."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.intake.cases.terms import Level
from services.intake.categories.schemas import CategoryCode
from services.intake.routing.rules import RULES_MAX, TESTS_MAX, Condition, SetState
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "CaseRoutingOut",
    "ChangedCaseOut",
    "DifferenceOut",
    "DryRunIn",
    "DryRunOut",
    "ExplainIn",
    "ExplanationOut",
    "FactsOut",
    "RuleIn",
    "RuleOut",
    "RuleSetIn",
    "RuleSetOut",
    "RuleSetSummary",
    "TestIn",
    "TestOut",
    "UnitCountOut",
    "VerdictOut",
]

Against = Literal["draft", "published"]


class RuleIn(InputModel):
    """At or below an area, a category (or a parent of categories) and a level, or any of them, go to a unit."""

    area_id: UUID
    category: CategoryCode | None = None
    level: Level | None = None
    unit_id: UUID
    note: Annotated[PlainText | None, Field(description="What the unit should know 工作提示")] = None
    auto: Annotated[bool, Field(description="Assign without asking 自动派单")] = False


class TestIn(InputModel):
    """A case as it might come, and the unit that should get it; null when no rule should fit."""

    __test__ = False

    name: ShortText
    area_id: UUID
    category: CategoryCode
    level: Level | None = None
    unit_id: UUID | None


class RuleSetIn(InputModel):
    """All rules of the draft and the tests beside them; it replaces what was there."""

    rules: Annotated[list[RuleIn], Field(max_length=RULES_MAX)]
    tests: Annotated[list[TestIn], Field(max_length=TESTS_MAX)] = Field(default_factory=list)


class ExplainIn(InputModel):
    """Facts to try against a set."""

    area_id: UUID
    category: CategoryCode
    level: Level | None = None
    against: Against = "published"


class DryRunIn(InputModel):
    """Past cases to try the draft on: filed in a time, at or below an area."""

    since: AwareDatetime
    until: AwareDatetime
    under: UUID | None = None


class RuleOut(OutputModel):
    """One rule, as it was given."""

    position: int
    area_id: UUID
    area_path: str
    category: str | None
    level: Level | None
    unit_id: UUID
    note: str | None
    auto: bool


class TestOut(OutputModel):
    """One test, with what the set says now."""

    __test__ = False

    position: int
    name: str
    area_id: UUID
    area_path: str
    category: str
    level: Level | None
    unit_id: UUID | None
    found_unit_id: UUID | None
    passes: bool


class RuleSetSummary(OutputModel):
    """A set's life: who made, changed and published it, and when."""

    number: int
    state: SetState
    based_on: int | None
    made_by: str
    made_at: datetime
    changed_by: str
    changed_at: datetime
    published_by: str | None
    published_at: datetime | None
    retired_at: datetime | None
    version: int


class GoneOut(OutputModel):
    """A rule or test that names what is not in use any more."""

    pointer: str
    code: str
    detail_zh: str
    detail_en: str


class RuleSetOut(RuleSetSummary):
    """A set with its rules, its tests, and what it names that has been closed since."""

    rules: list[RuleOut]
    tests: list[TestOut]
    gone: list[GoneOut]


class ChangeOut(OutputModel):
    """The same area, category and level with another outcome."""

    before: RuleOut
    after: RuleOut


class DifferenceOut(OutputModel):
    """What the draft says otherwise than what is published; `published` is null when nothing is."""

    draft: int
    published: int | None
    added: list[RuleOut]
    removed: list[RuleOut]
    changed: list[ChangeOut]


class FactsOut(OutputModel):
    """What the rules look at."""

    area_path: str
    category: str
    parent_category: str | None
    level: Level | None


class VerdictOut(OutputModel):
    """One rule's part: it wins, it fits and another wins, or the first condition that failed."""

    rule: RuleOut
    wins: bool
    matched: bool
    failed: Condition | None
    detail_zh: str
    detail_en: str


class ExplanationOut(OutputModel):
    """Every rule in order of precedence, and the one that wins; no unit when none fits."""

    set_number: int
    state: SetState
    facts: FactsOut
    unit_id: UUID | None
    auto: bool
    note: str | None
    verdicts: list[VerdictOut]


class CaseRoutingOut(ExplanationOut):
    """How a case is routed by what is published, beside the unit that has it."""

    case_id: UUID
    handled_by: UUID | None


class UnitCountOut(OutputModel):
    """How many of the cases: really handled by a unit, by what is published, by the draft; null is no unit."""

    unit_id: UUID | None
    handled: int
    published: int
    draft: int


class ChangedCaseOut(OutputModel):
    """A case that a unit handled and the draft would give to another, or to none."""

    case_id: UUID
    number: str
    area_path: str
    category: str
    level: Level | None
    filed_at: datetime
    handled_by: UUID
    draft_unit_id: UUID | None


class DryRunOut(OutputModel):
    """What the draft would have done; `is_complete` is false when 100 000 cases were reached: the newest ones."""

    cases: int
    is_complete: bool
    handled: int
    would_change: int
    units: list[UnitCountOut]
    changed: list[ChangedCaseOut]
