"""Optimistic concurrency (RFC 9110 §13): a change names the version it has seen, or is refused."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from shared.auth import principal_of
from shared.problems import BadRequest, PreconditionFailed, PreconditionRequired, Unauthenticated
from shared.texts import Text

__all__ = ["ExpectedVersion", "check_version", "if_match", "set_etag"]

_ETAG: Final = re.compile(r'"([1-9][0-9]{0,8})"')


class BadIfMatch(BadRequest):
    """If-Match is not one strong entity tag of ours."""

    code = "bad_if_match"


async def if_match(
    request: Request,
    if_match: Annotated[
        str | None, Header(description='The version that this change is based on, as in the ETag: `"3"`.')
    ] = None,
) -> int:
    """Return the version in If-Match; who is not signed in learns only that."""
    if (await principal_of(request)).kind == "anonymous":
        raise Unauthenticated
    if if_match is None:
        raise PreconditionRequired
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise BadIfMatch(
            Text(zh='If-Match 应为 ETag 中的版本号，如 "3"', en='If-Match takes the version of the ETag, like "3"')
        )
    return int(found.group(1))


ExpectedVersion = Annotated[int, Depends(if_match)]


def check_version(expected: int, actual: int, current: BaseModel) -> None:
    """Raise PreconditionFailed, carrying the current representation, when the versions differ."""
    if expected != actual:
        raise PreconditionFailed(current=current.model_dump(mode="json"), headers={"ETag": f'"{actual}"'})


def set_etag(response: Response, version: int) -> None:
    """Tell the version of the representation that is answered."""
    response.headers["ETag"] = f'"{version}"'
