"""The route class of all services: ends the transaction of a request, replays answers, keeps them, and refuses text
that PostgreSQL cannot hold.
"""

import re
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from shared.problems import Invalid, ProblemDocument
from shared.texts import Text
from shared.web.idempotency import Replay, remember_answer
from shared.web.sessions import ending

__all__ = ["LinliRoute", "operation_id", "service_router"]

# An escaped U+0000 that is not itself preceded by an escaped backslash.
_NUL_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_PROBLEM: Final[dict[str, Any]] = {
    "model": ProblemDocument,
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
}
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "Refused 拒绝：`code` tells why", **_PROBLEM},
    "5XX": {"description": "Not our day 服务异常：503 comes with Retry-After", **_PROBLEM},
}


def operation_id(route: APIRoute) -> str:
    """Use the handler's own name: it is a verb and unique within its service."""
    return route.name


class NulCharacter(Invalid):
    """A text holds U+0000."""

    code = "nul_character"
    title = Text(zh="文本中含有空字符", en="A text holds the character U+0000")


class LinliRoute(APIRoute):
    """A route that ends the transaction of its request, and may be asked twice: see `sessions` and `idempotency`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - FastAPI's
        super().__init__(path, endpoint, **options)
        head, _, rest = self.path_format.partition("{")
        self._begins, self._ends = head, rest.rpartition("}")[2]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for this route; that it is not is mostly seen from how its path begins and ends."""
        path: str = scope["path"]
        if not scope.get("root_path") and not (path.startswith(self._begins) and path.endswith(self._ends)):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler. What is wrapped runs inside the request's transaction, before its COMMIT."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            if request.headers.get("content-type", "").startswith("application/json"):
                body = await request.body()
                if b"\\u0000" in body and _NUL_ESCAPE.search(body):
                    raise NulCharacter
            try:
                response = await handle(request)
            except Replay as replay:
                return replay.response
            if request.method == "POST":
                await remember_answer(request, response)
            return response

        async def answer_when_committed(request: Request) -> Response:
            async with ending(request):
                return await answer(request)

        return answer_when_committed


def service_router(*, tags: list[str | Enum], prefix: str = "") -> APIRouter:
    """Make the router of a subject: our route class, and refusals documented as problem+json."""
    return APIRouter(
        prefix=prefix,
        tags=tags,
        route_class=LinliRoute,
        responses=_PROBLEMS,
        generate_unique_id_function=operation_id,
    )
