"""What the pipe counts. Names and labels are a promise to whoever has built alarms on them: docs/operating.md."""

from collections.abc import Sequence
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["INBOX", "OLDEST_S", "OWED", "QUEUED", "applied", "failed", "sent"]

_SENT: Final = Counter("linli_events_sent_total", "Events put into a queue.", ["service", "consumer"])
_RESENT: Final = Counter("linli_events_resent_total", "Of these, not for the first time.", ["service", "consumer"])
_LAG: Final = Histogram(
    "linli_relay_lag_seconds",
    "From an event's row to its queue.",
    ["service"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600),
)
_APPLIED: Final = Counter("linli_events_applied_total", "Events that had their effect.", ["service"])
_KNOWN: Final = Counter("linli_events_known_total", "Events that arrived again and had none.", ["service"])
_FAILED: Final = Counter("linli_events_failed_total", "Tries of an event that failed.", ["service"])

# Read from the database and from Redis when somebody asks: see figures.py.
OWED: Final = Gauge(
    "linli_outbox_unacknowledged", "Events that a consumer owes an answer for.", ["service", "consumer"]
)
OLDEST_S: Final = Gauge("linli_outbox_oldest_seconds", "Age of the oldest of them.", ["service", "consumer"])
INBOX: Final = Gauge("linli_inbox_events", "Events that arrived and have not been applied.", ["service", "state"])
QUEUED: Final = Gauge("linli_queue_jobs", "Batches of events in a queue, running ones included.", ["service"])


def sent(service: str, consumer: str, rows: Sequence[Any]) -> None:
    """Count a batch: rows with `attempts`, this one included, and `waited_s` since the event's commit."""
    if not rows:
        return
    _SENT.labels(service, consumer).inc(len(rows))
    again = sum(row["attempts"] > 1 for row in rows)
    if again:
        _RESENT.labels(service, consumer).inc(again)
    observe = _LAG.labels(service).observe
    for row in rows:
        if row["attempts"] == 1:
            observe(row["waited_s"])


def applied(service: str, *, new: int, known: int) -> None:
    """Count what a transaction applied, and what it knew already."""
    _APPLIED.labels(service).inc(new)
    if known:
        _KNOWN.labels(service).inc(known)


def failed(service: str) -> None:
    """Count a failed try."""
    _FAILED.labels(service).inc()
