"""What can be wrong with a reference to something of another house."""

from shared.problems import Invalid
from shared.texts import Text

__all__ = ["UnknownArea", "UnknownCase", "UnknownNeed", "UnknownPartner", "UnknownProject", "UnknownUnit"]


class UnknownArea(Invalid):
    """No open area of this id."""

    code = "unknown_area"
    title = Text(zh="没有这个区域，或它已撤销", en="No such area, or it is closed")


class UnknownUnit(Invalid):
    """No active unit of this id."""

    code = "unknown_unit"
    title = Text(zh="没有这个单位", en="No such unit")


class UnknownCase(Invalid):
    """No case of this id has been heard of."""

    code = "unknown_case"
    title = Text(zh="没有这个诉求", en="No such case")


class UnknownNeed(Invalid):
    """No need of this id."""

    code = "unknown_need"
    title = Text(zh="没有这个需求", en="No such need")


class UnknownPartner(Invalid):
    """No partner of this id."""

    code = "unknown_partner"
    title = Text(zh="没有这个合伙人", en="No such partner")


class UnknownProject(Invalid):
    """No project of this id."""

    code = "unknown_project"
    title = Text(zh="没有这个项目", en="No such project")
