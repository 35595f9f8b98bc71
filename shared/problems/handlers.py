"""Turns whatever goes wrong in a FastAPI service into a problem document; nothing else ever leaves."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Final

import asyncpg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shared.problems.kinds import (
    BadRequest,
    NotFound,
    Problem,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)
from shared.problems.render import render
from shared.texts import Text, preferred_language

__all__ = ["accident_problem", "install_problem_handlers", "is_away", "problem_response", "validation_problem"]

log = structlog.get_logger()

# What a lost or restarting database looks like from here, when no SQLSTATE tells more: lost sockets and a dry pool.
_UNAVAILABLE: tuple[type[BaseException], ...] = (
    OperationalError,
    InterfaceError,
    asyncpg.InterfaceError,
    PoolTimeoutError,
    OSError,
    TimeoutError,
)
# Connection lost, deadlock or serialisation, out of resources, lock not available, operator intervention.
_TRANSIENT_SQLSTATE_CLASSES = ("08", "40", "53", "55", "57")


class InvalidBody(Problem):
    """The request does not have the shape that the route's schema describes."""

    code = "invalid_request"
    status = 422
    title = Text(zh="请求内容不符合要求", en="The request does not fit its schema")


class MethodNotAllowed(Problem):
    """The path exists and does not take this method."""

    code = "method_not_allowed"
    status = 405
    title = Text(zh="不支持该请求方法", en="Method not allowed")


class MalformedJson(BadRequest):
    """The body is not JSON."""

    code = "malformed_json"
    title = Text(zh="请求体不是有效的 JSON", en="The body is not valid JSON")


_BY_STATUS: dict[int, type[Problem]] = {
    400: BadRequest,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMedia,
}


class _OtherStatus(Problem):
    """A framework refusal of a status that has no kind of its own."""

    code: ClassVar[str] = "refused"


def problem_response(request: Request, problem: Problem) -> Response:
    """Render a problem in the language that the request asked for."""
    request_id = str(request.scope.get("linli.request_id", ""))
    language = preferred_language(request.headers.get("accept-language"))
    status, headers, body = render(problem, request_id=request_id, language=language)
    return Response(body, status, headers)


def _pointer(location: Sequence[int | str]) -> str:
    """Write a pydantic location as `/query/page_size` or, for bodies, as an RFC 6901 pointer into the body."""
    parts = list(location)
    if parts and parts[0] == "body":
        parts = parts[1:]
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def validation_problem(found: Sequence[Any]) -> Problem:
    """Fold pydantic's errors into one problem; a body that is not JSON at all is a 400."""
    if any(item["type"] == "json_invalid" for item in found):
        return MalformedJson()
    errors: list[dict[str, Any]] = [
        {
            "pointer": _pointer(item["loc"]),
            "code": item["type"],
            "detail": str(item["msg"]).removeprefix("Value error, "),
        }
        for item in found[:100]
    ]
    first = errors[0]
    said = f"{first['pointer']}: {first['detail']}"
    return InvalidBody(Text(zh=said, en=said), errors=errors)


def accident_problem(error: BaseException) -> Problem:
    """Tell an accident: Unavailable when the database or a socket is away or gave way to a deadlock, else an internal
    error.
    """
    if is_away(error):
        log.warning("dependency_unavailable", error=repr(error)[:300])
        return Unavailable()
    log.error("unexpected_error", exc_info=error)
    return Problem()


_DYING: Final = "another operation (2) is in progress"


def is_away(error: BaseException) -> bool:
    """Tell whether an error says that the database or a socket is away or gave way, so that trying again may help."""
    cause: BaseException | None = error
    while cause is not None:
        sqlstate = str(getattr(cause, "sqlstate", "") or "")
        if sqlstate.startswith(_TRANSIENT_SQLSTATE_CLASSES) or (not sqlstate and isinstance(cause, _UNAVAILABLE)):
            return True
        # The driver's state 2: the server has said FATAL on an idle connection, and its end is on the way.
        if isinstance(cause, asyncpg.InternalClientError) and _DYING in str(cause):
            return True
        cause = cause.orig if isinstance(cause, DBAPIError) else cause.__cause__
    return False


async def _on_problem(request: Request, error: Exception) -> Response:
    return problem_response(request, error if isinstance(error, Problem) else accident_problem(error))


async def _on_validation(request: Request, error: Exception) -> Response:
    if isinstance(error, RequestValidationError):
        return problem_response(request, validation_problem(error.errors()))
    return problem_response(request, accident_problem(error))


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return problem_response(request, accident_problem(error))
    kind = _BY_STATUS.get(error.status_code)
    phrase = HTTPStatus(error.status_code).phrase
    if kind is None:
        kind = type(
            "FrameworkRefusal", (_OtherStatus,), {"status": error.status_code, "title": Text(zh=phrase, en=phrase)}
        )
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_here(request))
    return problem_response(request, kind(headers=headers))


def _methods_here(request: Request) -> list[str]:
    """Return all methods of an address; each route knows only its own."""
    here = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in here for method in getattr(route, "methods", ())})


def install_problem_handlers(app: FastAPI) -> None:
    """Register the handlers that make every refusal a problem document; accidents are told by the outer middleware."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
