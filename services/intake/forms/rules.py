"""What a form may be, and what of a person's answers does not fit it. Pure.

A form is written by an office and tried on what strangers send, so it has bounds: known keywords only, few questions,
little depth, no reference that could go round or grow, and patterns for an engine whose time is linear.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError, meta

from services.intake.plain_json import size_of
from shared.problems import Invalid
from shared.texts import Text

__all__ = [
    "ASKS_NOTHING",
    "FIRST_VERSION",
    "AnswersDoNotFit",
    "BadForm",
    "Form",
    "FormCache",
    "checked_schema",
    "missing",
    "pointer_of",
    "too_large",
]

FIRST_VERSION: Final = 1
ASKS_NOTHING: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}
_SCHEMA_MAX_BYTES: Final = 32 * 1024
_ANSWERS_MAX_BYTES: Final = 32 * 1024
_QUESTIONS_MAX: Final = 50
_PATTERNS_MAX: Final = 50
_DEPTH_MAX: Final = 4
_ERRORS_MAX: Final = 50
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_DEFINED: Final = re.compile(r"#/\$defs/([A-Za-z][A-Za-z0-9_]{0,39})")
# Linear in the text; the sizes bound what a pattern may cost in memory.
_PATTERNS: Final = RegexOptions(size_limit=64 * 1024, dfa_size_limit=64 * 1024)
_FORMATS: Final = frozenset({"date", "date-time", "time", "duration", "email", "uri", "uuid"})

_ONE: Final = frozenset({"additionalProperties", "contains", "else", "if", "items", "not", "then"})
_ONE_MORE: Final = frozenset({"unevaluatedItems", "unevaluatedProperties"})
_SEVERAL: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED: Final = frozenset({"$defs", "dependentSchemas", "properties"})
_PLAIN: Final = frozenset(
    [
        "$comment",
        "$ref",
        "$schema",
        "const",
        "default",
        "dependentRequired",
        "deprecated",
        "description",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "readOnly",
        "required",
        "title",
        "type",
        "uniqueItems",
        "writeOnly",
    ]
)
_KEYWORDS: Final = _ONE | _ONE_MORE | _SEVERAL | _NAMED | _PLAIN
# A step further from the whole: what lies in it is an answer within an answer.
_DEEPER: Final = frozenset({"additionalProperties", "contains", "items", "prefixItems", "properties"})


class BadForm(Invalid):
    """The schema is none, or asks for more than a form may; `errors` says where."""

    code = "bad_form"
    title = Text(zh="表单定义不符合要求", en="The form is not one that can be asked")


class AnswersDoNotFit(Invalid):
    """The answers do not fit the category's form; `errors` says where."""

    code = "answers_do_not_fit"
    title = Text(zh="填写内容不符合表单要求", en="The answers do not fit the form")


def _error(path: Sequence[str | int], code: str, zh: str, en: str) -> dict[str, Any]:
    return {"pointer": pointer_of(path), "code": code, "detail": Text(zh=zh, en=en)}


def pointer_of(path: Sequence[str | int]) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def too_large(pointer: str, most: int) -> dict[str, Any]:
    """Say that something has more bytes than it may."""
    detail = Text(zh=f"不得超过 {most // 1024} kB", en=f"has at most {most // 1024} kB")
    return {"pointer": pointer, "code": "too_large", "detail": detail}


def checked_schema(schema: Mapping[str, Any]) -> None:
    """Refuse a schema that is none, or that no form may be.

    Raises:
        BadForm: with a pointer to each place that is wrong.
    """
    if size_of(schema) > _SCHEMA_MAX_BYTES:
        raise BadForm(errors=[too_large("/schema", _SCHEMA_MAX_BYTES)])
    wrong = list(_walk(schema, ["schema"], 0, defined=None))[:_ERRORS_MAX]
    if schema.get("type") != "object":
        wrong.insert(0, _error(["schema", "type"], "not_an_object", "须为 object", "is object"))
    questions = sum(1 for _ in _questions(schema))
    if questions > _QUESTIONS_MAX:
        told = _error(["schema"], "too_many_questions", "最多 50 个问题", "asks at most 50 questions")
        wrong.append(told)
    if sum(1 for _ in _patterns(schema)) > _PATTERNS_MAX:
        wrong.append(_error(["schema"], "too_many_patterns", "最多 50 个 pattern", "has at most 50 patterns"))
    if not wrong:
        wrong = _not_a_schema(schema)
    if wrong:
        raise BadForm(errors=wrong)


