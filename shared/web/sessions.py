"""The transaction of a request, as a dependency that ends after the handler and before the answer.

`scope="function"` is what puts the COMMIT in front of the response: a commit that fails can then never have been
answered with 2xx.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from shared.auth import principal_of
from shared.db import Database, ReadSession, WriteSession
from shared.problems import Unauthenticated
from shared.web.idempotency import claim_key

__all__ = ["KeyedWriting", "Reading", "Writing", "database_of"]


def database_of(request: Request) -> Database:
    """Return the service's database; for routes that must choose the tenant themselves (sign-in)."""
    database: Database = request.app.state.db
    return database


async def _tenant(request: Request) -> str:
    """Return the tenant of the signed-in caller."""
    principal = await principal_of(request)
    if not principal.tenant:
        raise Unauthenticated
    return principal.tenant


async def _reading(request: Request) -> AsyncIterator[ReadSession]:
    async with database_of(request).read(await _tenant(request)) as session:
        yield session


async def _writing(request: Request) -> AsyncIterator[WriteSession]:
    async with database_of(request).write(await _tenant(request)) as session:
        await claim_key(request, session)
        yield session


async def _writing_if_keyed(request: Request) -> AsyncIterator[WriteSession | None]:
    if request.headers.get("idempotency-key") is None:
        yield None
        return
    async with database_of(request).write(await _tenant(request)) as session:
        await claim_key(request, session)
        yield session


Reading = Annotated[ReadSession, Depends(_reading, scope="function")]
Writing = Annotated[WriteSession, Depends(_writing, scope="function")]
# For the hottest writes, which do without a session unless an Idempotency-Key asks for one.
KeyedWriting = Annotated[WriteSession | None, Depends(_writing_if_keyed, scope="function")]
