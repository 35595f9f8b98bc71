"""Offers as the engine takes them, remembered between one need and the next: reading two thousand takes long.

What is remembered is asked about every time. A light statement tells by one number whether any offer of a branch has
been written since, or its partner, or what people have corrected of it; if so, another one tells which, and only those
that are new or have changed are read again. So nothing has to tell this memory of a change, and nothing that it gives
is older than the database. (Whoever changes an offer twice in one transaction, and looks in between, would see the
first change only. Nobody does.) Vectors are not asked about: one that was made of an offer's words stays what it is as
long as these do, and an offer whose words have no vector yet is not remembered.

Needs stand beside a new one for their words alone, which never change: their vectors are remembered as well.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.alike import Alike
from services.matching.engine.facts import OfferFacts, Vectors
from services.matching.engine.lines import OfferLines, read_offers
from services.matching.engine.recent import Recent
from services.matching.matches import repository
from services.matching.matches.facts import offer_facts, offer_text
from services.matching.slots.embedding import placed, tree_of
from services.matching.slots.leaves import Learned
from services.matching.slots.repository import corrections_of
from services.matching.slots.rules import Subject
from services.matching.slots.tree import leaves_of
from shared.clock import CHINA
from shared.db import Session
from shared.encoders import Encoder, identity

__all__ = ["Hand", "Memory", "memory", "needs_at_hand", "offers_at_hand"]

# In a process. An offer takes some nine kilobytes, with its vectors and its columns; the vector of a need takes one.
_OFFERS_MAX: Final = 20_000
_NEEDS_MAX: Final = 4_096

Marks = Mapping[UUID, tuple[int, int]]
Row = NDArray[np.float16]


class Place(NamedTuple):
    """What is remembered together. Opening hours are those of the coming week, so the day is a part of it; and words
    are read by what corrections have taught.
    """

    tenant: str
    branch: str
    encoders: tuple[str, ...]
    day: date
    learned: tuple[tuple[str, tuple[str, ...]], ...]


class Known(NamedTuple):
    """An offer as it was when it had these marks, with its vector of each encoder."""

    marks: tuple[int, int]
    facts: OfferFacts
    vectors: tuple[Row, ...]


class Hand(NamedTuple):
    """Offers as lines, how alike they are to needs that were looked at, and the lines of the last ones."""

    lines: OfferLines
    alike: Alike | None
    recent: Recent


@dataclass(slots=True)
class Shelf:
    """The offers of a place, and those that were asked for last as lines, with the seal of them."""

    known: dict[UUID, Known] = field(default_factory=dict)
    seal: tuple[int, int, str] | None = None
    hand: Hand | None = None


class Memory:
    """The shelves of a process, the one that was used last at the end."""

    def __init__(self, offers_max: int = _OFFERS_MAX) -> None:
        self._offers_max = offers_max
        self._shelves: OrderedDict[Place, Shelf] = OrderedDict()
        # Told of each branch of a tenant whose offers were read.
        self.tell: Callable[[str, str], None] = lambda _tenant, _branch: None

    def shelf(self, place: Place) -> Shelf:
        """Return the shelf of a place."""
        shelf = self._shelves.setdefault(place, Shelf())
        self._shelves.move_to_end(place)
        return shelf

    def tidy(self) -> None:
        """Forget what was used longest ago, as far as there is too much."""
        count = sum(len(shelf.known) for shelf in self._shelves.values())
        while count > self._offers_max:
            _, forgotten = self._shelves.popitem(last=False)
            count -= len(forgotten.known)

    def __len__(self) -> int:
        return sum(len(shelf.known) for shelf in self._shelves.values())


memory: Final = Memory()
_placed_needs: Final[OrderedDict[tuple[str, str, UUID], Row]] = OrderedDict()


async def offers_at_hand(
    session: Session,
    branch: str,
    path: str,
    encoders: Sequence[Encoder],
    now: datetime,
    learned: Learned,
    *,
    memory: Memory = memory,
) -> Hand:
    """Return the active offers of a branch; if there are very many, those that cover an area first.

    Args:
        session: reads.
        branch: of the tree, or any other category.
        path: of the area.
        encoders: how texts are compared.
        now: in whose week opening hours are looked at.
        learned: the words that corrections have taught, by leaf.
        memory: what is remembered; that of this process when left out.
    """
    names = tuple(identity(encoder) or "" for encoder in encoders)
    categories = [branch, *leaves_of(branch)]
    # Asked first: what is written in between makes another seal, and is read again the next time.
    seal = await repository.offers_seal(session, categories, path)
    taught = tuple(sorted((leaf, tuple(words)) for leaf, words in learned.items()))
    shelf = memory.shelf(Place(session.tenant, branch, names, now.astimezone(CHINA).date(), taught))
    if shelf.hand is not None and shelf.seal == seal:
        return shelf.hand
    marks = await repository.offer_marks(session, categories, path)
    known = {one: shelf.known[one] for one, seen in marks.items() if one in shelf.known and shelf.known[one][0] == seen}
    changed = [one for one in marks if one not in known]
    if changed:
        known.update(await _read(session, changed, marks, encoders, now, learned))
    vectors = tuple(_stacked([one.vectors[place] for one in known.values()]) for place in range(len(encoders)))
    # In threads: of thousands it takes long, and others want to be answered meanwhile.
    lines = await asyncio.to_thread(read_offers, [one.facts for one in known.values()], vectors)
    hand = Hand(lines, Alike(lines.columns["vectors"]) if encoders else None, Recent(lines))
    # A text that is not embedded yet is looked for anew the next time.
    shelf.known.update({one: item for one, item in known.items() if all(row.any() for row in item.vectors)})
    is_whole = all(all(row.any() for row in item.vectors) for item in known.values())
    shelf.seal, shelf.hand = (seal, hand) if is_whole else (None, None)
    memory.tidy()
    memory.tell(session.tenant, branch)
    return hand


def _stacked(rows: Sequence[NDArray[np.float16]]) -> NDArray[np.float16]:
    return np.stack(rows) if rows else np.zeros((0, 0), np.float16)


async def _read(
    session: Session,
    offer_ids: Sequence[UUID],
    marks: Marks,
    encoders: Sequence[Encoder],
    now: datetime,
    learned: Learned,
) -> dict[UUID, Known]:
    """Read some offers anew."""
    pairs = await repository.offers_of(session, offer_ids)
    vectors = await placed(session, Subject.OFFER, {offer.id: offer_text(offer) for offer, _ in pairs}, encoders)
    corrections = await corrections_of(session, Subject.OFFER, offer_ids)
    tree = await tree_of(encoders)
    of_leaves = tree.needs if tree else ()
    facts = await asyncio.to_thread(offer_facts, pairs, corrections, vectors, of_leaves, now, learned)
    return {
        one.id: Known(marks[one.id], one, tuple(matrix[row] for matrix in vectors)) for row, one in enumerate(facts)
    }


async def needs_at_hand(session: Session, texts: Mapping[UUID, str], encoders: Sequence[Encoder]) -> Vectors:
    """Return for each encoder the vectors of some needs, one row a need in their order; see `placed`.

    Args:
        session: reads those that are not remembered.
        texts: the words of needs by their ids.
        encoders: how texts are compared.
    """
    return tuple([await _needs_at_hand(session, texts, encoder) for encoder in encoders])


async def _needs_at_hand(session: Session, texts: Mapping[UUID, str], encoder: Encoder) -> NDArray[np.float16]:
    name = identity(encoder) or ""
    keys = [(session.tenant, name, one) for one in texts]
    unknown = {key[2]: texts[key[2]] for key in keys if key not in _placed_needs}
    if unknown:
        (rows,) = await placed(session, Subject.NEED, unknown, [encoder])
        made = {one: row.astype(np.float16) for one, row in zip(unknown, rows, strict=True)}
        _placed_needs.update({(session.tenant, name, one): row for one, row in made.items() if row.any()})
    else:
        made = {}
    found = []
    for key in keys:
        row = _placed_needs.get(key)
        if row is not None:
            _placed_needs.move_to_end(key)
        found.append(made[key[2]] if row is None else row)
    while len(_placed_needs) > _NEEDS_MAX:
        _placed_needs.popitem(last=False)
    return np.stack(found)
