"""Encoders turn texts into vectors: one small interface, an adapter for each package, and words alone without any."""

from shared.encoders.loading import (
    LEXICAL,
    Encoder,
    EncoderSettings,
    identity,
    live_encoder,
    live_encoders,
    load_encoder,
    load_encoders,
    missing,
    mode,
)

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
