"""What can be wrong with a question or an answer."""

from typing import Final

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["OPEN_MAX", "AlreadyAnswered", "TooManyOpen", "UnknownLine"]

# Unanswered questions that one person may have about one book.
OPEN_MAX: Final = 20


class UnknownLine(Invalid):
    """The book has no such posting."""

    code = "unknown_line"
    title = Text(zh="账本中没有这一笔", en="The book has no such line")


class TooManyOpen(Conflict):
    """Many questions of one person wait for an answer."""

    code = "too_many_questions"
    title = Text(zh="您有较多质询待答复，请稍后再提", en="Many of your questions wait for an answer already")


class AlreadyAnswered(Conflict):
    """An answer stands; another one is another question."""

    code = "already_answered"
    title = Text(zh="该质询已答复", en="The question has been answered")
