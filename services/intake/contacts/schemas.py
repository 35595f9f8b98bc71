"""Shapes of contacts."""

from datetime import datetime
from uuid import UUID

from shared.web import OutputModel

__all__ = ["ContactOut", "DisclosureOut"]


class ContactOut(OutputModel):
    """How to reach whoever the case was filed for; what was not said is null."""

    case_id: UUID
    first_name: str | None
    last_name: str | None
    phone: str | None
    email: str | None
    account_id: str | None
    device_id: str | None


class DisclosureOut(OutputModel):
    """Who has read a contact, when and why."""

    id: UUID
    case_id: UUID
    purpose: str
    actor: str
    disclosed_at: datetime
