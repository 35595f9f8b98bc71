"""Who judges what is attached: a port, our own look at its structure, and a virus scanner that a house may have."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import structlog

from services.intake.attachments.pdf_check import REFUSED
from services.intake.attachments.rules import (
    PDF,
    AttachmentRefused,
    Picture,
    Reason,
    clean_picture,
    media_type_of,
)

__all__ = ["ClamdScanner", "Scanner", "ScannerAway", "StructureScanner"]

log = structlog.get_logger()

# A decoded picture takes up to 400 MB for a moment, a document's process up to 1 GB: this many, the others wait.
_AT_ONCE: Final = 2
_PDF_TIMEOUT_S: Final = 20.0
_CHUNK: Final = 256 * 1024
_REPLY_MAX: Final = 4_096


class ScannerAway(Exception):
    """Nobody has judged it; trying again later is right."""


class Scanner(Protocol):
    """Judges a file."""

    async def scan(self, content: bytes) -> Picture:
        """Return what may be kept of a file.

        Raises:
            AttachmentRefused, or another problem of the attachments' rules: it may not be kept.
            ScannerAway: nobody has judged it.
        """


class StructureScanner:
    """Keeps pictures and documents that are what they say, written anew."""

    def __init__(self) -> None:
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def scan(self, content: bytes) -> Picture:
        """Return the file without what its maker's device wrote into it."""
        media_type = media_type_of(content)
        async with self._at_once:
            if media_type == PDF:
                return Picture(PDF, await _checked_pdf(content))
            # In a thread, since decoding takes a core for a while.
            return await asyncio.to_thread(clean_picture, content)


async def _checked_pdf(content: bytes) -> bytes:
    program = str(Path(__file__).with_name("pdf_check.py"))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", program, stdin=pipe, stdout=pipe, stderr=pipe, env={}
    )
    try:
        kept, said = await asyncio.wait_for(process.communicate(content), _PDF_TIMEOUT_S)
    except TimeoutError as error:
        raise AttachmentRefused(reason=Reason.BROKEN_DOCUMENT) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == 0:
        return kept
    word = said.decode(errors="replace").strip()
    if process.returncode != REFUSED or word not in set(Reason):
        log.warning("document_check_failed", status=process.returncode, said=word[-300:])
        word = Reason.BROKEN_DOCUMENT
    raise AttachmentRefused(reason=word)


class ClamdScanner:
    """Asks a clamd, by INSTREAM of its protocol (clamd(8)).

    Args:
        address: `tcp://host:port` or `unix:/path`.
        timeout_s: for the whole conversation.
    """

    def __init__(self, address: str, *, timeout_s: float) -> None:
        self._address = urlsplit(address)
        self._timeout_s = timeout_s

    async def scan(self, content: bytes) -> Picture:
        """Return the file as it is, when the scanner finds nothing in it."""
        try:
            reply = await asyncio.wait_for(self._ask(content), self._timeout_s)
        except (OSError, TimeoutError, EOFError) as error:
            log.warning("clamd_away", error=repr(error)[:300])
            raise ScannerAway from error
        if reply == "stream: OK":
            return Picture(media_type_of(content), content)
        if reply.endswith(" FOUND"):
            log.warning("attachment_infected", found=reply[:200])
            raise AttachmentRefused(reason=Reason.INFECTED)
        log.error("clamd_failed", reply=reply[:200])
        raise ScannerAway

    async def _ask(self, content: bytes) -> str:
        if self._address.scheme == "unix":
            reader, writer = await asyncio.open_unix_connection(self._address.path)
        else:
            reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        try:
            writer.write(b"zINSTREAM\0")
            for start in range(0, len(content), _CHUNK):
                piece = content[start : start + _CHUNK]
                writer.write(len(piece).to_bytes(4, "big") + piece)
                await writer.drain()
            writer.write(bytes(4))
            await writer.drain()
            reply = await reader.readuntil(b"\0")
            return reply[:_REPLY_MAX].rstrip(b"\0").decode(errors="replace").strip()
        finally:
            writer.close()
