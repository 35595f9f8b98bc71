"""The pipe between services: an outbox in PostgreSQL, a disposable queue in Redis, an inbox in PostgreSQL.

Redis may be emptied or killed at any moment: nothing is lost, since the outbox sends again what was not acknowledged,
and
nothing happens twice, since the inbox remembers what was applied in the transaction that applied it.
"""

from shared.messaging.bell import Bell
from shared.messaging.consumers import Consumers, Handler
from shared.messaging.inbox import Inbox, Patience
from shared.messaging.outbox import publish, publish_each
from shared.messaging.relay import Relay
from shared.messaging.schedules import Schedule, TenantSchedule
from shared.messaging.worker import QueueWorker, queue_name, redis_pool

__all__ = [
    "Bell",
    "Consumers",
    "Handler",
    "Inbox",
    "Patience",
    "QueueWorker",
    "Relay",
    "Schedule",
    "TenantSchedule",
    "publish",
    "publish_each",
    "queue_name",
    "redis_pool",
]
