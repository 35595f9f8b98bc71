"""What the open lists refuse."""

from shared.problems import NotFound
from shared.texts import Text

__all__ = ["NoOpenArea"]


class NoOpenArea(NotFound):
    """No area of this id, or it is closed: its lists are those of its successor."""

    code = "unknown_area"
    title = Text(zh="没有这个区域，或它已撤销", en="No such area, or it is closed")
