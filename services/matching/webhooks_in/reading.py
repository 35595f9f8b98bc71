"""From bytes to items: what a message holds, and what is wrong with each item that cannot be read. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field, ValidationError

from services.matching.offers.schemas import ExternalId, ExternalVersion, OfferItem, Quantity
from services.matching.webhooks_in.rules import (
    ITEMS_MAX,
    MESSAGE_TYPE,
    Complaint,
    MalformedMessage,
    TooManyItems,
    UnknownAction,
    complaint_of,
)
from shared.texts import Text
from shared.web import InputModel

__all__ = [
    "ConfirmItem",
    "Item",
    "Message",
    "QuantityItem",
    "UpsertItem",
    "WithdrawItem",
    "item_base",
    "message_schema",
    "named_in",
    "read_item",
    "read_items",
]

_COMPLAINTS_MAX: Final = 20
_POINTER_MAX: Final = 200
_ID_SHOWN: Final = 100
_VERSION_MAX: Final = 2**63 - 1


class UpsertItem(OfferItem):
    """A whole offer, new or changed; what is left out is as for a new one."""

    action: Literal["upsert"] = "upsert"


class _NamedItem(InputModel):
    """Something about an offer that has come before."""

    external_id: ExternalId
    external_version: ExternalVersion


class QuantityItem(_NamedItem):
    """How much of it there is now; the rest stays as it is."""

    action: Literal["quantity"]
    quantity: Quantity


class ConfirmItem(_NamedItem):
    """It still stands as this version says."""

    action: Literal["confirm"]


class WithdrawItem(_NamedItem):
    """It is offered no more. What was agreed on stays agreed; a later version may offer it again."""

    action: Literal["withdraw"]


Item = UpsertItem | QuantityItem | ConfirmItem | WithdrawItem
_ITEMS: Final[Mapping[str, type[Item]]] = {
    "upsert": UpsertItem,
    "quantity": QuantityItem,
    "confirm": ConfirmItem,
    "withdraw": WithdrawItem,
}


class Data(InputModel):
    """The items of a batch, worked off in this order."""

    items: Annotated[
        list[UpsertItem | QuantityItem | ConfirmItem | WithdrawItem], Field(min_length=1, max_length=ITEMS_MAX)
    ]


class Message(InputModel):
    """A batch of offers, in the form that Standard Webhooks recommends; for the API document."""

    type: Literal["offers.pushed"]
    timestamp: str | None = None
    data: Data


def message_schema() -> dict[str, Any]:
    """Return the JSON Schema of a message without references, for a document that has its own place for them."""
    schema = Message.model_json_schema()
    definitions = schema.pop("$defs")

    def inlined(value: Any) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(value, list):
            return [inlined(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            name = str(value["$ref"]).rpartition("/")[2]
            return inlined(definitions[name] | {key: one for key, one in value.items() if key != "$ref"})
        return {key: inlined(one) for key, one in value.items()}

    whole: dict[str, Any] = inlined(schema)
    return whole


def item_base(position: int) -> str:
    """Return the pointer of an item, counted from 0."""
    return f"/data/items/{position}"


def read_items(body: bytes) -> list[Any]:
    """Return the items of a message, not read yet.

    Raises:
        MalformedMessage: it is no batch; says where.
        TooManyItems: it is too large a batch.
    """
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedMessage(Text(zh="不是有效的 JSON", en="It is not valid JSON"), pointer="") from error
    if not isinstance(message, dict):
        raise MalformedMessage(Text(zh="应为 JSON 对象", en="It is not a JSON object"), pointer="")
    if message.get("type") != MESSAGE_TYPE:
        raise MalformedMessage(Text(zh=f"type 应为 {MESSAGE_TYPE}", en=f"type is {MESSAGE_TYPE}"), pointer="/type")
    data = message.get("data")
    if not isinstance(data, dict):
        raise MalformedMessage(Text(zh="data 应为对象", en="data is an object"), pointer="/data")
    items = data.get("items")
    if not isinstance(items, list) or not items:
        raise MalformedMessage(
            Text(zh="items 应为非空数组", en="items is an array with at least one item"), pointer="/data/items"
        )
    if len(items) > ITEMS_MAX:
        raise TooManyItems(pointer="/data/items")
    return items


def read_item(raw: Any, position: int) -> Item | list[Complaint]:  # noqa: ANN401 - any JSON value
    """Return an item, or everything that is wrong with it."""
    base = item_base(position)
    if not isinstance(raw, dict):
        return [Complaint(base, "not_an_object", Text(zh="应为对象", en="An item is an object"))]
    action = raw.get("action", "upsert")
    schema = _ITEMS.get(action) if isinstance(action, str) else None
    if schema is None:
        return [complaint_of(UnknownAction(pointer="/action"), base)]
    try:
        return schema.model_validate(raw)
    except ValidationError as error:
        return [_complaint(found, base) for found in error.errors(include_url=False)[:_COMPLAINTS_MAX]]


def named_in(raw: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return by what name an item that cannot be read may be found by its sender."""
    members = raw if isinstance(raw, dict) else {}
    action, external_id, version = (members.get(name) for name in ("action", "external_id", "external_version"))
    is_version = isinstance(version, int) and not isinstance(version, bool) and 0 <= version <= _VERSION_MAX
    return {
        "action": action if isinstance(action, str) and action in _ITEMS else None,
        "external_id": _storable(external_id)[:_ID_SHOWN] if isinstance(external_id, str) else None,
        "external_version": version if is_version else None,
    }


def _storable(text: str) -> str:
    """Return a text without U+0000, which PostgreSQL cannot hold."""
    return text.replace("\x00", "")


# What pydantic says in English, by the beginning of its code.
_IN_CHINESE: Final[tuple[tuple[str, str], ...]] = (
    ("missing", "必填"),
    ("extra_forbidden", "没有该字段"),
    ("greater_than_equal", "不得小于 {ge}"),
    ("less_than_equal", "不得大于 {le}"),
    ("string_too_short", "至少 {min_length} 个字符"),
    ("string_too_long", "至多 {max_length} 个字符"),
    ("string_pattern_mismatch", "格式不正确"),
    ("too_long", "至多 {max_length} 项"),
    ("too_short", "至少 {min_length} 项"),
    ("enum", "应为以下之一：{expected}"),
    ("literal_error", "应为以下之一：{expected}"),
    ("timezone", "时间须带时区"),
    ("datetime", "不是有效的时间"),
    ("date", "不是有效的日期"),
    ("uuid", "不是有效的编号"),
    ("int", "应为整数"),
    ("float", "应为数字"),
    ("finite", "应为有限的数字"),
    ("bool", "应为 true 或 false"),
    ("string", "应为文本"),
    ("list", "应为数组"),
    ("dict", "应为对象"),
    ("model", "应为对象"),
)


def _complaint(found: Mapping[str, Any], base: str) -> Complaint:
    code = str(found["type"])
    english = str(found["msg"]).removeprefix("Value error, ")
    template = next((zh for beginning, zh in _IN_CHINESE if code.startswith(beginning)), "不符合要求")
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in found["loc"])
    chinese = template.format_map(found.get("ctx", {}))
    return Complaint(base + _storable(pointer)[:_POINTER_MAX], code, Text(zh=chinese, en=_storable(english)))
