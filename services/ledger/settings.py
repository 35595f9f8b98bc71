"""What the ledger reads from its environment."""

from typing import Annotated

from pydantic import Field, SecretStr

from services.ledger.proofs.settings import ProofSettings
from shared.settings import ServiceSettings

__all__ = ["LedgerSettings"]


class LedgerSettings(ServiceSettings, ProofSettings):
    """Settings of the ledger."""

    database_url: SecretStr = Field(validation_alias="LINLI_LEDGER_DATABASE_URL")
    ledger_postings_waiting_max: Annotated[
        int, Field(ge=1, le=100_000, description="Single transactions that may wait to be written; above it, 503.")
    ] = 2_000
