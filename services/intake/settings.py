"""What the intake reads from its environment."""

from pydantic import Field, HttpUrl, SecretStr

from shared.settings import ServiceSettings

__all__ = ["IntakeSettings"]


class IntakeSettings(ServiceSettings):
    """Settings of the intake."""

    database_url: SecretStr = Field(validation_alias="LINLI_INTAKE_DATABASE_URL")
    field_keys: SecretStr = Field(
        description="AES-256 keys by version, `1:base64url,2:base64url`: the highest version seals, all can open."
    )
    blind_index_key: SecretStr = Field(
        description="base64url of at least 32 bytes; keys the pseudonyms of people that other apps speak for."
    )
    public_url: HttpUrl | None = Field(default=None, description="Where clients reach the gateway; told to other apps.")
    open311_contact: str | None = Field(default=None, description="Whom makers of other apps may ask, in words.")
