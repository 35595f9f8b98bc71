"""What can be wrong with a reference of a grant."""

from shared.problems import Invalid
from shared.texts import Text

__all__ = ["UnknownProject"]


class UnknownProject(Invalid):
    """No project of this id has been heard of."""

    code = "unknown_project"
    title = Text(zh="没有这个项目", en="No such project")
