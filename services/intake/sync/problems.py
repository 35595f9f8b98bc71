"""What can be wrong with a single operation."""

from shared.problems import BadRequest, IdTaken, Invalid
from shared.texts import Text

__all__ = ["IdsDiffer", "OperationTaken", "UnknownAction"]


class UnknownAction(BadRequest):
    """Nothing that this house knows, or lets a phone do offline."""

    code = "unknown_action"
    title = Text(zh="不支持该离线操作", en="No such action for phones")


class IdsDiffer(Invalid):
    """What is filed has the id that the operation names."""

    code = "ids_differ"
    title = Text(zh="内容中的编号与操作的编号不同", en="The id in the body is not that of the operation")


class OperationTaken(IdTaken):
    """The operation's id names another operation, or somebody else's."""

    code = "operation_id_taken"
    title = Text(zh="该操作编号已用于其他操作", en="This operation id names another operation")
