"""The steps of a run, how each is done, and what passes it. Pure.

A step is done by sending a message under the id that the run gave to the step, signed with a sandbox key. The ids
cannot be guessed, so nobody passes or fails a step for somebody else.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from shared.texts import Text

__all__ = [
    "HOW",
    "ID_PREFIX",
    "LASTS",
    "REASONS",
    "Event",
    "RunState",
    "Seen",
    "Step",
    "StepState",
    "Verdict",
    "base_id",
    "is_for_a_run",
    "judge",
    "new_message_id",
]

ID_PREFIX: Final = "conf_"
LASTS: Final = timedelta(days=7)
_ID_BYTES: Final = 18


class RunState(StrEnum):
    """Where a run is."""

    RUNNING = "running"
    PASSED = "passed"
    # A later run has taken its place.
    REPLACED = "replaced"


class Step(StrEnum):
    """What is tried."""

    VALID_SIGNATURE = "valid_signature"
    ROTATED_SECRET = "rotated_secret"  # noqa: S105 - the name of a step
    REPEATED_ID = "repeated_id"
    OLD_VERSION = "old_version"
    BAD_LINE = "bad_line"
    OVERSIZED = "oversized"
    STALE_TIMESTAMP = "stale_timestamp"
    WRONG_SIGNATURE = "wrong_signature"


class StepState(StrEnum):
    """Where a step is; what has passed stays so."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"


class Event(StrEnum):
    """What was seen of a message."""

    ACCEPTED = "accepted"
    ACCEPTED_AGAIN = "accepted_again"
    OTHER_CONTENT = "other_content"
    TOO_LARGE = "too_large"
    STALE = "stale"
    UNSIGNED = "unsigned"
    MALFORMED = "malformed"
    SIGNED_LIVE = "signed_live"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was seen of a message.

    Args:
        event: what.
        keys: of ACCEPTED, how many sandbox keys were valid.
        by_newest: of ACCEPTED, whether the newest of them has signed.
        understood: of DONE, how many lines were understood.
        outdated: of DONE, how many of those came too late.
        refused: of DONE, how many lines were refused.
    """

    event: Event
    keys: int = 0
    by_newest: bool = False
    understood: int = 0
    outdated: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a step becomes; a reason says why it did not pass, or what is still missing."""

    state: StepState
    reason: str | None = None


_PASSED: Final = Verdict(StepState.PASSED)

HOW: Final[dict[Step, Text]] = {
    Step.VALID_SIGNATURE: Text(zh="发送一批全部正确的资源", en="Send a batch of offers that are all right"),
    Step.ROTATED_SECRET: Text(
        zh="再创建一个沙箱密钥，在旧密钥仍有效时用新密钥签名发送",
        en="Make another sandbox key, and sign with it while the old one is still valid",
    ),
    Step.REPEATED_ID: Text(
        zh="同一消息（编号与内容不变）发送两次", en="Send the same message twice, with the same id and the same bytes"
    ),
    Step.OLD_VERSION: Text(
        zh="发送一条版本低于先前所发版本的资源", en="Send an offer with a lower version than you have sent before"
    ),
    Step.BAD_LINE: Text(
        zh="在同一批中发送正确的与错误的资源各至少一条", en="Send at least one good and one bad line in one batch"
    ),
    Step.OVERSIZED: Text(
        zh="发送一批超过 1000 条的资源，应收到 413", en="Send more than 1 000 items in one batch; the answer is 413"
    ),
    Step.STALE_TIMESTAMP: Text(
        zh="以六分钟前的时间戳正确签名发送，应收到 401",
        en="Sign rightly with a timestamp of six minutes ago; the answer is 401",
    ),
    Step.WRONG_SIGNATURE: Text(
        zh="以错误的密钥签名发送，应收到 401", en="Sign with a key that is not yours; the answer is 401"
    ),
}

