"""Shapes of attachments."""

from datetime import datetime
from uuid import UUID

from services.intake.attachments.rules import ScanState
from shared.web import OutputModel

__all__ = ["AttachmentOut"]


class AttachmentOut(OutputModel):
    """What is known of an attachment beside its bytes. A held one is its uploader's alone until it is clean."""

    id: UUID
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_at: datetime
    state: ScanState
    reason: str | None
