"""What an order costs, found by asking as little as possible: yes or no, the lowest price first. Pure.

An offer names a normal price, lower ones for some entitlements, and perhaps entitlements without which nobody may have
it. Instead of learning what somebody holds, we ask for one price after the other whether any of its kinds is held, and
stop at the first yes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

__all__ = ["Asking", "Question", "asking_for", "kept", "read"]


@dataclass(frozen=True, slots=True)
class Question:
    """Whether any of some kinds is held: a yes means `each_fen`, or, where that is None, that one may order at all."""

    kinds: tuple[str, ...]
    each_fen: int | None


@dataclass(frozen=True, slots=True)
class Asking:
    """What is still to be asked, and what a piece costs when every answer is no; None: then it cannot be ordered."""

    questions: tuple[Question, ...]
    fallback_fen: int | None

    def after(self, *, entitled: bool) -> "Asking":
        """Return what is left after the answer to the first question."""
        first, rest = self.questions[0], self.questions[1:]
        if first.each_fen is None:
            return Asking(rest, self.fallback_fen) if entitled else Asking((), None)
        return Asking((), first.each_fen) if entitled else Asking(rest, self.fallback_fen)


def asking_for(normal_fen: int | None, entitled_prices: Sequence[Mapping[str, Any]], needed: Sequence[str]) -> Asking:
    """Return what has to be asked to know what a piece costs.

    Args:
        normal_fen: in fen; None when the offer names none: then it costs nothing, unless it names prices for some.
        entitled_prices: `{"entitlement": code, "price_fen": fen}`; one that is no discount is not asked about.
        needed: entitlements, any one of which somebody needs to have it at all; empty means everybody may.
    """
    fallback = 0 if normal_fen is None and not entitled_prices else normal_fen
    lower = sorted(
        (int(one["price_fen"]), str(one["entitlement"]))
        for one in entitled_prices
        if fallback is None or int(one["price_fen"]) < fallback
    )
    tiers = [
        Question(tuple(dict.fromkeys(kind for _, kind in group)), each_fen)
        for each_fen, group in groupby(lower, key=lambda pair: pair[0])
    ]
    if not needed:
        return Asking(tuple(tiers), fallback)
    if tiers and set(needed) == set(tiers[0].kinds):
        # Who may have it at all is who has the lowest price: one question instead of two.
        return Asking((tiers[0],), None)
    return Asking((Question(tuple(dict.fromkeys(needed)), None), *tiers), fallback)


def kept(asking: Asking) -> list[dict[str, Any]]:
    """Return questions as they are kept."""
    return [{"kinds": list(question.kinds), "each_fen": question.each_fen} for question in asking.questions]


def read(questions: Sequence[Mapping[str, Any]], fallback_fen: int | None) -> Asking:
    """Read questions as they are kept."""
    asked = tuple(Question(tuple(one["kinds"]), one["each_fen"]) for one in questions)
    return Asking(asked, fallback_fen)
