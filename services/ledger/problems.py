"""What can be wrong with a reference to something of another house."""

from shared.problems import Invalid
from shared.texts import Text

__all__ = ["UnknownArea", "UnknownUnit"]


class UnknownArea(Invalid):
    """No open area of this id."""

    code = "unknown_area"
    title = Text(zh="没有这个区域，或它已撤销", en="No such area, or it is closed")


class UnknownUnit(Invalid):
    """No active unit of this id."""

    code = "unknown_unit"
    title = Text(zh="没有这个单位", en="No such unit")
