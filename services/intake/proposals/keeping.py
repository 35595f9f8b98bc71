"""Models as they are kept, and the few that a process holds ready.

What a number names never changes, and the words of categories are known by their hash: so what is held ready is good
for as long as the number or the hash is the current one, and nobody has to be told of a new one.
"""

import asyncio
import hashlib
import importlib
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Generic, TypeVar

import orjson

from services.intake.categories.models import Category
from services.intake.proposals import lexical
from services.intake.proposals.lexical import Lexical
from services.intake.proposals.rules import Cut, Learned, Scorer
from shared.encoders import Encoder

__all__ = ["Held", "dumped", "hash_of", "loaded", "own_words", "semantic", "unlearned"]

_TENANTS: Final = 8
_SEMANTIC: Final = "services.intake.proposals.semantic"

Value = TypeVar("Value")


class Held(Generic[Value]):
    """The newest value of each of a few tenants, with the key that it is good for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[object, Value]] = OrderedDict()

    def get(self, tenant: str, key: object) -> Value | None:
        """Return what is held for this very key."""
        kept = self._kept.get(tenant)
        if kept is None or kept[0] != key:
            return None
        self._kept.move_to_end(tenant)
        return kept[1]

    def put(self, tenant: str, key: object, value: Value) -> Value:
        """Hold a value in place of the tenant's last one; the tenant that was asked about longest ago is let go."""
        self._kept[tenant] = (key, value)
        self._kept.move_to_end(tenant)
        while len(self._kept) > _TENANTS:
            self._kept.popitem(last=False)
        return value


def semantic() -> Any:  # noqa: ANN401 - a module that needs numpy
    """Load what computes with vectors; only where an encoder is live."""
    return importlib.import_module(_SEMANTIC)


def own_words(categories: Sequence[Category], keywords: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return of each category what it is known by: its names, its parent's names, and its keywords."""
    by_code = {category.code: category for category in categories}
    words: dict[str, list[str]] = {}
    for category in categories:
        parent = by_code.get(category.parent_code or "")
        names = [category.name_zh, category.name_en]
        of_parent = [parent.name_zh, parent.name_en] if parent else []
        words[category.code] = [*names, *of_parent, *keywords.get(category.code, ())]
    return words


def hash_of(content: object) -> str:
    """Return a fingerprint of something that JSON can hold."""
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


def dumped(learned: Learned) -> bytes:
    """Write a model as compressed JSON."""
    content = {
        "words": learned.words.dumped(),
        "words_cut": asdict(learned.words_cut),
        "meaning": learned.meaning.dumped() if learned.meaning else None,
        "weight": learned.weight,
        "cut": asdict(learned.cut),
    }
    return zlib.compress(orjson.dumps(content), 6)


def loaded(content: bytes, *, with_meaning: bool) -> Learned:
    """Read a model; its vectors only where they are of use."""
    kept = orjson.loads(zlib.decompress(content))
    return Learned(
        words=Lexical.loaded(kept["words"]),
        words_cut=Cut(**kept["words_cut"]),
        meaning=semantic().Semantic.loaded(kept["meaning"]) if with_meaning and kept["meaning"] else None,
        weight=kept["weight"],
        cut=Cut(**kept["cut"]),
    )


_words: Held[Lexical] = Held()
_meanings: Held[Scorer] = Held()
# To embed all words takes seconds where there are hundreds: whoever comes meanwhile waits for the same.
_embedding = asyncio.Lock()


async def unlearned(
    tenant: str, words: Mapping[str, Sequence[str]], encoder: Encoder | None
) -> tuple[Lexical, Scorer | None]:
    """Return what the categories' own words give, without a label."""
    key = hash_of(words)
    by_words = _words.get(tenant, key) or _words.put(tenant, key, lexical.fit([], words))
    if encoder is None:
        return by_words, None
    async with _embedding:
        by_meaning = _meanings.get(tenant, (key, encoder))
        if by_meaning is None:
            made: Scorer = await asyncio.to_thread(semantic().from_words, encoder, words)
            by_meaning = _meanings.put(tenant, (key, encoder), made)
    return by_words, by_meaning
