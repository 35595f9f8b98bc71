"""A category's questions between their JSON Schema and the attributes of a GeoReport v2 service definition.

`attributes_of` asks the questions in Open311's words, and `answers_of` takes the answers back into the types of the
schema. Open311 knows six kinds of fields. A question that is none of them (an object, a list of free texts) is left
out when it may be left out, and else the category cannot be offered to other apps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from services.intake.open311.rules import BadArguments, read_time
from shared.texts import Text

__all__ = ["Attribute", "CannotBeAsked", "Choice", "Datatype", "answers_of", "attributes_of"]

# Above it a text is asked for with several lines.
_LINE_MAX: Final = 200
_TYPED_MAX: Final = 4_000
_DIGITS_MAX: Final = 40
_NUMBER_MAX: Final = 2**53
_YES_NO: Final = (("true", "是 Yes", True), ("false", "否 No", False))


class Datatype(StrEnum):
    """The kinds of fields."""

    STRING = "string"
    NUMBER = "number"
    DATETIME = "datetime"
    TEXT = "text"
    ONE = "singlevaluelist"
    MANY = "multivaluelist"


class CannotBeAsked(Exception):
    """A required question has no Open311 form."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value to choose: its key in Open311, its name for people, and what it is in the schema."""

    key: str
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Attribute:
    """One question. Without `variable` it is only a text to read."""

    code: str
    datatype: Datatype
    required: bool
    order: int
    description: str
    datatype_description: str | None = None
    values: tuple[Choice, ...] = ()
    variable: bool = True
    is_whole: bool = False
    is_day: bool = False


def attributes_of(schema: Mapping[str, Any]) -> list[Attribute]:
    """Ask the questions of an object's schema, in its order.

    Args:
        schema: a JSON Schema of type object; `title` is the question and `description` the help of a property.

    Raises:
        CannotBeAsked: a required property is of no kind that Open311 knows.
    """
    required = set(schema.get("required", ()))
    attributes: list[Attribute] = []
    for code, asked in schema.get("properties", {}).items():
        attribute = _attribute(code, asked, required=code in required, order=len(attributes) + 1)
        if attribute is not None:
            attributes.append(attribute)
        elif code in required:
            raise CannotBeAsked(code)
    return attributes


def _attribute(code: str, asked: Mapping[str, Any], *, required: bool, order: int) -> Attribute | None:
    title, hint = asked.get("title") or code, asked.get("description")
    kinds = asked.get("type", "string" if "enum" not in asked and "oneOf" not in asked else None)
    kind = next((item for item in kinds if item != "null"), None) if isinstance(kinds, list) else kinds
    if asked.get("readOnly"):
        said = hint or title
        return Attribute(code, Datatype.STRING, required=False, order=order, description=said, variable=False)
    choices = _choices(asked)
    if kind == "array":
        choices, datatype = _choices(asked.get("items", {})), Datatype.MANY
        if not choices:
            return None
    elif kind == "boolean":
        choices, datatype = tuple(Choice(*item) for item in _YES_NO), Datatype.ONE
    elif choices:
        datatype = Datatype.ONE
    elif kind in {"number", "integer"}:
        datatype = Datatype.NUMBER
    elif kind == "string":
        datatype = _kind_of_text(asked)
    else:
        return None
    return Attribute(
        code,
        datatype,
        required=required,
        order=order,
        description=title,
        datatype_description=hint,
        values=choices,
        is_whole=kind == "integer",
        is_day=asked.get("format") == "date",
    )


def _kind_of_text(asked: Mapping[str, Any]) -> Datatype:
    if asked.get("format") in {"date", "date-time"}:
        return Datatype.DATETIME
    return Datatype.TEXT if asked.get("maxLength", _LINE_MAX + 1) > _LINE_MAX else Datatype.STRING


def _choices(asked: Mapping[str, Any]) -> tuple[Choice, ...]:
    """Read `enum`, or `oneOf` of constants with titles."""
    named = [(item["const"], item.get("title")) for item in asked.get("oneOf", ()) if "const" in item]
    plain = [(value, None) for value in asked.get("enum", ()) if value is not None]
    return tuple(Choice(str(value), str(title or value), value) for value, title in named or plain)


def answers_of(attributes: Sequence[Attribute], given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Take answers back into the types of the schema that the attributes were made of.

    Args:
        attributes: of the service.
        given: what came as `attribute[CODE]` (one text) or `attribute[CODE][]` (several).

    Raises:
        BadArguments: every answer that is missing, unknown or of the wrong kind.
    """
    known = {attribute.code: attribute for attribute in attributes if attribute.variable}
    wrong = [_wrong(code, "没有这个问题", "is not asked for") for code in given if code not in known]
    answers: dict[str, Any] = {}
    for code, attribute in known.items():
        texts = given.get(code)
        if not texts:
            if attribute.required:
                wrong.append(_wrong(code, "为必填", "is required"))
            continue
        try:
            answers[code] = _answer(attribute, texts)
        except ValueError:
            wrong.append(_wrong(code, f"不是有效的 {attribute.datatype}", f"is not a valid {attribute.datatype}"))
    if wrong:
        raise BadArguments(*wrong)
    return answers


def _wrong(code: str, zh: str, en: str) -> Text:
    return Text(zh=f"attribute[{code}] {zh}", en=f"attribute[{code}] {en}")


def _answer(attribute: Attribute, texts: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON value
    """Read one answer; ValueError when it is of the wrong kind."""
    if attribute.datatype is Datatype.MANY:
        return list(dict.fromkeys(_chosen(attribute, text) for text in texts))
    if len(texts) > 1 or len(texts[0]) > _TYPED_MAX:
        raise ValueError(attribute.code)
    (text,) = texts
    if attribute.datatype is Datatype.ONE:
        return _chosen(attribute, text)
    if attribute.datatype is Datatype.NUMBER:
        return _number(text, whole=attribute.is_whole)
    if attribute.datatype is Datatype.DATETIME:
        instant = read_time(text)
        if instant is None:
            raise ValueError(text)
        return instant.date().isoformat() if attribute.is_day else instant.isoformat()
    if attribute.datatype is Datatype.STRING and len(text.splitlines()) > 1:
        raise ValueError(text)
    return text


def _chosen(attribute: Attribute, key: str) -> Any:  # noqa: ANN401 - any JSON value
    for choice in attribute.values:
        if choice.key == key:
            return choice.value
    raise ValueError(key)


def _number(text: str, *, whole: bool) -> int | float:
    number = float(text) if len(text) <= _DIGITS_MAX else float("nan")
    # Also false of NaN. Beyond it a number is not the same for every reader of JSON (RFC 8259 §6).
    if not abs(number) < _NUMBER_MAX or (whole and not number.is_integer()):
        raise ValueError(text)
    return int(number) if number.is_integer() else number
