"""Texts are embedded when they have been written: by the worker, a few seconds later, and anew for another model. What
is proposed to a need that stands elsewhere now is then due to be computed again.

What people have corrected is learned from every hour.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Row

from services.matching.needs.repository import mark_proposals_due
from services.matching.slots import repository
from services.matching.slots.learned import learn_words
from services.matching.slots.rules import Subject
from shared.clock import utc_now
from shared.db import Database
from shared.encoders import Encoder, identity, live_encoders
from shared.encoders.halves import to_bytes
from shared.messaging import TenantSchedule

__all__ = ["embed_texts", "learn_tree_words", "schedules"]

log = structlog.get_logger()

_EVERY_S: Final = 5
_LEARN_EVERY_S: Final = 3_600
_AT_ONCE: Final = 64
# So many batches a turn: other tenants have texts as well.
_BATCHES: Final = 20


async def embed_texts(database: Database, tenant: str, encoders: Sequence[Encoder] | None = None) -> int:
    """Embed what no live encoder has placed yet, or not as it is worded now; returns how many texts that were."""
    live = live_encoders() if encoders is None else encoders
    total = 0
    for encoder in live:
        for subject in Subject:
            total += await _embed(database, tenant, encoder, subject)
    if live and not total:
        async with database.write(tenant) as session:
            await repository.forget_vectors(session, [identity(encoder) or "" for encoder in live])
    return total


async def _embed(database: Database, tenant: str, encoder: Encoder, subject: Subject) -> int:
    name, total = identity(encoder) or "", 0
    for _ in range(_BATCHES):
        async with database.read(tenant) as session:
            texts = await repository.unembedded(session, subject, name, _AT_ONCE)
        if texts:
            await _keep(database, tenant, encoder, subject, texts)
        total += len(texts)
        if len(texts) < _AT_ONCE:
            break
    return total


async def _keep(database: Database, tenant: str, encoder: Encoder, subject: Subject, texts: Sequence[Row[Any]]) -> None:
    words = [row.words for row in texts]
    rows = await asyncio.to_thread(encoder.embed, words, passages=subject == Subject.OFFER)
    kept = [(row.id, row.text_hash, to_bytes(vector)) for row, vector in zip(texts, rows, strict=True)]
    async with database.write(tenant) as session:
        now = utc_now()
        await repository.keep_vectors(session, subject, identity(encoder) or "", kept, now)
        if subject == Subject.NEED:
            await mark_proposals_due(session, [row.id for row in texts], now)
    log.info("texts_embedded", tenant=tenant, subject=subject.value, encoder=encoder.name, texts=len(texts))


async def _run(database: Database, tenant: str, _: datetime) -> None:
    await embed_texts(database, tenant)


async def learn_tree_words(database: Database, tenant: str) -> int:
    """Learn words from all corrections of leaves; returns how many there are now."""
    async with database.read(tenant) as session:
        labels = await repository.leaf_labels(session)
        known = {(row.leaf, row.word, row.texts) for row in await repository.learned_rows(session)}
    words = await asyncio.to_thread(learn_words, labels)
    if known != {(one.leaf, one.word, one.texts) for one in words}:
        async with database.write(tenant) as session:
            await repository.put_learned_words(session, words, utc_now())
        log.info("tree_words_learned", tenant=tenant, labels=len(labels), words=len(words))
    return len(words)


async def _learn(database: Database, tenant: str, _: datetime) -> None:
    await learn_tree_words(database, tenant)


schedules: Final = (
    TenantSchedule("embed_texts", _EVERY_S, "offers", _run),
    TenantSchedule("learn_tree_words", _LEARN_EVERY_S, "needs", _learn),
)
