"""Shapes of the tenant."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from services.directory.tenants.rules import check_time_zone
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["BilingualName", "TenantInput", "TenantView"]

_TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(check_time_zone)]


class BilingualName(InputModel):
    """A name in both languages."""

    zh: ShortText
    en: ShortText


class TenantInput(InputModel):
    """The whole of what can be said of a tenant."""

    name: BilingualName
    time_zone: _TimeZone = "Asia/Shanghai"


class TenantView(OutputModel):
    """A tenant."""

    tenant: str
    name: BilingualName
    time_zone: str
    version: int
    created_at: datetime
