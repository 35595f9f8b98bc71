"""From rows to proofs as they are shown."""

from collections.abc import Sequence
from uuid import UUID

from services.ledger.proofs.models import Cosignature, HeadRow, Witness
from services.ledger.proofs.rules import Line
from services.ledger.proofs.schemas import CosignatureOut, HeadOut, LineOut, WitnessOut
from services.ledger.proofs.settings import known_keys

__all__ = ["head_out", "key_texts", "line_out", "witness_out"]


def key_texts() -> list[str]:
    """Return the public halves of all keys that have signed heads of ours, in hexadecimal."""
    return [key.hex() for key in known_keys()]


def line_out(index: int, line: Line) -> LineOut:
    """Show a posting."""
    return LineOut(
        index=index,
        transaction_id=line.transaction_id,
        leg=line.leg,
        kind=line.kind,
        debit_account_id=line.debit_account,
        credit_account_id=line.credit_account,
        unit=line.unit,
        amount_fen=line.amount,
        debit_sequence=line.debit_sequence,
        debit_after_fen=line.debit_after,
        credit_sequence=line.credit_sequence,
        credit_after_fen=line.credit_after,
        description=line.description,
        effective_on=line.effective_on,
        actor_sha256=line.actor_sha256,
        written_at=line.written_at,
        hold_id=line.hold_id,
        original_id=line.original_id,
        document_sha256=line.document_sha256.hex() if line.document_sha256 else None,
    )


def head_out(book_id: UUID, head: HeadRow, cosigned: Sequence[tuple[Cosignature, Witness]]) -> HeadOut:
    """Show a head with whoever has signed it."""
    signed = [
        CosignatureOut(
            witness=witness.name,
            title=witness.title,
            public_key=witness.public_key.hex(),
            line=cosignature.line,
            signed_at=cosignature.signed_at,
        )
        for cosignature, witness in cosigned
    ]
    return HeadOut(
        book_id=book_id,
        tree_size=head.tree_size,
        root=head.root.hex(),
        sealed_at=head.sealed_at,
        note=head.note,
        public_keys=key_texts(),
        cosignatures=signed,
    )


def witness_out(witness: Witness) -> WitnessOut:
    """Show a witness."""
    return WitnessOut(
        id=witness.id,
        name=witness.name,
        title=witness.title,
        public_key=witness.public_key.hex(),
        registered_at=witness.registered_at,
    )
