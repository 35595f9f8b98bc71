"""The transaction of a request: it begins as a dependency, and ends after the handler and before the answer.

The route itself ends it (see `routing`), so that the COMMIT stands in front of the response: a commit that fails can
then never have been answered with 2xx. A dependency with `yield` would do the same for a tenth of a request's time.
"""

from contextlib import AsyncExitStack
from typing import Annotated, Final

from fastapi import Depends, Request

from shared.auth import principal_of
from shared.db import Database, ReadSession, WriteSession
from shared.problems import Unauthenticated
from shared.web.idempotency import claim_key

__all__ = ["KeyedWriting", "Reading", "Writing", "begin_reading", "begin_writing", "database_of", "ending"]

_ENDING: Final = "linli.transactions"


def database_of(request: Request) -> Database:
    """Return the service's database; for routes that must choose the tenant themselves (sign-in)."""
    database: Database = request.app.state.db
    return database


def ending(request: Request) -> AsyncExitStack:
    """Return what ends the transactions that are begun for a request; its route enters it first and leaves it last."""
    stack = request.scope[_ENDING] = AsyncExitStack()
    return stack


async def begin_reading(request: Request, tenant: str) -> ReadSession:
    """Begin a read-only transaction of a tenant, for as long as the request is handled; for dependencies."""
    stack: AsyncExitStack = request.scope[_ENDING]
    return await stack.enter_async_context(database_of(request).read(tenant))


async def begin_writing(request: Request, tenant: str) -> WriteSession:
    """Begin a transaction of a tenant, committed when the request has been handled; for dependencies."""
    stack: AsyncExitStack = request.scope[_ENDING]
    return await stack.enter_async_context(database_of(request).write(tenant))


async def _tenant(request: Request) -> str:
    """Return the tenant of the signed-in caller."""
    principal = await principal_of(request)
    if not principal.tenant:
        raise Unauthenticated
    return principal.tenant


async def _reading(request: Request) -> ReadSession:
    return await begin_reading(request, await _tenant(request))


async def _writing(request: Request) -> WriteSession:
    session = await begin_writing(request, await _tenant(request))
    await claim_key(request, session)
    return session


async def _writing_if_keyed(request: Request) -> WriteSession | None:
    return await _writing(request) if request.headers.get("idempotency-key") is not None else None


Reading = Annotated[ReadSession, Depends(_reading)]
Writing = Annotated[WriteSession, Depends(_writing)]
# For the hottest writes, which do without a session unless an Idempotency-Key asks for one.
KeyedWriting = Annotated[WriteSession | None, Depends(_writing_if_keyed)]
