"""What sending webhooks needs from the environment."""

from functools import lru_cache
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["OutgoingSettings", "outgoing_settings"]


class OutgoingSettings(BaseSettings):
    """From the environment of the worker, from variables that begin with LINLI_."""

    model_config = SettingsConfigDict(env_prefix="LINLI_", extra="ignore", env_ignore_empty=True)

    field_keys: SecretStr = Field(description="The matching's: opens the keys of webhooks.")
    blind_index_key: SecretStr = Field(description="The matching's.")
    webhooks_allow_loopback: bool = Field(
        default=False, description="Development on one machine: endpoints may be http://127.0.0.1:port."
    )
    webhook_timeout_s: Annotated[float, Field(gt=0, le=25, description="For one attempt as a whole.")] = 15.0
    webhooks_at_once: Annotated[int, Field(ge=1, le=500, description="To quick endpoints, in one worker.")] = 64
    webhooks_at_once_slow: Annotated[int, Field(ge=1, le=500, description="To slow endpoints, in one worker.")] = 32
    webhooks_per_endpoint: Annotated[int, Field(ge=1, le=50, description="At once, in one worker.")] = 4
    webhooks_kept_days: Annotated[int, Field(ge=6, le=365, description="Events, deliveries and attempts.")] = 30


@lru_cache(maxsize=1)
def outgoing_settings() -> OutgoingSettings:
    """Return the settings of this process."""
    return OutgoingSettings()
