"""Personal data at rest: sealed field by field, found by a blind index, and lifted only for a stated purpose."""

from shared.vault.deciding import Purpose, VaultOfApp, vault_of
from shared.vault.sealing import Place, UnreadableField, Vault

__all__ = ["Place", "Purpose", "UnreadableField", "Vault", "VaultOfApp", "vault_of"]
