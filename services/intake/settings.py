"""What the intake reads from its environment."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings

__all__ = ["IntakeSettings"]


class IntakeSettings(ServiceSettings):
    """Settings of the intake."""

    database_url: SecretStr = Field(validation_alias="LINLI_INTAKE_DATABASE_URL")
