"""SQL of proofs: striking out what was none, wherever it was named for a thing."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from shared.db import WriteSession

__all__ = ["strike_out"]

_LEFT: Final = (
    "ARRAY(SELECT one FROM unnest({column}) WITH ORDINALITY AS u (one, place) WHERE one <> ALL(:ids) ORDER BY place)"
)
# The tables where attachments are named for an owner, with the column of the owner and those of the attachments.
_NAMED: Final[dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]]] = {
    "project": (
        ("projects", "id", ("acceptance_attachment_ids",)),
        ("milestones", "project_id", ("attachment_ids",)),
    ),
    "order": (("orders", "id", ("attachment_ids",)),),
    "hold": (("transfers", "hold_id", ("dispatch_attachment_ids", "end_attachment_ids")),),
}


async def strike_out(session: WriteSession, owner_kind: str, owner_id: UUID, attachment_ids: Sequence[UUID]) -> bool:
    """Take attachments out of whatever names them for a thing; returns whether any was named."""
    found = False
    for table, key, columns in _NAMED[owner_kind]:
        left = ", ".join(f"{column} = {_LEFT.format(column=column)}" for column in columns)
        named = " OR ".join(f"{column} && :ids" for column in columns)
        statement = text(
            f"UPDATE matching.{table} SET {left} WHERE tenant_id = :tenant AND {key} = :owner AND ({named}) RETURNING 1"
        ).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
        values = {"tenant": session.tenant, "owner": owner_id, "ids": list(attachment_ids)}
        found = (await session.execute(statement, values)).first() is not None or found
    return found
