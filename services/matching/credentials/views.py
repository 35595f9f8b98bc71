"""From rows to representations."""

from services.matching.credentials.models import Credential
from services.matching.credentials.rules import masked
from services.matching.credentials.schemas import CredentialOut
from services.matching.credentials.service import number_of
from shared.clock import today
from shared.vault import Vault

__all__ = ["credential_out"]

_COMPUTED = frozenset({"number", "is_valid"})


def credential_out(credential: Credential, vault: Vault, *, clear: bool = False) -> CredentialOut:
    """Show a credential, its number masked or in the clear."""
    number, day = number_of(credential, vault), today()
    begun = credential.valid_from is None or credential.valid_from <= day
    lasts = credential.valid_until is None or day <= credential.valid_until
    columns = {name: getattr(credential, name) for name in CredentialOut.model_fields if name not in _COMPUTED}
    return CredentialOut.model_validate(
        {
            **columns,
            "number": number if clear else masked(number),
            "is_valid": begun and lasts and credential.withdrawn_at is None,
        }
    )
