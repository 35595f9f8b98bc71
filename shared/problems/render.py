"""From a problem to its document: one shape for every refusal of every process, gateway included."""

from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict

from shared.problems.kinds import Problem
from shared.texts import Text

__all__ = ["MEDIA_TYPE", "FieldError", "ProblemDocument", "document", "render"]

MEDIA_TYPE: Final = "application/problem+json"


class FieldError(BaseModel):
    """One thing that is wrong with one place of the request."""

    pointer: str
    code: str
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457 problem details with our stable `code`, the request's id and the fields to blame."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError]


def document(problem: Problem, *, request_id: str, language: str) -> dict[str, Any]:
    """Return the members of the problem document; a pointer becomes the single entry of `errors`."""
    title = problem.title.into(language)
    detail = problem.detail.into(language) if problem.detail else title
    errors = [_told(item, language) for item in problem.extra.get("errors", [])]
    if problem.pointer is not None:
        errors = [{"pointer": problem.pointer, "code": problem.code, "detail": detail}]
    return {
        **problem.extra,
        "type": f"urn:linli:problem:{problem.code}",
        "title": title,
        "status": problem.status,
        "detail": detail,
        "code": problem.code,
        "request_id": request_id,
        "errors": errors,
    }


def _told(item: dict[str, Any], language: str) -> dict[str, Any]:
    """Tell what is wrong with one place in the reader's language, where it is known in both."""
    detail = item["detail"]
    return {**item, "detail": detail.into(language)} if isinstance(detail, Text) else item


def render(problem: Problem, *, request_id: str, language: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer that tells the problem."""
    body = orjson.dumps(document(problem, request_id=request_id, language=language), default=str)
    headers = {"content-type": MEDIA_TYPE, "content-language": language, **problem.headers}
    return problem.status, headers, body
