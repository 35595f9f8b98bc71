"""What can be wrong with a hazard."""

from shared.problems import Invalid
from shared.texts import Text

__all__ = ["NotAHazardCategory", "NotAnotherVisit", "NotYourVisit", "RectifiedBeforeFound", "RectifiedInTheFuture"]


class NotAHazardCategory(Invalid):
    """What is overdue becomes a case of kind hazard, so its category is one of those."""

    code = "not_a_hazard_category"
    title = Text(zh="分类须为隐患类", en="The category is not one of hazards")


class NotYourVisit(Invalid):
    """What is found belongs to a visit that the same person has made, and that is not voided."""

    code = "not_your_visit"
    title = Text(zh="只能登记本人有效走访中的发现", en="The visit is somebody else's, or voided")


class NotAnotherVisit(Invalid):
    """A second look is another visit, at the same place, after the rectification; `reason` says what it is not."""

    code = "not_another_visit"
    title = Text(zh="复查须为整改后在同一地点的另一次走访", en="A second look is another visit, there and afterwards")


class RectifiedBeforeFound(Invalid):
    """It was rectified before somebody found it."""

    code = "rectified_before_found"
    title = Text(zh="整改时间早于发现时间", en="It was not found yet at that time")


class RectifiedInTheFuture(Invalid):
    """It cannot have been rectified yet."""

    code = "in_the_future"
    title = Text(zh="时间晚于现在", en="The time lies ahead")
