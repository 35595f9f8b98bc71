"""Texts as the live encoders place them: what is kept, the words of the tree, and what has just been written."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.facts import Vectors
from services.matching.engine.standing import Background
from services.matching.slots.leaves import LEAF_TEXTS
from services.matching.slots.repository import encoders_of, vectors_of
from services.matching.slots.rules import Subject, hash_of
from shared.db import Session
from shared.encoders import LEXICAL, Encoder, identity, live_encoders, missing

__all__ = ["Tree", "answering", "begin_loading", "counting", "finish_loading", "first_pass", "placed", "tree_of"]

# What is not embedded yet when somebody asks: so many texts are embedded at once, the others wait for the worker.
_AT_ONCE_MAX: Final = 16
_QUICK: Final = "use"
# Encoders of this process that answer nobody yet.
_loading: Final[set[str]] = set()


class _Leaves(NamedTuple):
    """The words of the tree as one encoder places them: as something that is asked for, and that is found."""

    asked: NDArray[np.float32]
    found: NDArray[np.float32]


class Tree(NamedTuple):
    """The words of the tree as needs and as offers, for each encoder."""

    needs: Vectors
    offers: Vectors

    def background(self) -> Background:
        """Return them as what small branches are filled up with."""
        return Background(self.needs, self.offers)


# By encoder: to place them takes seconds, once in the life of a process.
_trees: Final[dict[str, _Leaves]] = {}


def first_pass(encoders: Sequence[Encoder]) -> tuple[Encoder, ...]:
    """Return the encoders for whoever waits for an answer: the quick one alone, if it is live."""
    quick = tuple(encoder for encoder in encoders if encoder.name == _QUICK)
    return quick or tuple(encoders)


async def counting(session: Session, subject: Subject, subject_id: UUID) -> tuple[Encoder, ...]:
    """Return the encoders that count for somebody who looks at a text: all, once each has placed it, else the first."""
    live = answering()
    if not live:
        return live
    told = await encoders_of(session, subject, subject_id)
    return live if told.issuperset(identity(encoder) or "" for encoder in live) else first_pass(live)


def answering() -> tuple[Encoder, ...]:
    """Return the encoders of this process that would not keep anybody waiting by loading first."""
    return tuple(encoder for encoder in live_encoders() if encoder.name not in _loading)


async def begin_loading() -> dict[str, str]:
    """Find the encoders of this process, none of which answers until `finish_loading`; returns what health tells."""
    _loading.update(encoder.name for encoder in await asyncio.to_thread(live_encoders))
    return _told()


async def finish_loading(told: dict[str, str]) -> None:
    """Let the encoders load, in threads and the quick one first: each one answers as soon as it can.

    Args:
        told: what health tells, kept up to date.
    """
    live = live_encoders()
    for encoder in dict.fromkeys((*first_pass(live), *live)):
        await tree_of([encoder])
        _loading.discard(encoder.name)
        told.clear()
        told.update(_told())


def _told() -> dict[str, str]:
    """Return how this process compares texts now, with what it will, and what it wants in vain."""
    lists = {"encoders_loading": sorted(_loading), "encoders_missing": missing()}
    told = {name: ",".join(names) for name, names in lists.items() if names}
    return {"matching": "+".join(identity(encoder) or "" for encoder in answering()) or LEXICAL} | told


async def tree_of(encoders: Sequence[Encoder]) -> Tree | None:
    """Return the words of the tree as needs and as offers; None where no encoder is live."""
    if not encoders:
        return None
    for encoder in encoders:
        if (identity(encoder) or "") not in _trees:
            await asyncio.to_thread(_place_leaves, encoder)
    placed_words = [_trees[identity(encoder) or ""] for encoder in encoders]
    return Tree(tuple(one.asked for one in placed_words), tuple(one.found for one in placed_words))


def _place_leaves(encoder: Encoder) -> None:
    _trees[identity(encoder) or ""] = _Leaves(encoder.embed(LEAF_TEXTS), encoder.embed(LEAF_TEXTS, passages=True))


async def placed(
    session: Session,
    subject: Subject,
    texts: Mapping[UUID, str],
    encoders: Sequence[Encoder],
    *,
    at_once: int = _AT_ONCE_MAX,
) -> Vectors:
    """Return for each encoder one row a text, in their order: kept, or embedded now; too many new ones stand nowhere.

    What was kept for other words than a text has now is not looked at.

    Args:
        session: reads the kept ones.
        subject: what the texts belong to.
        texts: by id.
        encoders: the live ones.
        at_once: how many may be embedded now.
    """
    return tuple([await _placed(session, subject, texts, encoder, at_once) for encoder in encoders])


async def _placed(
    session: Session, subject: Subject, texts: Mapping[UUID, str], encoder: Encoder, at_once: int
) -> NDArray[np.float16]:
    kept = await vectors_of(session, subject, identity(encoder) or "", list(texts))
    # Half precision, as they are kept: those of a whole district fit into memory, and new ones are like kept ones.
    rows = np.zeros((len(texts), encoder.dimension), np.float16)
    missing = []
    for place, (one, words) in enumerate(texts.items()):
        text_hash, vector = kept.get(one, ("", b""))
        if text_hash == hash_of(words):
            rows[place] = np.frombuffer(vector, np.float16)
        else:
            missing.append((place, words))
    if missing[:at_once]:
        words_now = [words for _, words in missing[:at_once]]
        made = await asyncio.to_thread(encoder.embed, words_now, passages=subject == Subject.OFFER)
        for (place, _), row in zip(missing, made, strict=False):
            rows[place] = row
    return rows
