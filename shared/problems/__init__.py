"""Errors as problem+json (RFC 9457): small classes with a stable code and a status, told in the caller's language."""

from shared.problems.handlers import accident_problem, install_problem_handlers, problem_response
from shared.problems.kinds import (
    BadRequest,
    Conflict,
    Forbidden,
    IdTaken,
    Invalid,
    NotFound,
    Overloaded,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
    WrongState,
)
from shared.problems.render import MEDIA_TYPE, FieldError, ProblemDocument, document, render

__all__ = [
    "MEDIA_TYPE",
    "BadRequest",
    "Conflict",
    "FieldError",
    "Forbidden",
    "IdTaken",
    "Invalid",
    "NotFound",
    "Overloaded",
    "PreconditionFailed",
    "PreconditionRequired",
    "Problem",
    "ProblemDocument",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMedia",
    "WrongState",
    "accident_problem",
    "document",
    "install_problem_handlers",
    "problem_response",
    "render",
]
