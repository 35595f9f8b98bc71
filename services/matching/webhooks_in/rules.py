"""Limits of a batch, what can become of a line, and what can be wrong. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from shared.problems import BadRequest, Conflict, Invalid, Problem, TooLarge
from shared.texts import Text

__all__ = [
    "BODY_KEPT",
    "BODY_MAX_BYTES",
    "ITEMS_MAX",
    "MESSAGE_TYPE",
    "REPORT_KEPT",
    "Complaint",
    "DeliveryState",
    "Fate",
    "MalformedMessage",
    "MessageTooLarge",
    "OtherContent",
    "TooManyItems",
    "UnknownAction",
    "UnknownOffer",
    "VersionNotHere",
    "complaint_of",
    "fate_of",
]

BODY_MAX_BYTES: Final = 1024 * 1024
ITEMS_MAX: Final = 1_000
MESSAGE_TYPE: Final = "offers.pushed"
# What was sent, byte for byte; and what became of it.
BODY_KEPT: Final = timedelta(days=30)
REPORT_KEPT: Final = timedelta(days=180)


class DeliveryState(StrEnum):
    """How far a batch has been worked off."""

    RECEIVED = "received"
    WORKING = "working"
    DONE = "done"


class Fate(StrEnum):
    """What became of a line."""

    CREATED = "created"
    UPDATED = "updated"
    # It says what is here already; the offer counts as confirmed.
    UNCHANGED = "unchanged"
    # A newer version is here, or this very version said something else before.
    OUTDATED = "outdated"
    REFUSED = "refused"


class MessageTooLarge(TooLarge):
    """More bytes than a message may have."""

    code = "webhook_too_large"
    title = Text(zh="消息不得超过 1 MiB", en="A message has at most 1 MiB")


class TooManyItems(TooLarge):
    """More items than a batch may have."""

    code = "webhook_too_many_items"
    title = Text(zh="一批最多 1000 条", en="A batch has at most 1 000 items")


class MalformedMessage(BadRequest):
    """The message is authentic and no batch of offers."""

    code = "webhook_malformed"
    title = Text(zh="消息格式不正确", en="The message is not a batch of offers")


class OtherContent(Conflict):
    """An id names one message for ever."""

    code = "webhook_id_reused"
    title = Text(zh="该 webhook-id 已用于其他内容", en="This webhook-id came before with other content")


class UnknownAction(Invalid):
    """None of the things that an item may ask for."""

    code = "unknown_action"
    title = Text(
        zh="action 为 upsert、quantity、confirm 或 withdraw", en="action is upsert, quantity, confirm or withdraw"
    )


class UnknownOffer(Invalid):
    """The partner has not sent an offer of this id."""

    code = "unknown_offer"
    title = Text(zh="没有收到过该编号的资源", en="No offer of this id has come before")


class VersionNotHere(Invalid):
    """A version is confirmed that has not come."""

    code = "version_not_here"
    title = Text(zh="尚未收到该版本", en="This version has not come")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one place of a message, in both languages."""

    pointer: str
    code: str
    detail: Text
    extra: Mapping[str, str | int] = field(default_factory=dict)


def complaint_of(problem: Problem, base: str) -> Complaint:
    """Tell a refusal as a complaint; its pointer is taken from where the item begins."""
    extra = {name: value for name, value in problem.extra.items() if isinstance(value, str | int)}
    return Complaint(base + (problem.pointer or ""), problem.code, problem.detail or problem.title, extra)


def fate_of(known: int | None, version: int, *, changes: bool) -> Fate:
    """Tell what becomes of a line by the versions alone.

    Args:
        known: the version that is here, None when there is none.
        version: the version that comes.
        changes: whether its content is another than what is here.
    """
    if known is None:
        return Fate.CREATED
    if version < known or (version == known and changes):
        return Fate.OUTDATED
    return Fate.UPDATED if changes else Fate.UNCHANGED
