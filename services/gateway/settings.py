"""What the gateway reads from its environment; it has no database, so it does not share the services' settings."""

from typing import Annotated, Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["UPSTREAMS", "GatewaySettings"]

UPSTREAMS: Final = ("directory", "intake", "matching", "ledger")


class GatewaySettings(BaseSettings):
    """Settings of the gateway, from variables that begin with LINLI_; a missing required one stops the start."""

    model_config = SettingsConfigDict(env_prefix="LINLI_", extra="ignore", populate_by_name=True)

    directory_url: str
    intake_url: str
    matching_url: str
    ledger_url: str
    internal_private_key: SecretStr = Field(
        description="Signs internal tokens: an Ed25519 seed, base64url of 32 bytes."
    )
    redis_url: str = "redis://127.0.0.1:6379/0"
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    log_json: bool = True
    otlp_url: str | None = Field(default=None, description="An OpenTelemetry collector, OTLP over HTTP; off without.")

    gateway_connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    gateway_total_timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    gateway_keepalive_s: Annotated[
        float,
        Field(gt=0, le=600, description="Must stay below the time after which a service closes an idle connection."),
    ] = 4.0
    gateway_max_in_flight: Annotated[int, Field(ge=1, le=10_000, description="For each upstream; above it, 503.")] = 96

    gateway_body_limit_bytes: Annotated[int, Field(ge=1)] = 1024 * 1024
    gateway_attachment_limit_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024
    gateway_table_limit_bytes: Annotated[int, Field(ge=1)] = 20 * 1024 * 1024

    gateway_caller_rate_per_s: Annotated[float, Field(gt=0, le=1_000_000)] = 100.0
    gateway_caller_burst: Annotated[int, Field(ge=1, le=10_000_000)] = 200
    gateway_anonymous_rate_per_s: Annotated[float, Field(gt=0, le=1_000_000, description="For each address.")] = 50.0
    gateway_anonymous_burst: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    gateway_limit_sync_ms: Annotated[int, Field(ge=10, le=10_000, description="How often limits meet in Redis.")] = 100
    gateway_limit_keys_max: Annotated[int, Field(ge=100)] = 100_000

    gateway_keys_refresh_s: Annotated[float, Field(ge=1)] = 300.0
    gateway_tokens_max: Annotated[int, Field(ge=1, description="Verified tokens remembered at a time.")] = 20_000
    gateway_openapi_refresh_s: Annotated[float, Field(ge=0.1)] = 60.0
    gateway_log_per_s: Annotated[
        float, Field(gt=0, description="So many ordinary requests a second are logged at level info; failures always.")
    ] = 10.0

    def upstream_url(self, service: str) -> str:
        """Return the address of a service, without a slash at its end."""
        url: str = getattr(self, f"{service}_url")
        return url.rstrip("/")
