"""Traces, for whoever wants them: `pip install linli[otel]` and LINLI_OTLP_URL; without both, nothing here costs much.

The W3C `traceparent` travels in any case: from a request's header into the events that it caused, and from an event
into the events that its effect caused. With tracing on, request, event and effect are spans of one trace.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

__all__ = ["configure_tracing", "consuming", "is_tracing", "serving", "use_provider"]

# The library is loaded only when it is used: every process would carry it otherwise.
_state: dict[str, Any] = {}


def is_tracing() -> bool:
    """Tell whether spans are made."""
    return "tracer" in _state


def configure_tracing(process: str, otlp_url: str | None) -> None:
    """Send this process's spans to an OpenTelemetry collector.

    Args:
        process: the name of this process.
        otlp_url: of the collector's OTLP/HTTP door, without /v1/traces; None leaves tracing off.

    Raises:
        RuntimeError: a collector is given and the `otel` extra is not installed.
    """
    if otlp_url is None:
        return
    try:
        exporting = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        sdk, batching = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
        resources = import_module("opentelemetry.sdk.resources")
    except ImportError as error:
        message = "LINLI_OTLP_URL is set, but OpenTelemetry is not installed: pip install linli[otel]"
        raise RuntimeError(message) from error
    resource = resources.Resource.create({"service.name": f"linli-{process}", "service.namespace": "linli"})
    provider = sdk.TracerProvider(resource=resource)
    exporter = exporting.OTLPSpanExporter(endpoint=f"{otlp_url.rstrip('/')}/v1/traces")
    provider.add_span_processor(batching.BatchSpanProcessor(exporter))
    use_provider(provider)


def use_provider(provider: Any) -> None:  # noqa: ANN401 - OpenTelemetry may not be installed
    """Make spans with an OpenTelemetry provider; None makes none."""
    _state.clear()
    if provider is not None:
        propagation = import_module("opentelemetry.trace.propagation.tracecontext")
        _state["api"] = import_module("opentelemetry.trace")
        _state["propagator"] = propagation.TraceContextTextMapPropagator()
        _state["tracer"] = provider.get_tracer("linli")


def _parent(traceparent: str | None) -> Any:  # noqa: ANN401 - as above
    return _state["propagator"].extract({"traceparent": traceparent} if traceparent else {})


def _traceparent(span: Any) -> str:  # noqa: ANN401 - as above
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


@contextmanager
def serving(name: str, traceparent: str | None, **attributes: str) -> Iterator[str | None]:
    """Make a span of a request that is served.

    Args:
        name: method and route.
        traceparent: as it came, if it did.
        attributes: of the span.

    Yields:
        The traceparent of what happens inside: the span's own, or that which came when tracing is off.
    """
    if not is_tracing():
        yield traceparent
        return
    span = _state["tracer"].start_span(name, _parent(traceparent), _state["api"].SpanKind.SERVER, attributes)
    try:
        yield _traceparent(span)
    except BaseException as error:
        span.record_exception(error)
        span.set_status(_state["api"].StatusCode.ERROR)
        raise
    finally:
        span.end()


@contextmanager
def consuming(service: str, events: Sequence[Any]) -> Iterator[None]:
    """Make a span for each event that is applied, in the trace that it came from."""
    if not is_tracing():
        yield
        return
    with ExitStack() as spans:
        for event in events:
            attributes = {"messaging.message.id": str(event.id), "linli.tenant": event.tenant, "linli.service": service}
            parent = _parent(event.traceparent)
            span = _state["tracer"].start_span(
                f"apply {event.type}", parent, _state["api"].SpanKind.CONSUMER, attributes
            )
            spans.callback(span.end)
        yield
