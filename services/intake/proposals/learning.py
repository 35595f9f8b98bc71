"""Learning from labels, in the worker: when there are enough of them, and enough new ones."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Row

from services.intake.proposals import repository
from services.intake.proposals.keeping import dumped, hash_of, own_words, semantic
from services.intake.proposals.models import CONTENT_MAX_BYTES, ProposalModel
from services.intake.proposals.rules import LABELS_MAX, LEARNS_FROM, Learned, is_worth_learning, learn
from shared.clock import utc_now
from shared.db import Database
from shared.encoders import Encoder, identity, live_encoder

__all__ = ["learn_from_labels"]

log = structlog.get_logger()

_MODELS_KEPT: Final = 3
_EMBEDDED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class _Task:
    """What there is to learn from."""

    words: Mapping[str, Sequence[str]]
    labels: Sequence[Row[Any]]
    head: ProposalModel | None
    words_hash: str
    labels_hash: str


async def learn_from_labels(database: Database, tenant: str) -> int | None:
    """Learn a tenant's model anew, if that is worth it; returns the model's number, or None."""
    encoder = live_encoder()
    task = await _task(database, tenant)
    if len(task.labels) < LEARNS_FROM or not _is_due(task, encoder):
        return None
    learned = await _learn(database, tenant, task, encoder)
    content = dumped(learned)
    if len(content) > CONTENT_MAX_BYTES:
        log.warning("proposal_model_too_large", tenant=tenant, size_bytes=len(content))
        return None
    number = task.head.number + 1 if task.head else 1
    row = {
        "number": number,
        "labels": len(task.labels),
        "words_hash": task.words_hash,
        "labels_hash": task.labels_hash,
        "encoder": identity(encoder),
        "threshold": learned.cut.threshold,
        "held_out": learned.cut.held_out,
        "accuracy": learned.cut.accuracy,
        "abstained": learned.cut.abstained,
        "content": content,
        "learned_at": utc_now(),
    }
    async with database.write(tenant) as session:
        await repository.add_model(session, row)
        await repository.forget_models(session, number - _MODELS_KEPT + 1)
    log.info("proposals_learned", tenant=tenant, model=number, labels=len(task.labels), accuracy=learned.cut.accuracy)
    return number


async def _task(database: Database, tenant: str) -> _Task:
    async with database.read(tenant) as session:
        words = own_words(await repository.active_categories(session), await repository.all_keywords(session))
        found = await repository.labelled_texts(session, LABELS_MAX)
        head = await repository.latest_model(session)
    labels = [row for row in found if row.category in words]
    labels_hash = hash_of([(str(row.id), row.category) for row in labels])
    return _Task(words, labels, head, hash_of(words), labels_hash)


def _is_due(task: _Task, encoder: Encoder | None) -> bool:
    head = task.head
    if head is None or head.encoder != identity(encoder):
        return True
    words_changed = head.words_hash != task.words_hash
    if head.labels_hash == task.labels_hash and not words_changed:
        return False
    age_s = (utc_now() - head.learned_at).total_seconds()
    return is_worth_learning(len(task.labels), head.labels, age_s=age_s, words_changed=words_changed)


async def _learn(database: Database, tenant: str, task: _Task, encoder: Encoder | None) -> Learned:
    pairs = [(row.text, row.category) for row in task.labels]
    if encoder is None:
        # In a thread, so that the worker's other parts have their turns.
        return await asyncio.to_thread(learn, pairs, task.words)
    vectors = await _vectors(database, tenant, task.labels, encoder)
    return await asyncio.to_thread(learn, pairs, task.words, vectors=vectors, regress=semantic().fit_ridge)


async def _vectors(database: Database, tenant: str, labels: Sequence[Row[Any]], encoder: Encoder) -> Any:  # noqa: ANN401 - a numpy matrix
    """Return one row for each label; what was embedded before is not embedded again."""
    name, maths = identity(encoder) or "", semantic()
    async with database.read(tenant) as session:
        kept = await repository.vectors_of(session, [row.id for row in labels], name)
    missing = [row for row in labels if row.id not in kept]
    for start in range(0, len(missing), _EMBEDDED_AT_ONCE):
        some = missing[start : start + _EMBEDDED_AT_ONCE]
        rows = await asyncio.to_thread(encoder.embed, [row.text for row in some])
        made: dict[UUID, bytes] = {row.id: maths.to_bytes(row_of) for row, row_of in zip(some, rows, strict=True)}
        async with database.write(tenant) as session:
            await repository.keep_vectors(session, made, name, utc_now())
        kept |= made
    return maths.stacked([kept[row.id] for row in labels])