def _not_a_schema(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Ask the library: first whether it is a schema of the draft, then whether it can be compiled."""
    try:
        meta.validate(dict(schema))
        _compiled(schema)
    except ValidationError as error:
        where = ["schema", *error.instance_path]
        return [_error(where, "bad_schema", "不是有效的 JSON Schema", "is no valid JSON Schema")]
    except ValueError:
        return [_error(["schema"], "bad_schema", "不是有效的 JSON Schema", "is no valid JSON Schema")]
    return []


def _walk(
    schema: object, path: list[str | int], depth: int, *, defined: frozenset[str] | None
) -> Iterator[dict[str, Any]]:
    """Yield what is wrong with a schema and those in it. `defined` is None outside of `$defs`."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield _error(path, "bad_schema", "须为对象", "is an object")
        return
    if depth > _DEPTH_MAX:
        yield _error(path, "too_deep", "最多嵌套 4 层", "is nested at most 4 levels deep")
        return
    for keyword, value in schema.items():
        here = [*path, keyword]
        if keyword not in _KEYWORDS:
            yield _error(here, "unknown_keyword", "不支持的关键字", "is no keyword that forms take")
        elif keyword in _PLAIN:
            yield from _wrong_word(schema, keyword, here, defined=defined)
        else:
            below = depth + 1 if keyword in _DEEPER else depth
            inside = frozenset[str]() if keyword == "$defs" else defined
            for name, item in _parts(keyword, value):
                inner: list[str | int] = [*here, *([] if name is None else [name])]
                if keyword in {"properties", "$defs"} and not _CODE.fullmatch(str(name)):
                    yield _error(inner, "bad_name", "名称须为字母、数字、下划线", "is a code of letters and digits")
                yield from _walk(item, inner, below, defined=inside)


def _parts(keyword: str, value: object) -> Iterator[tuple[str | int | None, object]]:
    """Yield the schemas in a keyword's value with their places in it; a value of the wrong kind yields itself."""
    if keyword in _NAMED and isinstance(value, dict):
        yield from value.items()
    elif keyword in _SEVERAL and isinstance(value, list):
        yield from enumerate(value)
    elif keyword in _ONE | _ONE_MORE:
        yield None, value
    else:
        yield None, 0


def _wrong_word(
    schema: Mapping[str, Any], keyword: str, here: list[str | int], *, defined: frozenset[str] | None
) -> Iterator[dict[str, Any]]:
    value = schema[keyword]
    if keyword == "$schema" and value != _DIALECT:
        yield _error(here, "wrong_dialect", "须为 JSON Schema 2020-12", "is JSON Schema 2020-12")
    # What is defined refers to nothing, so that no reference goes round and none multiplies.
    elif keyword == "$ref" and (defined is not None or not isinstance(value, str) or not _DEFINED.fullmatch(value)):
        yield _error(here, "bad_reference", "只能引用 #/$defs/ 中的定义", "refers to #/$defs/… from outside of it")
    elif keyword == "format" and value not in _FORMATS:
        yield _error(here, "unknown_format", "不支持的格式", f"is one of {', '.join(sorted(_FORMATS))}")
    elif keyword == "required" and isinstance(value, list):
        asked = schema.get("properties", {})
        for place, name in enumerate(value):
            if isinstance(asked, dict) and name not in asked:
                yield _error([*here, place], "not_asked", "没有这个问题", "names no property")


def _questions(schema: object) -> Iterator[str]:
    """Yield the name of every property, however deep."""
    if isinstance(schema, dict):
        for keyword in _KEYWORDS & schema.keys() - _PLAIN:
            for name, item in _parts(keyword, schema[keyword]):
                if keyword == "properties":
                    yield str(name)
                yield from _questions(item)


def _patterns(schema: object) -> Iterator[object]:
    """Yield every pattern: each is a machine in memory."""
    if isinstance(schema, dict):
        if "pattern" in schema:
            yield schema["pattern"]
        for keyword in _KEYWORDS & schema.keys() - _PLAIN:
            for _, item in _parts(keyword, schema[keyword]):
                yield from _patterns(item)


def _compiled(schema: Mapping[str, Any]) -> Draft202012Validator:
    # What is not asked is not taken, unless the form says otherwise.
    closed = {"unevaluatedProperties": False, **schema}
    return Draft202012Validator(
        closed, pattern_options=_PATTERNS, validate_formats=True, ignore_unknown_formats=False, offline=True
    )


def missing(schema: Mapping[str, Any], answers: Mapping[str, Any] | None) -> list[str]:
    """Return the required questions that are not answered, in the order of the form."""
    required = set(schema.get("required", ()))
    return [name for name in schema.get("properties", {}) if name in required and name not in (answers or {})]


_WORDS: Final[dict[str, Text]] = {
    "additionalProperties": Text(zh="没有这个问题", en="is not asked for"),
    "unevaluatedProperties": Text(zh="没有这个问题", en="is not asked for"),
    "required": Text(zh="为必填", en="is required"),
    "dependentRequired": Text(zh="为必填", en="is required"),
    "type": Text(zh="类型不正确", en="is of the wrong type"),
    "enum": Text(zh="不在可选项中", en="is none of the choices"),
    "constant": Text(zh="不在可选项中", en="is none of the choices"),
    "oneOf": Text(zh="不在可选项中", en="is none of the choices"),
    "anyOf": Text(zh="不在可选项中", en="is none of the choices"),
    "pattern": Text(zh="格式不正确", en="has the wrong form"),
    "format": Text(zh="格式不正确", en="has the wrong form"),
    "minLength": Text(zh="太短", en="is too short"),
    "maxLength": Text(zh="太长", en="is too long"),
    "minimum": Text(zh="太小", en="is too small"),
    "exclusiveMinimum": Text(zh="太小", en="is too small"),
    "maximum": Text(zh="太大", en="is too large"),
    "exclusiveMaximum": Text(zh="太大", en="is too large"),
    "minItems": Text(zh="太少", en="has too few items"),
    "maxItems": Text(zh="太多", en="has too many items"),
}
_OTHERWISE: Final = Text(zh="不符合要求", en="does not fit")


@dataclass(frozen=True, slots=True)
class Form:
    """A version of a category's questions, ready to try answers on."""

    version: int
    schema: Mapping[str, Any]
    validator: Draft202012Validator

    @classmethod
    def of(cls, version: int, schema: Mapping[str, Any]) -> "Form":
        """Compile a schema."""
        return cls(version, schema, _compiled(schema))

    def check(self, answers: Mapping[str, Any] | None, *, complete: bool) -> None:
        """Refuse answers that do not fit.

        Args:
            answers: what was said; nothing is the same as an empty object.
            complete: whether every required question must be answered; else only what is said must fit.

        Raises:
            AnswersDoNotFit: with a pointer below `/answers` to each place that is wrong.
        """
        given = dict(answers or {})
        if size_of(given) > _ANSWERS_MAX_BYTES:
            raise AnswersDoNotFit(errors=[too_large("/answers", _ANSWERS_MAX_BYTES)])
        wrong: list[dict[str, Any]] = []
        for error in self.validator.iter_errors(given):
            wrong += _told(error, complete=complete)
            if len(wrong) >= _ERRORS_MAX:
                break
        if wrong:
            raise AnswersDoNotFit(errors=wrong)


def _told(error: ValidationError, *, complete: bool) -> Iterator[dict[str, Any]]:
    """Yield what an error of the library says, each part at the place that a client has to mark."""
    name, said = error.kind.name, error.kind.as_dict()
    path = ["answers", *error.instance_path]
    if name == "required":
        if not complete and not error.instance_path:
            return
        path.append(str(said["property"]))
    words = _WORDS.get(name, _OTHERWISE)
    unexpected = said.get("unexpected") or []
    for where in [[*path, item] for item in unexpected] or [path]:
        yield {"pointer": pointer_of(where), "code": name, "detail": words}


class FormCache:
    """The compiled forms that a process has last used."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._forms: OrderedDict[tuple[str, str], Form] = OrderedDict()

    def get(self, tenant: str, category: str) -> Form | None:
        """Return the form that this process last knew; it may be old."""
        key = (tenant, category)
        if key in self._forms:
            self._forms.move_to_end(key)
        return self._forms.get(key)

    def put(self, tenant: str, category: str, form: Form) -> None:
        """Keep a form, and forget the one that was not used for the longest time."""
        self._forms[tenant, category] = form
        if len(self._forms) > self._size:
            self._forms.popitem(last=False)
