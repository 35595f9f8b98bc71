"""The unified social credit code of a Chinese organisation, and what can be wrong with a supplier.

GB 32100-2015: eighteen characters without I, O, S, V and Z; the last is a check character over the others, weighted by
powers of 3 modulo 31.
"""

from typing import Final

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["BadCreditCode", "CreditCodeTaken", "UnknownSupplier", "is_credit_code"]

_SIGNS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LENGTH: Final = 18


def is_credit_code(code: str) -> bool:
    """Tell whether a code is well formed and its check character is right."""
    if len(code) != _LENGTH or any(sign not in _SIGNS for sign in code):
        return False
    total = sum(_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(code[:-1]))
    return _SIGNS[-total % 31] == code[-1]


class BadCreditCode(Invalid):
    """The check character is wrong, or it is no such code."""

    code = "bad_credit_code"
    title = Text(zh="统一社会信用代码有误", en="Not a good unified social credit code")


class CreditCodeTaken(Conflict):
    """Another supplier has this code."""

    code = "credit_code_taken"
    title = Text(zh="该信用代码已登记", en="Another supplier has this credit code")


class UnknownSupplier(Invalid):
    """No supplier of this id."""

    code = "unknown_supplier"
    title = Text(zh="没有这个供应商", en="No such supplier")
