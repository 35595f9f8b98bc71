"""What can be wrong with a visit."""

from shared.problems import Invalid
from shared.texts import Text

__all__ = [
    "DoorRequired",
    "InTheFuture",
    "OutsideOfPlan",
    "PlanIsOver",
    "TooLongAgo",
    "UnknownPlan",
    "UnknownVisit",
    "WrongPlanKind",
]


class UnknownPlan(Invalid):
    """There is no such plan."""

    code = "unknown_visit_plan"
    title = Text(zh="没有这个走访计划", en="No such visit plan")


class UnknownVisit(Invalid):
    """There is no such visit, or it is voided."""

    code = "unknown_visit"
    title = Text(zh="没有这次走访，或它已作废", en="No such visit, or it is voided")


class PlanIsOver(Invalid):
    """Nobody goes there any more: the plan was cancelled."""

    code = "plan_is_over"
    title = Text(zh="该走访计划已取消", en="The plan was cancelled")


class WrongPlanKind(Invalid):
    """The plan is of another kind of visits."""

    code = "wrong_plan_kind"
    title = Text(zh="走访类型与计划不符", en="The plan is for visits of another kind")


class OutsideOfPlan(Invalid):
    """The visit's day or place does not belong to the plan; `reason` says which: `period` or `area`."""

    code = "outside_of_plan"
    title = Text(zh="走访时间或地点不在计划范围内", en="The plan does not cover the day or the place of the visit")


class DoorRequired(Invalid):
    """A visit to a home names its door, one to an enterprise its unit or door: else it cannot be counted."""

    code = "door_required"
    title = Text(zh="请填写门牌或单位", en="Name the door, or the unit")


class InTheFuture(Invalid):
    """It cannot have been yet."""

    code = "in_the_future"
    title = Text(zh="时间晚于现在", en="The time lies ahead")


class TooLongAgo(Invalid):
    """More than ten years ago."""

    code = "too_long_ago"
    title = Text(zh="时间早于十年前", en="More than ten years ago")
