"""SQL of slots and vectors."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, delete, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert

from services.matching.slots.learned import LearnedWord
from services.matching.slots.models import LearnedTreeWord, SlotCorrections, SlotLabel, TextVector
from services.matching.slots.rules import Subject
from shared.db import Session, WriteSession

__all__ = [
    "LABELS_MAX",
    "add_labels",
    "all_corrections",
    "corrections_of",
    "encoders_of",
    "find_corrections",
    "forget_vectors",
    "keep_vectors",
    "leaf_labels",
    "learned_rows",
    "learned_words",
    "put_corrections",
    "put_learned_words",
    "unembedded",
    "vectors_of",
]

# So many corrections, the newest, are learned from.
LABELS_MAX: Final = 5_000
# What is compared: a need's summary, an offer's title and description. The hash tells whether a text has changed.
_UNEMBEDDED: Final = {
    Subject.NEED: text(
        "SELECT need.id, need.summary AS words, md5(need.summary) AS text_hash FROM matching.needs AS need"
        " LEFT JOIN matching.text_vectors AS kept ON kept.tenant_id = need.tenant_id AND kept.subject = 'need'"
        " AND kept.subject_id = need.id AND kept.encoder = :encoder AND kept.text_hash = md5(need.summary)"
        " WHERE need.tenant_id = :tenant AND need.state = 'open' AND kept.subject_id IS NULL"
        " ORDER BY need.id DESC LIMIT :limit"
    ),
    Subject.OFFER: text(
        "SELECT offer.id, offer.title || ' ' || offer.description AS words,"
        " md5(offer.title || ' ' || offer.description) AS text_hash FROM matching.offers AS offer"
        " LEFT JOIN matching.text_vectors AS kept ON kept.tenant_id = offer.tenant_id AND kept.subject = 'offer'"
        " AND kept.subject_id = offer.id AND kept.encoder = :encoder"
        " AND kept.text_hash = md5(offer.title || ' ' || offer.description)"
        " WHERE offer.tenant_id = :tenant AND offer.active AND kept.subject_id IS NULL"
        " ORDER BY offer.id DESC LIMIT :limit"
    ),
}
_CORRECTIONS: Final = (
    "SELECT subject_id, CAST(corrected AS text) AS corrected FROM matching.slot_corrections"
    " WHERE tenant_id = $1 AND subject = $2 AND subject_id = ANY($3)"
)
_LEARNED: Final = (
    "SELECT leaf, array_agg(word ORDER BY texts DESC, word) AS words FROM matching.learned_words"
    " WHERE tenant_id = $1 GROUP BY leaf ORDER BY leaf"
)
_VECTORS: Final = (
    "SELECT subject_id, text_hash, vector FROM matching.text_vectors"
    " WHERE tenant_id = $1 AND subject = $2 AND encoder = $3 AND subject_id = ANY($4)"
)
_ENCODERS: Final = "SELECT encoder FROM matching.text_vectors WHERE tenant_id = $1 AND subject = $2 AND subject_id = $3"


async def find_corrections(session: Session, subject: Subject, subject_id: UUID) -> SlotCorrections | None:
    """Return what a person said against the slots of something."""
    statement = select(SlotCorrections).where(
        SlotCorrections.tenant_id == session.tenant,
        SlotCorrections.subject == subject.value,
        SlotCorrections.subject_id == subject_id,
    )
    return await session.scalar(statement.execution_options(populate_existing=True))


async def corrections_of(
    session: Session, subject: Subject, subject_ids: Sequence[UUID]
) -> dict[UUID, Mapping[str, Any]]:
    """Return the corrections of some needs or offers."""
    rows = await session.fetch_rows(_CORRECTIONS, session.tenant, subject.value, list(subject_ids))
    return {row["subject_id"]: orjson.loads(row["corrected"]) for row in rows}


async def all_corrections(session: Session, subject: Subject) -> dict[UUID, Mapping[str, Any]]:
    """Return the corrections of all needs or all offers."""
    statement = select(SlotCorrections.subject_id, SlotCorrections.corrected).where(
        SlotCorrections.tenant_id == session.tenant, SlotCorrections.subject == subject.value
    )
    return {row.subject_id: row.corrected for row in (await session.execute(statement)).all()}


async def put_corrections(session: WriteSession, row: dict[str, Any]) -> None:
    """Write the corrections of something in place of those before."""
    statement = insert(SlotCorrections).values({"tenant_id": session.tenant, **row})
    changed = {name: statement.excluded[name] for name in ("corrected", "corrected_by", "corrected_at", "version")}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "subject", "subject_id"], set_=changed)
    )


async def add_labels(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Keep corrections as labels."""
    if rows:
        await session.execute(insert(SlotLabel).values([{"tenant_id": session.tenant, **row} for row in rows]))


