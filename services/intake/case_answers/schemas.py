"""Shapes of answers."""

from services.intake.forms.schemas import Answers
from shared.web import InputModel

__all__ = ["AnswersIn"]


class AnswersIn(InputModel):
    """All answers to what the category asks now; they replace what was said before."""

    answers: Answers
