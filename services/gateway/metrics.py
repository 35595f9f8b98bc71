"""What the gateway counts, in plain numbers on the hot path and in Prometheus' form only when somebody asks.

A labelled Prometheus counter and histogram cost some microseconds for each request; adding to a dict and a list does
not. Labels are bounded: five upstreams, and the statuses of HTTP.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

__all__ = ["Meters"]

_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_STATUSES: Final = range(100, 600)


class Meters(Collector):
    """The figures of one gateway.

    Args:
        gauges: what is read at the moment of asking, by name of the upstream.
        shared: whether limits are common at the moment.
    """

    def __init__(self, *, in_flight: Callable[[], Mapping[str, int]], shared: Callable[[], bool]) -> None:
        self._in_flight = in_flight
        self._shared = shared
        self._requests: dict[tuple[str, int], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def count(self, upstream: str, status: int, seconds: float) -> None:
        """Count one request; `upstream` is one of a few names."""
        key = (upstream, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        buckets = self._buckets.get(upstream)
        if buckets is None:
            buckets = self._buckets[upstream] = [0] * (len(_BOUNDS_S) + 1)
            self._seconds[upstream] = 0.0
        buckets[bisect_left(_BOUNDS_S, seconds)] += 1
        self._seconds[upstream] += seconds

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text form."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Translate the plain numbers."""
        requests = CounterMetricFamily("linli_gateway_requests", "Requests answered.", labels=["upstream", "status"])
        for (upstream, status), number in self._requests.items():
            requests.add_metric([upstream, str(status) if status in _STATUSES else "other"], number)
        yield requests
        durations = HistogramMetricFamily(
            "linli_gateway_request_duration_seconds", "From the head of the request to its end.", labels=["upstream"]
        )
        for upstream, buckets in self._buckets.items():
            total, cumulated = 0, []
            for bound, number in zip((*map(str, _BOUNDS_S), "+Inf"), buckets, strict=True):
                total += number
                cumulated.append((bound, total))
            durations.add_metric([upstream], cumulated, sum_value=self._seconds[upstream])
        yield durations
        in_flight = GaugeMetricFamily("linli_gateway_in_flight", "Requests on their way.", labels=["upstream"])
        for upstream, number in self._in_flight().items():
            in_flight.add_metric([upstream], number)
        yield in_flight
        yield GaugeMetricFamily(
            "linli_gateway_limits_shared", "Whether limits are common through Redis.", value=float(self._shared())
        )
