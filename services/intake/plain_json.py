"""JSON that people send us whole: what of it can be kept, written back and read by everybody."""

import math
import re
from typing import Annotated, Any, Final

import orjson
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

__all__ = ["JsonObject", "size_of"]

# Beyond it a number is not the same for every reader of JSON (RFC 8259 §6).
_NUMBER_MAX: Final = 2**53
_DEPTH_MAX: Final = 24
_UNWRITABLE: Final = re.compile("[\x00\ud800-\udfff]")


def _kept(value: dict[str, Any]) -> dict[str, Any]:
    _check(value, 0)
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_kept)]


def size_of(value: object) -> int:
    """Return how many bytes a value has as JSON."""
    return len(orjson.dumps(value))


def _check(value: object, depth: int) -> None:
    """Refuse what PostgreSQL's jsonb cannot hold, and numbers that readers understand differently."""
    if depth > _DEPTH_MAX:
        msg = "too_deep"
        raise PydanticCustomError(msg, "Input should be nested less deeply")
    if isinstance(value, dict):
        for name, item in value.items():
            _check(name, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str):
        if _UNWRITABLE.search(value):
            msg = "unwritable_text"
            raise PydanticCustomError(msg, "Input should have no NUL and no lone surrogate")
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= _NUMBER_MAX):
        msg = "number_out_of_range"
        raise PydanticCustomError(msg, "Input should have numbers between -2^53 and 2^53")
