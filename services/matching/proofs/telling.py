"""Asking the intake about what was shown; the answer comes by an event, and only when something is no proof."""

from collections.abc import Sequence
from uuid import UUID

from shared.auth import Principal
from shared.contracts.matching import ProofShown
from shared.db import WriteSession
from shared.messaging import publish

__all__ = ["show_proof"]


async def show_proof(
    session: WriteSession,
    caller: Principal,
    owner: tuple[str, UUID],
    attachment_ids: Sequence[UUID],
    *,
    area_path: str,
    unit_id: UUID | None,
) -> None:
    """Have pictures and papers looked at that somebody shows as proof.

    Args:
        session: the transaction in which they are named.
        caller: who shows them.
        owner: what they prove: `project`, `order` or `hold`, and which one.
        attachment_ids: of the intake.
        area_path: whose staff may see them from then on.
        unit_id: whose people may see them from then on.
    """
    if not attachment_ids:
        return
    kind, owner_id = owner
    shown = ProofShown(
        owner_kind=kind,
        owner_id=owner_id,
        attachment_ids=list(attachment_ids),
        shown_by=caller.subject_id,
        area_path=area_path,
        unit_id=unit_id,
    )
    await publish(session, f"proof/{owner_id}", shown)
