"""States of an endpoint, who may do what with it, and refusals. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.matching.endpoints.addresses import Fault
from shared.auth import Principal, Role
from shared.problems import Conflict, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "ENABLED_MAX",
    "OFFICERS",
    "STEPS",
    "DisabledReason",
    "EndpointAction",
    "EndpointFacts",
    "EndpointState",
    "TooManyEndpoints",
    "UnknownEventType",
    "UrlRefused",
    "may_see",
]

# Of one partner: each of them is told everything that concerns it.
ENABLED_MAX: Final = 10
OFFICERS: Final = (Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)
_OWN: Final = (Role.UNIT_STAFF, Role.PARTNER)


class EndpointState(StrEnum):
    """Whether an endpoint is told anything."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """By whom it was disabled, or why: it answered 410, or nothing but failures for five days."""

    PARTNER = "partner"
    OFFICER = "officer"
    GONE = "gone"
    FAILING = "failing"


class EndpointAction(StrEnum):
    """What can be done with an endpoint."""

    CHANGE = "change"
    ROTATE = "rotate"
    TEST = "test"
    REPLAY = "replay"
    DISABLE = "disable"
    ENABLE = "enable"


_FAULTS: Final[Mapping[Fault, Text]] = {
    Fault.TOO_LONG: Text(zh="地址过长", en="The URL is too long"),
    Fault.MALFORMED: Text(
        zh="地址应为小写 ASCII 的 https://域名/路径，不含用户名、片段和特殊字符",
        en="A URL is https://name/path in lower-case ASCII, without user, fragment or odd characters",
    ),
    Fault.NOT_HTTPS: Text(zh="只支持 https", en="Only https is taken"),
    Fault.PORT: Text(zh="只支持 443 和 8443 端口", en="Only the ports 443 and 8443 are taken"),
    Fault.NUMERIC_HOST: Text(zh="请使用域名，而不是 IP 地址", en="Use a name, not an IP address"),
    Fault.LOCAL_NAME: Text(zh="该域名只在本地网络中有意义", en="This name means something in a local network only"),
    Fault.BAD_NAME: Text(zh="域名不合法", en="The name is not a valid one"),
}


class UrlRefused(Invalid):
    """The house does not send to such a URL."""

    code = "webhook_url_refused"
    title = Text(zh="不能向该地址推送", en="The house does not send to this URL")

    def __init__(self, fault: Fault) -> None:
        super().__init__(_FAULTS[fault], pointer="/url", fault=fault.value)


class UnknownEventType(Invalid):
    """The catalogue has no event of this type."""

    code = "unknown_event_type"
    title = Text(zh="事件目录中没有这个类型", en="The catalogue has no such type of event")


class TooManyEndpoints(Conflict):
    """A partner has as many endpoints as it may have."""

    code = "too_many_endpoints"
    title = Text(
        zh=f"每个合伙人最多 {ENABLED_MAX} 个启用的地址", en=f"A partner has at most {ENABLED_MAX} enabled endpoints"
    )


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """What the rules know of an endpoint, and of the partner whose it is."""

    state: EndpointState
    reason: DisabledReason | None
    unit_id: UUID
    coverage: str


def _is_own(facts: EndpointFacts, caller: Principal) -> bool:
    return facts.unit_id in caller.units(*_OWN)


def _is_officer(facts: EndpointFacts, caller: Principal) -> bool:
    return caller.has(*OFFICERS, at=facts.coverage)


def may_see(facts: EndpointFacts, caller: Principal) -> bool:
    """Tell whether somebody may know of an endpoint: the partner's staff, and officers of its area."""
    return _is_own(facts, caller) or _is_officer(facts, caller)


def _own(facts: EndpointFacts, caller: Principal) -> Denial | None:
    if _is_own(facts, caller):
        return None
    return Denial("own_partner", Text(zh="只能由合伙人本单位操作", en="Only the partner's own staff may do this"))


def _own_or_officer(facts: EndpointFacts, caller: Principal) -> Denial | None:
    if may_see(facts, caller):
        return None
    return Denial(
        "own_partner_or_officer",
        Text(zh="需由合伙人本单位或所在区域的工作人员操作", en="The partner's own staff or an officer of the area may"),
    )


def _who_may_enable(facts: EndpointFacts, caller: Principal) -> Denial | None:
    """Let the partner enable what it has disabled or what has failed, and an officer what an officer has disabled."""
    if facts.reason is not DisabledReason.OFFICER:
        return _own(facts, caller)
    if _is_officer(facts, caller):
        return None
    return Denial(
        "officer_disabled",
        Text(zh="由工作人员停用的须由工作人员启用", en="An officer disabled it: an officer enables it"),
    )


_BOTH: Final = frozenset(EndpointState)
_ENABLED: Final = frozenset({EndpointState.ENABLED})

STEPS: Final[dict[EndpointAction, Step[EndpointFacts]]] = {
    EndpointAction.CHANGE: Step(_BOTH, None, _own),
    EndpointAction.ROTATE: Step(_BOTH, None, _own),
    EndpointAction.TEST: Step(_ENABLED, None, _own),
    EndpointAction.REPLAY: Step(_ENABLED, None, _own),
    EndpointAction.DISABLE: Step(_ENABLED, EndpointState.DISABLED, _own_or_officer),
    EndpointAction.ENABLE: Step(frozenset({EndpointState.DISABLED}), EndpointState.ENABLED, _who_may_enable),
}
