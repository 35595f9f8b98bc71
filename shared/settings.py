"""What every service reads from its environment; each service adds its own database address and what only it needs."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["ServiceSettings"]


class ServiceSettings(BaseSettings):
    """Settings shared by all services, from variables that begin with LINLI_; a missing required one stops the
    start.
    """

    model_config = SettingsConfigDict(env_prefix="LINLI_", extra="ignore", populate_by_name=True)

    database_url: SecretStr
    redis_url: str = "redis://127.0.0.1:6379/0"
    internal_public_key: str = Field(description="The gateway's Ed25519 public key, base64url of 32 bytes.")
    cursor_key: SecretStr = Field(description="Signs list cursors; the same for all processes of one service.")
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    log_json: bool = True
    otlp_url: str | None = Field(default=None, description="An OpenTelemetry collector, OTLP over HTTP; off without.")
    embedded: bool = Field(default=False, description="Development on one machine: one-time codes go to the log.")
    db_pool_size: Annotated[int, Field(ge=1, le=100)] = 10
    db_pool_timeout_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    max_in_flight: Annotated[
        int, Field(ge=1, le=10_000, description="Requests at a time in one process; above it, 503 at once.")
    ] = 128
    request_timeout_s: Annotated[
        float, Field(gt=0, le=600, description="Until an answer begins; below the gateway's own, so that it is ours.")
    ] = 25.0
    statement_timeout_ms: Annotated[int, Field(ge=100, le=600_000)] = 15_000
