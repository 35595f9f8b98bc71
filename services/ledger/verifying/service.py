"""Verify a tenant: all sums, all logs, all statements; the first wrong row of each check is named."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.ledger.verifying import repository
from services.ledger.verifying.logs import OldHead, check_heads, check_leaves, check_old_heads, check_statements
from services.ledger.verifying.sums import CHECKS, first_wrong
from shared.db import Database

__all__ = ["Finding", "read_old_head", "verify_tenant"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, where, and what is wrong first; nothing when all is well."""

    subject: str
    check: str
    wrong: str | None


def read_old_head(content: str) -> OldHead:
    """Read a head that somebody has kept: the note as text, or JSON with it (a head, a proof, a book).

    Raises:
        ValueError: it is neither.
    """
    note = json.loads(content)["note"] if content.lstrip().startswith("{") else content
    lines = note.replace("\r\n", "\n").split("\n")
    if len(lines) < 3:  # noqa: PLR2004 - origin, size, root
        message = "not a head"
        raise ValueError(message)
    return lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)


async def verify_tenant(database: Database, tenant: str, kept: list[OldHead]) -> AsyncIterator[Finding]:
    """Check everything of a tenant, each check in its own snapshot.

    Args:
        database: the ledger's.
        tenant: whose.
        kept: heads that others have kept; the logs must begin with them.
    """
    for check, query in CHECKS.items():
        async with database.read(tenant) as session:
            yield Finding(tenant, check, await first_wrong(session, query))
    async with database.read(tenant) as session:
        books = await repository.all_books(session)
    for book in books:
        subject = f"{tenant}/{book.id}"
        async with database.read(tenant) as session:
            yield Finding(subject, "every posting is the leaf that it was", await check_leaves(session, book))
            yield Finding(subject, "every head follows from the leaves and is signed", await check_heads(session, book))
            if kept:
                yield Finding(
                    subject, "the log begins with every kept head", await check_old_heads(session, book, kept)
                )
            yield Finding(subject, "every statement follows from the postings", await check_statements(session, book))
