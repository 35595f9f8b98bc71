"""Shapes of devices and preferences. A push token comes in and never goes out again."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.directory.devices.rules import Language, Platform
from shared.web import InputModel, OutputModel

__all__ = ["DeviceView", "NewDevice", "Preferences", "PreferencesIn"]

# Tokens of all push services are printable ASCII; a web subscription is a JSON object of up to two kilobytes.
Token = Annotated[
    str, Field(pattern=r"^[ -~]*$"), StringConstraints(strip_whitespace=True, min_length=8, max_length=4096)
]
ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
WallTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM in China 北京时间")]


class NewDevice(InputModel):
    """A device that takes push messages; `client_id` names the app, so that the bridge chooses its credentials."""

    id: UUID | None = None
    platform: Platform
    token: Token
    client_id: ClientId
    language: Language = Language.ZH


class DeviceView(OutputModel):
    """A device; `used_at` is when it last registered."""

    id: UUID
    platform: Platform
    client_id: str
    language: Language
    created_at: datetime
    used_at: datetime


class PreferencesIn(InputModel):
    """How somebody wants to be reached; no quiet hours when both ends are null."""

    push: bool
    sms: bool
    quiet_from: WallTime | None
    quiet_to: WallTime | None

    @model_validator(mode="after")
    def _whole_hours(self) -> Self:
        """Refuse quiet hours with one end, and those that would last forever or never."""
        if (self.quiet_from is None) != (self.quiet_to is None):
            message = "quiet hours have both ends or none"
            raise ValueError(message)
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            message = "quiet hours do not end where they begin"
            raise ValueError(message)
        return self


class Preferences(OutputModel):
    """How somebody wants to be reached."""

    push: bool
    sms: bool
    quiet_from: str | None
    quiet_to: str | None
    version: int
