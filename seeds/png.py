"""Tiny pictures made in code: a proof needs a photo, and a repository needs no photographs of anybody's street."""

import struct
import zlib

__all__ = ["photo"]


def photo(red: int, green: int, blue: int, *, side: int = 16) -> bytes:
    """Draw a square PNG in one colour with a dark frame; colours are 0-255."""
    pixel, frame = bytes((red, green, blue)), bytes((red // 3, green // 3, blue // 3))
    edge = b"\x00" + frame * side
    middle = b"\x00" + frame + pixel * (side - 2) + frame
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(edge + middle * (side - 2) + edge)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
