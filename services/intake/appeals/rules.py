"""What can be wrong with an appeal."""

from shared.problems import Conflict
from shared.texts import Text

__all__ = ["NothingToAppeal"]


class NothingToAppeal(Conflict):
    """Nobody has judged the case yet."""

    code = "nothing_to_appeal"
    title = Text(zh="没有可申诉的决定", en="Nothing to appeal against")
