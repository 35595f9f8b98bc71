"""Personal data at rest: sealed field by field, found by a blind index, and lifted only for a stated purpose."""

from shared.vault.deciding import Purpose, StatedPurpose, VaultOfApp, vault_of
from shared.vault.sealing import Place, UnreadableField, Vault

__all__ = ["Place", "Purpose", "StatedPurpose", "UnreadableField", "Vault", "VaultOfApp", "vault_of"]
