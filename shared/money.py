"""Money is a whole number of fen and a currency, never a float: what cannot be represented exactly cannot drift."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field

__all__ = ["CURRENCY", "MAX_FEN", "BalanceFen", "Fen", "split_largest_remainder"]

CURRENCY: Final = "CNY"
# 2^53 - 1: the largest integer that every JSON client reads without rounding it (RFC 8259 §6).
MAX_FEN: Final = 9_007_199_254_740_991

Fen = Annotated[int, Field(strict=True, ge=1, le=MAX_FEN, description="Amount in fen (1/100 yuan), an exact integer.")]
BalanceFen = Annotated[
    int, Field(strict=True, ge=-MAX_FEN, le=MAX_FEN, description="Balance in fen, an exact integer.")
]


def split_largest_remainder(total_fen: int, weights: Sequence[int]) -> list[int]:
    """Split a total in proportion to weights so that the parts sum to it and each is within one fen of its exact share.

    The method of Hamilton (largest remainder); equal remainders are served in the order given, so the same input
    always gives the same parts.

    Raises:
        ValueError: a negative total or weight, or weights that sum to zero while there is something to split.
    """
    if total_fen < 0 or any(weight < 0 for weight in weights):
        message = "a split needs a total and weights that are not negative"
        raise ValueError(message)
    weight_sum = sum(weights)
    if weight_sum == 0:
        if total_fen:
            message = "nothing to split by: the weights sum to zero"
            raise ValueError(message)
        return [0] * len(weights)
    parts = [total_fen * weight // weight_sum for weight in weights]
    remainders = [total_fen * weight % weight_sum for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))
    for index in by_remainder[: total_fen - sum(parts)]:
        parts[index] += 1
    return parts
