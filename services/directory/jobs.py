"""What the directory does when nobody asks: it carries messages and answers other services.

Old rows are cleared by whoever adds one.
"""

from services.directory.deliveries.jobs import close
from services.directory.deliveries.jobs import consumers as delivery_consumers
from services.directory.deliveries.jobs import schedules as delivery_schedules
from services.directory.entitlements.jobs import consumers as entitlement_consumers
from shared.messaging import Consumers, TenantSchedule

__all__ = ["close", "consumers", "schedules"]

consumers = Consumers("directory")
consumers.include(delivery_consumers)
consumers.include(entitlement_consumers)
schedules: tuple[TenantSchedule, ...] = delivery_schedules
