"""What the ledger reads from its environment."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings

__all__ = ["LedgerSettings"]


class LedgerSettings(ServiceSettings):
    """Settings of the ledger."""

    database_url: SecretStr = Field(validation_alias="LINLI_LEDGER_DATABASE_URL")
