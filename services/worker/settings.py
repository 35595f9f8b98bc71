"""What the worker reads from its environment: the address of every service's schema and of the relay's role, and what
the work itself needs, so that a wrong value stops the start and not the work.
"""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.directory.deliveries.settings import DeliverySettings
from services.matching.outgoing.settings import OutgoingSettings

__all__ = ["WorkerSettings"]


class WorkerSettings(DeliverySettings, OutgoingSettings):
    """Settings of the worker, with those of sending messages and webhooks, from variables that begin with LINLI_."""

    model_config = SettingsConfigDict(env_prefix="LINLI_", extra="ignore", env_ignore_empty=True)

    relay_database_url: SecretStr
    directory_database_url: SecretStr
    intake_database_url: SecretStr
    matching_database_url: SecretStr
    ledger_database_url: SecretStr
    ledger_signing_key: SecretStr = Field(description="Signs the heads of the books: see the ledger's proofs.")
    redis_url: str = "redis://127.0.0.1:6379/0"
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    log_json: bool = True
    otlp_url: str | None = Field(default=None, description="An OpenTelemetry collector, OTLP over HTTP; off without.")
    worker_host: str = "127.0.0.1"
    worker_port: Annotated[int, Field(ge=0, le=65535, description="Health and metrics; 0 chooses a free port.")] = 0
    worker_pool_size: Annotated[int, Field(ge=1, le=50)] = 4
    event_attempts: Annotated[int, Field(ge=1, le=100, description="Tries of a failing event before it is dead.")] = 8
    event_first_delay_s: Annotated[float, Field(gt=0, le=60, description="Doubles with every try.")] = 1.0
    outbox_kept_days: Annotated[int, Field(ge=1, le=365)] = 3
    inbox_kept_days: Annotated[int, Field(ge=1, le=365)] = 14
    idempotency_kept_days: Annotated[int, Field(ge=1, le=365)] = 7
    relay_pool_size: Annotated[int, Field(ge=2, le=50)] = 8

    def database_url(self, service: str) -> str:
        """Return the address of a service's schema."""
        url: SecretStr = getattr(self, f"{service}_database_url")
        return url.get_secret_value()
