"""The words of inspections, and how results are judged by a checklist. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from shared.problems import Invalid
from shared.texts import Text

__all__ = [
    "ItemsDiffer",
    "Result",
    "UnknownChecklist",
    "check_items",
]


class Result(StrEnum):
    """What was found at an item. `mended`: it was wrong and put right on the spot."""

    PASS = "pass"  # noqa: S105 - a result, no secret
    MENDED = "mended"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"


class UnknownChecklist(Invalid):
    """There is no such checklist, or no such version of it."""

    code = "unknown_checklist"
    title = Text(zh="没有这个检查表或版本", en="No such checklist, or no such version")


class ItemsDiffer(Invalid):
    """Each item of the checklist has one result, nothing else has; `missing`, `unknown`, `twice` name the items."""

    code = "items_differ"
    title = Text(zh="检查结果与检查表不一致", en="The results are not those of the checklist")


def check_items(items: Sequence[Mapping[str, Any]], given: Iterable[str]) -> None:
    """Refuse results that leave an item out, name one twice, or name one that is none.

    Raises:
        ItemsDiffer: they do.
    """
    wanted = [item["code"] for item in items]
    said = list(given)
    missing = [code for code in wanted if code not in said]
    unknown = [code for code in dict.fromkeys(said) if code not in wanted]
    twice = [code for code in dict.fromkeys(said) if said.count(code) > 1]
    if missing or unknown or twice:
        raise ItemsDiffer(pointer="/results", missing=missing, unknown=unknown, twice=twice)
