"""What the matching reads from its environment."""

from pydantic import Field, HttpUrl, SecretStr

from shared.settings import ServiceSettings

__all__ = ["MatchingSettings"]


class MatchingSettings(ServiceSettings):
    """Settings of the matching."""

    database_url: SecretStr = Field(validation_alias="LINLI_MATCHING_DATABASE_URL")
    field_keys: SecretStr = Field(
        description="AES-256 keys by version, `1:base64url,2:base64url`: the highest version seals, all can open."
    )
    blind_index_key: SecretStr = Field(description="base64url of at least 32 bytes; finds sealed numbers again.")
    public_url: HttpUrl | None = Field(
        default=None, description="Where clients reach the gateway; told to directories."
    )
