"""From notifications to representations."""

from uuid import UUID

from services.intake.notifications.models import Notification, NotificationReceipt
from services.intake.notifications.rules import rendered
from services.intake.notifications.schemas import NotificationOut, ReceiptOut

__all__ = ["notification_out", "receipt_out"]


def notification_out(row: Notification, read: set[UUID]) -> NotificationOut:
    """Show a line of the inbox in both languages."""
    text = rendered(row.kind, row.params)
    return NotificationOut(
        id=row.id,
        kind=row.kind,
        text_zh=text.zh,
        text_en=text.en,
        case_id=row.case_id,
        audience="person" if row.person_id else "unit" if row.unit_id else "role",
        urgent=row.urgent,
        read=row.id in read,
        created_at=row.created_at,
    )


def receipt_out(pair: tuple[Notification, NotificationReceipt], requester_id: UUID, staff: bool) -> ReceiptOut:  # noqa: FBT001
    """Show what became of a message; residents appear as what they are to the case, except to the area's staff."""
    row, receipt = pair
    told = row.role or ("unit" if row.unit_id else "requester" if row.person_id == requester_id else "neighbour")
    return ReceiptOut(
        notification_id=row.id,
        kind=row.kind,
        told=told,
        person_id=receipt.person_id if staff else None,
        channel=receipt.channel,
        state=receipt.state,
        detail=receipt.detail,
        at=receipt.at,
    )
