"""Words that people's corrections teach: what several texts of one leaf say, and hardly any text of another. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.matching.slots.tree import LEAVES, branch_of, phrases_of

__all__ = ["LEAST_TEXTS", "LearnedWord", "learn_words"]

# So many texts have to agree before a word counts; fewer are what one person happened to write. And so many texts of
# other leaves of the branch have to be there, or a word that everybody says would seem to tell the first leaf.
LEAST_TEXTS: Final = 3
# Of ten texts of the branch with the word, at most one is of another leaf.
_SHARE: Final = 0.9
_PER_LEAF_MAX: Final = 20
_LENGTHS: Final = (2, 3, 4)
_FIRST_SIGN: Final = "\u4e00"
_LAST_SIGN: Final = "\u9fff"


@dataclass(frozen=True, slots=True)
class LearnedWord:
    """A word that tells a leaf, and how many corrected texts say so."""

    leaf: str
    word: str
    texts: int


def learn_words(labels: Iterable[tuple[str, str]]) -> list[LearnedWord]:
    """Return the words of two to four characters that tell the leaves of a branch apart, the surest of each first.

    Args:
        labels: a text and the leaf that a person gave it; each need or offer once.
    """
    branches: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for text, leaf in labels:
        branches[branch_of(leaf)].append((text, leaf))
    return [word for branch in sorted(branches) for word in _of_branch(branches[branch])]


def _of_branch(labels: Sequence[tuple[str, str]]) -> Iterator[LearnedWord]:
    known = {phrase for leaf in LEAVES for phrase in phrases_of(leaf)}
    texts_of = Counter(leaf for _, leaf in labels)
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, leaf in labels:
        for gram in _grams(text):
            said[gram][leaf] += 1
    found: defaultdict[str, list[LearnedWord]] = defaultdict(list)
    for gram, of_leaf in said.items():
        leaf, texts = max(of_leaf.items(), key=lambda item: (item[1], item[0]))
        is_sure = texts >= LEAST_TEXTS and texts >= _SHARE * of_leaf.total()
        if is_sure and len(labels) - texts_of[leaf] >= LEAST_TEXTS and gram not in known:
            found[leaf].append(LearnedWord(leaf, gram, texts))
    for leaf in sorted(found):
        yield from _surest(found[leaf])


def _grams(text: str) -> set[str]:
    """Return the runs of Chinese characters of a text, each once."""
    grams = (text[start : start + length] for length in _LENGTHS for start in range(len(text) - length + 1))
    return {gram for gram in grams if all(_FIRST_SIGN <= sign <= _LAST_SIGN for sign in gram)}


def _surest(words: Iterable[LearnedWord]) -> list[LearnedWord]:
    """Keep of words that lie inside of each other one: what more texts say, and of those the longest."""
    kept: list[LearnedWord] = []
    for word in sorted(words, key=lambda item: (-item.texts, -len(item.word), item.word)):
        if len(kept) == _PER_LEAF_MAX:
            break
        if not any(word.word in other.word or other.word in word.word for other in kept):
            kept.append(word)
    return kept