async def leaf_labels(session: Session) -> list[tuple[str, str]]:
    """Return the texts whose leaf a person has corrected, each with its last one; what was taken back is none."""
    newest = (
        select(SlotLabel.words, SlotLabel.corrected, SlotLabel.labelled_at)
        .ext(distinct_on(SlotLabel.subject, SlotLabel.subject_id))
        .where(SlotLabel.tenant_id == session.tenant, SlotLabel.slot == "leaf")
        .order_by(SlotLabel.subject, SlotLabel.subject_id, SlotLabel.labelled_at.desc(), SlotLabel.id.desc())
        .subquery()
    )
    statement = select(newest.c.words, newest.c.corrected).order_by(newest.c.labelled_at.desc(), newest.c.words)
    rows = (await session.execute(statement.limit(LABELS_MAX))).all()
    return [(row.words, row.corrected) for row in rows if row.corrected is not None]


async def put_learned_words(session: WriteSession, words: Sequence[LearnedWord], now: datetime) -> None:
    """Write what was learned in place of what was known before."""
    statement = delete(LearnedTreeWord).where(LearnedTreeWord.tenant_id == session.tenant)
    await session.execute(statement, execution_options={"synchronize_session": False})
    rows = [
        {"tenant_id": session.tenant, "leaf": one.leaf, "word": one.word, "texts": one.texts, "learned_at": now}
        for one in words
    ]
    if rows:
        await session.execute(insert(LearnedTreeWord).values(rows))


async def learned_rows(session: Session) -> Sequence[LearnedTreeWord]:
    """Return what corrections have taught, the surest word of each leaf first."""
    statement = select(LearnedTreeWord).where(LearnedTreeWord.tenant_id == session.tenant)
    ordered = statement.order_by(LearnedTreeWord.leaf, LearnedTreeWord.texts.desc(), LearnedTreeWord.word)
    return (await session.scalars(ordered)).all()


async def learned_words(session: Session) -> dict[str, tuple[str, ...]]:
    """Return the words that tell leaves, by leaf."""
    rows = await session.fetch_rows(_LEARNED, session.tenant)
    return {row["leaf"]: tuple(row["words"]) for row in rows}


async def unembedded(session: Session, subject: Subject, encoder: str, limit: int) -> Sequence[Row[Any]]:
    """Return texts that an encoder has not placed as they are now, the newest first."""
    values = {"tenant": session.tenant, "encoder": encoder, "limit": limit}
    return (await session.execute(_UNEMBEDDED[subject], values)).all()


async def keep_vectors(
    session: WriteSession, subject: Subject, encoder: str, rows: Sequence[tuple[UUID, str, bytes]], now: datetime
) -> None:
    """Keep the vectors of some texts, as (id, hash of the text, vector), in place of older ones."""
    statement = insert(TextVector).values(
        [
            {
                "tenant_id": session.tenant,
                "subject": subject.value,
                "subject_id": subject_id,
                "encoder": encoder,
                "text_hash": text_hash,
                "vector": vector,
                "made_at": now,
            }
            for subject_id, text_hash, vector in rows
        ]
    )
    changed = {name: statement.excluded[name] for name in ("text_hash", "vector", "made_at")}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "subject", "subject_id", "encoder"], set_=changed)
    )


async def vectors_of(
    session: Session, subject: Subject, encoder: str, subject_ids: Sequence[UUID]
) -> dict[UUID, tuple[str, bytes]]:
    """Return the vectors of some texts, each with the hash of the text that it was made of."""
    # One parameter for all: a district has more lines than a statement may have parameters.
    rows = await session.fetch_rows(_VECTORS, session.tenant, subject.value, encoder, list(subject_ids))
    return {row["subject_id"]: (row["text_hash"], row["vector"]) for row in rows}


async def encoders_of(session: Session, subject: Subject, subject_id: UUID) -> frozenset[str]:
    """Return the encoders that have placed a text."""
    rows = await session.fetch_rows(_ENCODERS, session.tenant, subject.value, subject_id)
    return frozenset(row["encoder"] for row in rows)


async def forget_vectors(session: WriteSession, encoders: Sequence[str]) -> None:
    """Delete the vectors of all encoders but those that are live."""
    statement = delete(TextVector).where(
        TextVector.tenant_id == session.tenant, TextVector.encoder.not_in(list(encoders))
    )
    await session.execute(statement, execution_options={"synchronize_session": False})