REASONS: Final[dict[str, Text]] = {
    "lines_refused": Text(zh="有资源未被接受，见回执", en="Lines were refused: see the report"),
    "one_key_only": Text(zh="当时只有一个有效的沙箱密钥", en="Only one sandbox key was valid"),
    "old_key_only": Text(zh="仅用旧密钥签名", en="Only the old key has signed"),
    "send_again": Text(zh="已收到一次，请原样再发一次", en="It came once: send it again as it was"),
    "nothing_outdated": Text(zh="没有版本过低的资源", en="No line had a lower version than before"),
    "nothing_refused": Text(zh="没有错误的资源", en="No line was bad"),
    "nothing_understood": Text(zh="没有正确的资源", en="No line was good"),
    "not_oversized": Text(zh="该批不超过限额，已被接受", en="The batch was within the limits and was taken"),
    "timestamp_fresh": Text(zh="时间戳在允许范围内，已被接受", en="The timestamp was recent and the message was taken"),
    "signature_fits": Text(zh="签名是正确的", en="The signature was right"),
    "unsigned": Text(zh="签名不正确", en="No signature fits"),
    "stale": Text(zh="时间戳相差超过 5 分钟", en="The timestamp is more than 5 minutes off"),
    "too_large": Text(zh="超过限额", en="Over the limits"),
    "malformed": Text(zh="内容无法读取", en="The content cannot be read"),
    "other_content": Text(zh="同一编号的内容不同", en="The same id came with other content"),
    "signed_live": Text(zh="以正式密钥签名，请改用沙箱密钥", en="A live key has signed: use a sandbox key"),
}

# What no step wants to see, unless its own judge says so first.
_AMISS: Final = frozenset(
    {Event.UNSIGNED, Event.STALE, Event.TOO_LARGE, Event.MALFORMED, Event.OTHER_CONTENT, Event.SIGNED_LIVE}
)


def _failed(reason: str) -> Verdict:
    return Verdict(StepState.FAILED, reason)


def _valid_signature(seen: Seen) -> Verdict | None:
    if seen.event is not Event.DONE:
        return None
    return _failed("lines_refused") if seen.refused else _PASSED


def _rotated(seen: Seen) -> Verdict | None:
    if seen.event is not Event.ACCEPTED:
        return None
    if seen.keys < 2:  # noqa: PLR2004 - the old key and the new one
        return _failed("one_key_only")
    return _PASSED if seen.by_newest else _failed("old_key_only")


def _repeated(seen: Seen) -> Verdict | None:
    if seen.event is Event.ACCEPTED:
        return Verdict(StepState.OPEN, "send_again")
    return _PASSED if seen.event is Event.ACCEPTED_AGAIN else None


def _old_version(seen: Seen) -> Verdict | None:
    if seen.event is not Event.DONE:
        return None
    return _PASSED if seen.outdated else _failed("nothing_outdated")


def _bad_line(seen: Seen) -> Verdict | None:
    if seen.event is not Event.DONE:
        return None
    if not seen.refused:
        return _failed("nothing_refused")
    return _PASSED if seen.understood else _failed("nothing_understood")


def _wanting(wanted: Event, otherwise: str) -> Callable[[Seen], Verdict | None]:
    """Judge a step that wants to be refused."""

    def judge_one(seen: Seen) -> Verdict | None:
        if seen.event is wanted:
            return _PASSED
        return _failed(otherwise) if seen.event is Event.ACCEPTED else None

    return judge_one


def _wrong_signature(seen: Seen) -> Verdict | None:
    if seen.event is Event.UNSIGNED:
        return _PASSED
    return None if seen.event is Event.DONE else _failed("signature_fits")


_JUDGES: Final[Mapping[Step, Callable[[Seen], Verdict | None]]] = {
    Step.VALID_SIGNATURE: _valid_signature,
    Step.ROTATED_SECRET: _rotated,
    Step.REPEATED_ID: _repeated,
    Step.OLD_VERSION: _old_version,
    Step.BAD_LINE: _bad_line,
    Step.OVERSIZED: _wanting(Event.TOO_LARGE, "not_oversized"),
    Step.STALE_TIMESTAMP: _wanting(Event.STALE, "timestamp_fresh"),
    Step.WRONG_SIGNATURE: _wrong_signature,
}


def judge(step: Step, seen: Seen) -> Verdict | None:
    """Return what a step becomes by what was seen, or None when that says nothing about it."""
    verdict = _JUDGES[step](seen)
    if verdict is None and seen.event in _AMISS:
        return _failed(seen.event.value)
    return verdict


def new_message_id() -> str:
    """Make an id that nobody guesses."""
    return ID_PREFIX + secrets.token_urlsafe(_ID_BYTES)


def is_for_a_run(message_id: str) -> bool:
    """Tell whether a message may belong to a run, by its id alone."""
    return message_id.startswith(ID_PREFIX)


def base_id(message_id: str) -> str:
    """Return a step's id; behind a colon the sender counts its tries, since other content needs another id."""
    return message_id.partition(":")[0]
