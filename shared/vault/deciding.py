"""What routes that touch personal data have in common: the vault, and the purpose that lifts a mask."""

from typing import Annotated, Final

from fastapi import Depends, Query, Request
from pydantic import StringConstraints

from shared.vault.sealing import Vault

__all__ = ["Purpose", "StatedPurpose", "VaultOfApp", "vault_of"]


async def vault_of(request: Request) -> Vault:
    """Return the vault that the app was started with."""
    vault: Vault = request.app.state.vault
    return vault


VaultOfApp = Annotated[Vault, Depends(vault_of)]

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]
_WHY: Final = "Why it is needed in the clear; kept with who and when 用途（将被审计）"

# What lifts a mask, and, where nothing is shown without it, what has to be stated.
Purpose = Annotated[_Words | None, Query(description=_WHY)]
StatedPurpose = Annotated[_Words, Query(description=_WHY)]
