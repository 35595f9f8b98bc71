"""Reading without signing in: what is public of a tenant, whose code then stands in the address."""

from typing import Annotated

from fastapi import Depends, Path, Request

from shared.auth import Principal, public
from shared.db import ReadSession
from shared.web.sessions import begin_reading

__all__ = ["Anybody", "OpenReading", "Tenant"]

Tenant = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,32}$", description="Of which tenant 区县")]
Anybody = Annotated[Principal, Depends(public)]


async def _reading(request: Request, tenant: Tenant) -> ReadSession:
    return await begin_reading(request, tenant)


OpenReading = Annotated[ReadSession, Depends(_reading)]
