"""What routes that touch personal data have in common: the vault, and the purpose that lifts a mask."""

from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import StringConstraints

from shared.vault.sealing import Vault

__all__ = ["Purpose", "VaultOfApp", "vault_of"]


async def vault_of(request: Request) -> Vault:
    """Return the vault that the app was started with."""
    vault: Vault = request.app.state.vault
    return vault


VaultOfApp = Annotated[Vault, Depends(vault_of)]

Purpose = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)] | None,
    Query(description="Why it is needed in the clear; kept with who and when 用途（将被审计）"),
]
