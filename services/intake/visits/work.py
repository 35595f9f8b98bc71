"""What everybody who writes down field work brings along: the transaction, who was there, the desk and the vault."""

from dataclasses import dataclass

from services.intake.cases.filing_service import Desk
from shared.auth import Principal
from shared.db import WriteSession
from shared.vault import Vault

__all__ = ["FieldWork"]


@dataclass(frozen=True, slots=True)
class FieldWork:
    """What somebody needs to write down what happened outside.

    Attributes:
        session: the transaction.
        caller: who was there.
        desk: where the numbers of cases come from.
        vault: seals doors.
    """

    session: WriteSession
    caller: Principal
    desk: Desk
    vault: Vault
