"""What sending needs from the environment: who carries push and text messages, and how many anybody gets."""

from functools import lru_cache
from typing import Annotated

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["DeliverySettings", "delivery_settings"]


class DeliverySettings(BaseSettings):
    """From the environment of the worker, from variables that begin with LINLI_."""

    model_config = SettingsConfigDict(env_prefix="LINLI_", extra="ignore", env_ignore_empty=True)

    field_keys: SecretStr = Field(description="The directory's: opens push tokens and phone numbers.")
    blind_index_key: SecretStr = Field(description="The directory's.")
    push_sender_url: HttpUrl | None = Field(default=None, description="Push messages are posted there as JSON.")
    push_sender_token: SecretStr | None = Field(default=None, description="Bearer token for it.")
    sms_sender_url: HttpUrl | None = Field(default=None, description="Text messages are posted there as JSON.")
    sms_sender_token: SecretStr | None = Field(default=None, description="Bearer token for it.")
    sender_timeout_s: Annotated[float, Field(gt=0, le=20, description="For one message as a whole.")] = 5.0
    sends_at_once: Annotated[int, Field(ge=1, le=200, description="For each channel in one worker.")] = 16
    push_per_day: Annotated[int, Field(ge=0, le=1000, description="For one person on a day of China.")] = 20
    sms_per_day: Annotated[int, Field(ge=0, le=1000, description="For one person on a day of China.")] = 5


@lru_cache(maxsize=1)
def delivery_settings() -> DeliverySettings:
    """Return the settings of this process."""
    return DeliverySettings()
