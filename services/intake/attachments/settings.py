"""What both the service and the worker read from the environment to judge attachments."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["ScanningSettings"]


class ScanningSettings(BaseSettings):
    """Settings of scanning; the service and the worker are given the same."""

    model_config = SettingsConfigDict(env_prefix="LINLI_", extra="ignore")

    clamd_address: Annotated[
        str | None,
        Field(
            pattern=r"^(tcp://[^/\s]+:\d{1,5}|unix:/\S+)$",
            description="A clamd, tcp://host:port or unix:/path; without one only structure is judged.",
        ),
    ] = None
    clamd_timeout_s: Annotated[
        float, Field(gt=0, le=20, description="Until an upload is answered as held, to be judged later.")
    ] = 3.0
