"""From rows to questions as everybody sees them."""

from services.ledger.questions.models import Question
from services.ledger.questions.schemas import QuestionOut

__all__ = ["question_out"]


def question_out(question: Question) -> QuestionOut:
    """Show a question without who asked; hidden words stay hidden."""
    columns = {name: getattr(question, name) for name in QuestionOut.model_fields}
    if question.hidden_because is not None:
        columns["text"] = None
    return QuestionOut.model_validate(columns)
