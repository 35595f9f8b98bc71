"""What the matching reads from its environment."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings

__all__ = ["MatchingSettings"]


class MatchingSettings(ServiceSettings):
    """Settings of the matching."""

    database_url: SecretStr = Field(validation_alias="LINLI_MATCHING_DATABASE_URL")
