"""From rows to representations."""

from collections.abc import Sequence

from services.matching.webhooks_in.models import WebhookDelivery, WebhookLine
from services.matching.webhooks_in.receiving import Receipt, Sender
from services.matching.webhooks_in.schemas import DeliveryOut, LineOut, ReceiptOut, ReportOut

__all__ = ["delivery_out", "receipt_out", "report_out"]


def receipt_out(sender: Sender, receipt: Receipt) -> ReceiptOut:
    """Tell where the report will be."""
    address = f"/v1/webhooks/{sender.tenant}/{sender.partner_id}/{receipt.delivery_id}"
    return ReceiptOut(delivery_id=receipt.delivery_id, mode=receipt.mode, report_url=address)


def delivery_out(delivery: WebhookDelivery) -> DeliveryOut:
    """Show a message."""
    return DeliveryOut.model_validate(delivery)


def report_out(delivery: WebhookDelivery, lines: Sequence[WebhookLine]) -> ReportOut:
    """Show a message with its lines."""
    shown = [LineOut.model_validate(line) for line in lines]
    return ReportOut.model_validate({**delivery_out(delivery).model_dump(), "lines": shown})
