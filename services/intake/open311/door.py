"""The door itself: whose jurisdiction, in which format and language, and refusals in the words of the specification.

This is the one place of the house whose refusals are not problem+json: whoever speaks GeoReport v2 understands
`<errors>` and nothing else. What is refused before a route is found (by the gateway, or an address that the
specification does not know) is told as everywhere.
"""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from services.intake.open311.formats import MEDIA_TYPES, Format, Root, Value, written
from services.intake.open311.posted import BODY_MAX_BYTES, Posted, read_posted
from services.intake.open311.rules import BadArguments, NotThere, Refused, TooLong
from services.intake.open311.schemas import DOCUMENTS
from services.intake.open311.service import Questions
from shared.auth import Principal, public
from shared.db import Database, ReadSession, WriteSession
from shared.problems import Problem, accident_problem
from shared.texts import Text, preferred_language
from shared.web import database_of
from shared.web.routing import LinliRoute, operation_id

__all__ = ["Anybody", "Door", "DoorOf", "answers", "open311_router"]

_STATUSES: Final = frozenset({400, 401, 403, 404, 413, 429})
_BAD_REQUEST, _SERVER_ERROR, _NOT_FOUND = 400, 500, 404
_FORM: Final = "application/x-www-form-urlencoded"
_NO_JURISDICTION: Final = Text(zh="没有该 jurisdiction_id", en="The jurisdiction_id was not found")
_NO_RESOURCE: Final = Text(zh="没有该资源，或不支持该格式", en="No such resource, or not in this format")

Tenant = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,32}$", description="Whose cases 区县")]
Anybody = Annotated[Principal, Depends(public)]


@dataclass(frozen=True, slots=True)
class Door:
    """One request's way in and out."""

    tenant: str
    form: Format
    language: str
    database: Database
    questions: Questions

    def read(self) -> AbstractAsyncContextManager[ReadSession]:
        """Open a read-only transaction of the jurisdiction."""
        return self.database.read(self.tenant)

    def write(self) -> AbstractAsyncContextManager[WriteSession]:
        """Open a transaction of the jurisdiction."""
        return self.database.write(self.tenant)

    def answer(self, root: Root, value: Value) -> Response:
        """Answer with a document."""
        return _document(self.form, self.language, root, value, 200)

    async def posted(self, request: Request) -> Posted:
        """Read the form of a request."""
        query = [item for item in request.query_params.multi_items() if item[0] in {"api_key", "jurisdiction_id"}]
        posted = read_posted(await _body(request), query)
        check_jurisdiction(self.tenant, posted.get("jurisdiction_id"))
        return posted


def check_jurisdiction(tenant: str, jurisdiction_id: str | None) -> None:
    """Refuse a request that means another jurisdiction than its address."""
    if jurisdiction_id and jurisdiction_id != tenant:
        raise NotThere(_NO_JURISDICTION)


async def _door(
    request: Request,
    tenant: Tenant,
    extension: Annotated[Format, Path(description="xml, json 格式")],
    jurisdiction_id: Annotated[str | None, Query(max_length=200, description="The tenant, or nothing 区县")] = None,
) -> Door:
    check_jurisdiction(tenant, jurisdiction_id)
    return Door(
        tenant,
        extension,
        preferred_language(request.headers.get("accept-language")),
        database_of(request),
        request.app.state.open311_questions,
    )


DoorOf = Annotated[Door, Depends(_door)]


async def _body(request: Request) -> bytes:
    """Read a form's body, and no more of it than a form has."""
    if not request.headers.get("content-type", "").lower().startswith(_FORM):
        raise BadArguments(Text(zh=f"Content-Type 须为 {_FORM}", en=f"Content-Type is {_FORM}"))
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > BODY_MAX_BYTES:
            raise TooLong(
                Text(zh=f"请求体不得超过 {BODY_MAX_BYTES} 字节", en=f"The body has at most {BODY_MAX_BYTES} bytes")
            )
    return bytes(content)


def _document(form: Format, language: str, root: Root, value: Value, status: int) -> Response:
    headers = {"Content-Type": MEDIA_TYPES[form], "Content-Language": language, "Vary": "Accept-Language"}
    return Response(written(form, root, value), status, headers)


def _refusal(request: Request, error: Exception) -> Response:
    """Tell what went wrong, in the format that the path asks for; XML, which everybody has to know, if it asks none."""
    if isinstance(error, RequestValidationError):
        problem = _misread(error)
    else:
        problem = error if isinstance(error, Problem) else accident_problem(error)
    said = problem.said if isinstance(problem, Refused) else (problem.detail or problem.title,)
    is_known = problem.status in _STATUSES or problem.status >= _SERVER_ERROR
    status = problem.status if is_known else _BAD_REQUEST
    language = preferred_language(request.headers.get("accept-language"))
    form = Format.JSON if request.path_params.get("extension") == Format.JSON else Format.XML
    errors: Value = [{"code": status, "description": text.into(language)} for text in said]
    response = _document(form, language, Root.ERRORS, errors, status)
    response.headers.update(problem.headers)
    return response


def _misread(error: RequestValidationError) -> Problem:
    """Tell a request that does not fit its route: what is in the path does not exist, the rest is wrong."""
    first = error.errors()[0]
    where, name = first["loc"][0], str(first["loc"][-1])
    if where == "path":
        return NotThere(_NO_JURISDICTION if name == "tenant" else _NO_RESOURCE)
    return BadArguments(Text(zh=f"{name} 格式不正确", en=f"{name}: {first['msg']}"))


class _Open311Route(LinliRoute):
    """A route that refuses in the words of the specification."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler. No transaction of a dependency is open here: these routes open their own."""
        handle = super().get_route_handler()

        async def answering(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:  # noqa: BLE001 - an accident is told in the same words
                return _refusal(request, error)

        return answering


def answers(document: str) -> dict[int | str, dict[str, Any]]:
    """Describe what a route answers, for the API document."""
    content = {"application/json": {"schema": DOCUMENTS[document]}, "text/xml": {"schema": {"type": "string"}}}
    return {200: {"description": "As GeoReport v2 says 按 GeoReport v2", "content": content}}


def _refusals(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {
            "application/json": {"schema": DOCUMENTS["errors"]},
            "text/xml": {"schema": {"type": "string"}},
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}},
        },
    }


def open311_router() -> APIRouter:
    """Make the router of the door."""
    responses: dict[int | str, dict[str, Any]] = {
        "4XX": _refusals("Refused 拒绝：errors, or a problem when no route was found"),
        "5XX": _refusals("Not our day 服务异常"),
    }
    return APIRouter(
        tags=["open311 Open311 接口"],
        route_class=_Open311Route,
        responses=responses,
        generate_unique_id_function=operation_id,
    )
