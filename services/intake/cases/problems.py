"""What can be wrong with a request about a case."""

from shared.problems import BadRequest, Invalid
from shared.texts import Text

__all__ = ["DueInThePast", "ProofRequired", "UnknownArea", "UnknownCategory", "UnknownUnit", "WrongIdVersion"]


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
