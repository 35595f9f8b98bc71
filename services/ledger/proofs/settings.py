"""The key that signs heads. The service shows its public half, the worker signs with it."""

from functools import lru_cache

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.ledger.proofs.rules import public_bytes
from shared.auth import SigningKey, read_signing_key

__all__ = ["ProofSettings", "known_keys", "signing_key"]


class ProofSettings(BaseSettings):
    """From the environment; a missing key stops whoever needs it."""

    model_config = SettingsConfigDict(env_prefix="LINLI_", extra="ignore")

    ledger_signing_key: SecretStr = Field(
        description="Ed25519 seeds, 32 bytes of base64url each, by commas; the first signs, the others once did."
    )


@lru_cache(maxsize=1)
def _keys() -> tuple[SigningKey, ...]:
    seeds = ProofSettings().ledger_signing_key.get_secret_value().split(",")
    return tuple(read_signing_key(seed.strip()) for seed in seeds)


def signing_key() -> SigningKey:
    """Return the key that signs new heads."""
    return _keys()[0]


def known_keys() -> tuple[bytes, ...]:
    """Return the public halves of all keys that have signed heads of ours, 32 bytes each."""
    return tuple(public_bytes(key) for key in _keys())
