"""What the directory alone needs from its environment: signing keys, keys of personal data, and a sender of codes."""

from typing import Annotated, Final, Self

from pydantic import Field, HttpUrl, SecretStr, model_validator

from shared.settings import ServiceSettings

__all__ = ["DirectorySettings"]

_CODES_PER_WINDOW: Final = 5
_CODES_PER_WINDOW_EMBEDDED: Final = 100
_CODES_PER_DAY: Final = 20
_CODES_PER_DAY_EMBEDDED: Final = 2_000


class DirectorySettings(ServiceSettings):
    """Settings of the directory."""

    database_url: SecretStr = Field(validation_alias="LINLI_DIRECTORY_DATABASE_URL")
    token_signing_key: SecretStr = Field(
        description="Ed25519 seeds, base64url, separated by commas: the first signs, all are published in the JWKS."
    )
    field_keys: SecretStr = Field(
        description="AES-256 keys by version, `1:base64url,2:base64url`: the highest version seals, all can open."
    )
    blind_index_key: SecretStr = Field(
        description="base64url of at least 32 bytes; keys the blind index of phone numbers."
    )
    code_sender_url: HttpUrl | None = Field(default=None, description="One-time codes are posted there as JSON.")
    code_sender_token: SecretStr | None = Field(default=None, description="Bearer token for the sender of codes.")
    access_token_ttl_s: Annotated[int, Field(ge=60, le=3600)] = 900
    refresh_token_ttl_s: Annotated[int, Field(ge=3600)] = 30 * 86_400
    session_ttl_s: Annotated[int, Field(ge=3600)] = 180 * 86_400
    password_hashers: Annotated[int, Field(ge=1, le=16, description="Password checks that run at the same time.")] = 2
    codes_per_window: Annotated[int | None, Field(ge=1)] = None
    codes_per_day: Annotated[int | None, Field(ge=1)] = None

    @model_validator(mode="after")
    def _needs_a_sender(self) -> Self:
        """Refuse to start where nobody would ever get a code."""
        if not self.embedded and self.code_sender_url is None:
            message = (
                "LINLI_CODE_SENDER_URL is not set: without it nobody gets a one-time code (or set LINLI_EMBEDDED=1)"
            )
            raise ValueError(message)
        return self

    @property
    def window_limit(self) -> int:
        """Return how many codes one phone may ask for in ten minutes; on one's own machine it is many."""
        return self.codes_per_window or (_CODES_PER_WINDOW_EMBEDDED if self.embedded else _CODES_PER_WINDOW)

    @property
    def day_limit(self) -> int:
        """Return how many codes one phone may ask for in a day."""
        return self.codes_per_day or (_CODES_PER_DAY_EMBEDDED if self.embedded else _CODES_PER_DAY)
