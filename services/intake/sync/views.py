"""From outcomes to representations."""

from services.intake.sync.pushing import Outcome
from services.intake.sync.schemas import OperationIn, OperationOut
from shared.problems import ProblemDocument, document

__all__ = ["operation_out"]


def operation_out(operation: OperationIn, outcome: Outcome, *, request_id: str, language: str) -> OperationOut:
    """Show what came of an operation, a refusal in the words of its endpoint."""
    problem = outcome.problem
    told = document(problem, request_id=request_id, language=language) if problem is not None else None
    return OperationOut(
        op_id=operation.op_id,
        status=outcome.status,
        version=outcome.version,
        current=outcome.current,
        problem=ProblemDocument.model_validate(told) if told is not None else None,
    )
