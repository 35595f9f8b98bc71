"""A sample of an event's payload, made from its contract: the same at every call, and true to its types."""

from datetime import UTC, date, datetime
from typing import Any, Final, Literal, get_args, get_origin
from uuid import UUID

from shared.contracts.envelope import EventData

__all__ = ["SAMPLE_ID", "SAMPLE_TIME", "sample_data"]

SAMPLE_ID: Final = UUID("01a20000-0000-7000-8000-000000000001")
SAMPLE_TIME: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_SAMPLES: Final[dict[Any, Any]] = {
    UUID: SAMPLE_ID,
    datetime: SAMPLE_TIME,
    date: SAMPLE_TIME.date(),
    str: "text",
    int: 7,
    float: 1.5,
    bool: True,
}


def sample_data(kind: type[EventData]) -> EventData:
    """Return a payload of a kind with a value in every member; KeyError for a type that no contract has used yet."""
    return kind(**{name: _value_for(field.annotation) for name, field in kind.model_fields.items()})


def _value_for(annotation: Any) -> Any:  # noqa: ANN401 - whatever a contract names
    if annotation in _SAMPLES:
        return _SAMPLES[annotation]
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    inner = [item for item in get_args(annotation) if item is not type(None)]
    if not inner:
        raise KeyError(annotation)
    value = _value_for(inner[0])
    return [value] if get_origin(annotation) is list else value
