"""What can be wrong with a request about a case."""

from shared.problems import BadRequest, Conflict, Invalid
from shared.texts import Text

__all__ = [
    "DueInThePast",
    "NotAJoiner",
    "PauseQuotaUsed",
    "PauseTooLate",
    "ProofRequired",
    "SameUnit",
    "TooManyRepresentatives",
    "UnknownArea",
    "UnknownCategory",
    "UnknownPauseReason",
    "UnknownUnit",
    "WrongIdVersion",
]


class UnknownArea(Invalid):
    """No open area of this id."""

    code = "unknown_area"
    title = Text(zh="没有这个区域，或它已撤销", en="No such area, or it is closed")


class UnknownCategory(Invalid):
    """No active category of this code."""

    code = "unknown_category"
    title = Text(zh="没有这个分类", en="No such category")


class UnknownUnit(Invalid):
    """No active unit of this id."""

    code = "unknown_unit"
    title = Text(zh="没有这个单位", en="No such unit")


class SameUnit(Invalid):
    """A unit does not hand a case to itself: that would only renew its claim."""

    code = "same_unit"
    title = Text(zh="不能转办给本单位", en="A unit does not hand a case to itself")


class ProofRequired(Invalid):
    """The category demands a picture of what was done."""

    code = "proof_required"
    title = Text(zh="该类诉求办结须附照片", en="A case of this category is resolved with a picture")


class DueInThePast(Invalid):
    """A due time lies ahead."""

    code = "due_in_the_past"
    title = Text(zh="期限必须晚于现在", en="The due time must lie ahead")


class WrongIdVersion(BadRequest):
    """A client-made id is a UUID of version 7."""

    code = "id_not_uuid7"
    title = Text(zh="自带编号须为 UUIDv7", en="An id made by the client is a UUIDv7")


class UnknownPauseReason(Invalid):
    """The tenant's rules do not know this reason."""

    code = "unknown_pause_reason"
    title = Text(zh="没有这个暂停原因", en="No such reason for a pause")


class PauseQuotaUsed(Conflict):
    """The clock has stood still often or long enough; `times` and `minutes` say how much."""

    code = "pause_quota_used"
    title = Text(zh="暂停次数或时长已用完", en="The clock has stood still often or long enough")


class PauseTooLate(Conflict):
    """The time is over; a pause does not take that back."""

    code = "pause_too_late"
    title = Text(zh="已超期，不能暂停计时", en="The time is over already")


class TooManyRepresentatives(Invalid):
    """A collective case is represented by few; `most` says how many."""

    code = "too_many_representatives"
    title = Text(zh="代表人数超过规定", en="Too many representatives")


class NotAJoiner(Invalid):
    """Whoever represents a case has joined it."""

    code = "not_a_joiner"
    title = Text(zh="代表须先加入该诉求", en="A representative has joined the case")
