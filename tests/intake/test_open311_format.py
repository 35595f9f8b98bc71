"""GeoReport v2 in both formats: every example of the specification, and any text."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.cases.terms import State
from services.intake.open311.attributes import (
    Attribute,
    CannotBeAsked,
    Datatype,
    answers_of,
    attributes_of,
)
from services.intake.open311.formats import Format, Root, Value, written
from services.intake.open311.posted import read_posted, several
from services.intake.open311.rules import BadArguments, date_range, notes_of, read_time, said_time, status_of
from services.intake.open311.submission import checked
from services.intake.open311.views import definition_view
from services.intake.open311_admin.rules import admit, key_hash, new_key
from tests.intake.civic import tree

EXAMPLES = Path(__file__).parent / "open311_examples"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DOCUMENTS = {
    "services": Root.SERVICES,
    "service_definition": Root.DEFINITION,
    "posted": Root.REQUESTS,
    "token": Root.REQUESTS,
    "requests": Root.REQUESTS,
    "request": Root.REQUESTS,
    "errors": Root.ERRORS,
    "discovery": Root.DISCOVERY,
}
# The lists of the specification, by the name of their element; an element whose children repeat is an array.
LISTS = {"services", "attributes", "values", "service_requests", "errors", "endpoints", "formats"}


def structure(element: ET.Element) -> Any:
    """Return names, order, nesting and texts, without the blanks between elements."""
    children = [structure(child) for child in element]
    return (element.tag, children or (element.text or "").strip())


def spark(element: ET.Element, example: Any) -> Any:
    """Read XML as the Spark convention does; only the types of texts are taken from the example."""
    if element.tag in LISTS:
        return [spark(child, inner) for child, inner in zip(element, example, strict=True)]
    if len(element):
        return {child.tag: spark(child, example[child.tag]) for child in element}
    text = (element.text or "").strip()
    if isinstance(example, bool):
        return text == "true"
    return type(example)(text) if text else None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_example_response_is_written_as_it_stands_in_the_specification(name: str) -> None:
    printed = tree((EXAMPLES / f"{name}.xml").read_bytes())
    value: Value = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    ours = written(Format.XML, DOCUMENTS[name], value)
    assert ours.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    assert structure(tree(ours)) == structure(printed)
    assert json.loads(written(Format.JSON, DOCUMENTS[name], value)) == value
    assert spark(printed, value) == value, "the two examples of the specification say the same"
    assert spark(tree(ours), value) == value, "and so do ours"


def test_the_example_definition_comes_out_of_a_json_schema() -> None:
    choices = [{"const": "123", "title": "Ford"}, {"const": "124", "title": "Chrysler"}]
    question = {"title": "What is the ticket/tag/DL number?", "oneOf": choices}
    attributes = attributes_of({"type": "object", "properties": {"WHISHETN": question}, "required": ["WHISHETN"]})
    expected = json.loads((EXAMPLES / "service_definition.json").read_text(encoding="utf-8"))
    assert definition_view("DMV66", attributes) == expected
    assert answers_of(attributes, {"WHISHETN": ["124"]}) == {"WHISHETN": "124"}


def test_the_example_post_is_read() -> None:
    posted = read_posted((EXAMPLES / "post.form").read_bytes())
    assert posted.attributes == {"WHISPAWN": ["123456"], "WHISDORN": ["COISL001"]}
    wanted = checked(posted)
    assert wanted.service_code == "001"
    assert wanted.point == (37.76524078, -122.4212043)
    assert (wanted.address_string, wanted.address_id) == ("1234 5th street", None)
    assert wanted.description == wanted.title == "A large sinkhole is destroying the street"
    assert wanted.media_url == "http://media.example/2212426634.jpg"
    assert wanted.contact == {
        "email": "smit333@sfgov.edu", "device_id": "tt222111", "account_id": "123456",
        "first_name": "john", "last_name": "smith", "phone": "111111111",
    }  # fmt: skip


@given(st.text(max_size=60))
def test_any_text_leaves_as_readable_xml_and_json(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    value: Value = [{"description": text}]
    assert json.loads(written(Format.JSON, Root.REQUESTS, value)) == value
    (request,) = tree(written(Format.XML, Root.REQUESTS, value))
    read = request.findtext("description") or ""
    # A reader of XML turns a carriage return into a line feed, and what is no character of XML is replaced.
    if text.isprintable():
        assert read == text
    assert len(read) <= len(text)


def test_markup_in_words_stays_words() -> None:
    hostile = "</description><status>closed</status><!ENTITY x SYSTEM 'file:///etc/passwd'>]]>&x;\x00\x1b"
    (request,) = tree(written(Format.XML, Root.REQUESTS, [{"description": hostile}]))
    assert [child.tag for child in request] == ["description"]
    assert request.findtext("description") == hostile.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")


def test_lists_may_be_empty_and_nothing_is_an_empty_element() -> None:
    assert structure(tree(written(Format.XML, Root.REQUESTS, []))) == ("service_requests", "")
    assert written(Format.JSON, Root.REQUESTS, []) == b"[]"
    assert b"<account_id />" in written(Format.XML, Root.REQUESTS, [{"account_id": None}])


def test_values_of_one_question_may_be_several_and_numbered() -> None:
    posted = read_posted(b"attribute%5BA%5D%5B%5D=x&attribute[A][]=y&attribute[A][2]=z&attribute[B]=&lat=&lat=1&lat=2")
    assert posted.attributes == {"A": ["x", "y", "z"]}
    assert posted.plain == {"lat": "1"}, "an empty argument was not sent, and the first one counts"
    assert read_posted("address_string=路".encode()).get("address_string") == "路"
    assert several(["a, b", "c,,"]) == ["a", "b", "c"]


@pytest.mark.parametrize("body", [b"a=%ff", b"a=%00", b"a=%ed%a0%80", b"a=\xff", b"&".join([b"a=1"] * 501)])
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(BadArguments):
        read_posted(body)


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=5))
def test_judging_never_breaks(plain: dict[str, str]) -> None:
    with pytest.raises(BadArguments):
        checked(read_posted(b"", plain.items()))


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "lamp": {"type": "string", "title": "灯杆号", "maxLength": 20, "description": "杆上的编号"},
        "story": {"type": "string", "title": "经过"},
        "since": {"type": "string", "format": "date-time", "title": "何时起"},
        "day": {"type": "string", "format": "date", "title": "哪天"},
        "height": {"type": "number", "title": "高度"},
        "floors": {"type": ["integer", "null"], "title": "楼层"},
        "dark": {"type": "boolean", "title": "全黑？"},
        "kind": {"oneOf": [{"const": 1, "title": "不亮"}, {"const": 2, "title": "闪烁"}], "title": "现象"},
        "hours": {"type": "array", "items": {"enum": ["night", "dawn"]}, "title": "时段"},
        "read_me": {"readOnly": True, "type": "string", "description": "请勿触碰灯杆"},
        "picture": {"type": "object"},
    },
    "required": ["lamp", "kind"],
}


def test_questions_become_attributes_in_their_order() -> None:
    attributes = attributes_of(SCHEMA)
    assert [(item.code, item.datatype.value, item.required) for item in attributes] == [
        ("lamp", "string", True),
        ("story", "text", False),
        ("since", "datetime", False),
        ("day", "datetime", False),
        ("height", "number", False),
        ("floors", "number", False),
        ("dark", "singlevaluelist", False),
        ("kind", "singlevaluelist", True),
        ("hours", "multivaluelist", False),
        ("read_me", "string", False),
    ]
    assert [item.order for item in attributes] == list(range(1, 11))
    assert [item.code for item in attributes if not item.variable] == ["read_me"]
    assert attributes[0].datatype_description == "杆上的编号"
    with pytest.raises(CannotBeAsked):
        attributes_of({**SCHEMA, "required": ["picture"]})
    assert attributes_of({}) == []


def test_answers_return_to_the_types_of_the_schema() -> None:
    given = {
        "lamp": ["A-7"], "story": ["一\n二"], "since": ["2026-01-01T08:00:00+08:00"], "day": ["2026-01-02"],
        "height": ["2.5"], "floors": ["3"], "dark": ["true"], "kind": ["2"], "hours": ["dawn", "night", "dawn"],
    }  # fmt: skip
    assert answers_of(attributes_of(SCHEMA), given) == {
        "lamp": "A-7", "story": "一\n二", "since": "2026-01-01T08:00:00+08:00", "day": "2026-01-02",
        "height": 2.5, "floors": 3, "dark": True, "kind": 2, "hours": ["dawn", "night"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("lamp", ["a", "b"]), ("lamp", ["a\nb"]), ("since", ["soon"]), ("since", ["2026-01-01T08:00:00"]),
        ("height", ["nan"]), ("height", ["1e400"]), ("height", ["9" * 50]), ("floors", ["2.5"]), ("dark", ["yes"]),
        ("kind", ["3"]), ("hours", ["noon"]), ("read_me", ["x"]), ("picture", ["x"]), ("other", ["x"]),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_is_told_by_its_question(code: str, texts: list[str]) -> None:
    with pytest.raises(BadArguments) as refused:
        answers_of(attributes_of(SCHEMA), {"lamp": ["A"], "kind": ["1"], code: texts})
    assert [code in said.en for said in refused.value.said] == [True]


def test_all_missing_answers_are_told_together() -> None:
    with pytest.raises(BadArguments) as refused:
        answers_of(attributes_of(SCHEMA), {})
    assert [said.en for said in refused.value.said] == ["attribute[lamp] is required", "attribute[kind] is required"]


@given(st.sampled_from(list(Datatype)), st.text(max_size=30))
def test_no_answer_breaks_the_reading(datatype: Datatype, text: str) -> None:
    attribute = Attribute("x", datatype, required=False, order=1, description="x")
    try:
        answer = answers_of([attribute], {"x": [text]})
    except BadArguments:
        return
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1994-11-05T08:15:30-05:00", datetime(1994, 11, 5, 13, 15, 30, tzinfo=UTC)),
        ("1994-11-05T13:15:30Z", datetime(1994, 11, 5, 13, 15, 30, tzinfo=UTC)),
        ("2026-01-01T08:00:00 08:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01", datetime(2025, 12, 31, 16, tzinfo=UTC)),
        ("2026-01-01T08:00:00", None),
        ("20/01/2026", None),
        ("2026-13-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_times_are_read_in_the_w3c_profile(text: str, instant: datetime | None) -> None:
    assert read_time(text) == instant


def test_times_are_told_with_the_offset_of_china() -> None:
    assert said_time(NOW) == "2026-05-01T20:00:00+08:00"
    assert said_time(None) is None


def test_a_list_spans_ninety_days_at_the_most() -> None:
    days = timedelta(days=90)
    assert date_range(None, None, NOW) == (NOW - days, NOW)
    assert date_range("2026-01-01T00:00:00Z", None, NOW)[1] == datetime(2026, 4, 1, tzinfo=UTC)
    assert date_range("2026-04-01T00:00:00Z", None, NOW)[1] == NOW
    assert date_range(None, "2026-04-01T00:00:00Z", NOW)[0] == datetime(2026, 1, 1, tzinfo=UTC)
    for start, end in (
        ("2026-01-01T00:00:00Z", "2026-04-02T00:00:01Z"),
        ("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        (None, "0001-01-02T00:00:00Z"),
        ("9999-12-31T00:00:00Z", None),
    ):
        with pytest.raises(BadArguments):
            date_range(start, end, NOW)
    with pytest.raises(BadArguments) as refused:
        date_range("x", "y", NOW)
    assert len(refused.value.said) == 2


def test_every_state_is_open_or_closed_and_has_a_note() -> None:
    assert {state for state in State if status_of(state) == "closed"} == {State.RESOLVED, State.CLOSED}
    assert len({notes_of(state, None).en for state in State}) == len(State)
    assert notes_of("closed", "satisfied") != notes_of("closed", None)
    assert notes_of("reopened", "not_satisfied").en == "Not solved; opened again"


@given(st.integers(1, 600), st.lists(st.floats(0, 30), max_size=700))
def test_a_key_never_files_more_than_its_rate_and_one_minutes_budget(per_minute: int, pauses: list[float]) -> None:
    spent, now, admitted = NOW, NOW, 0
    for pause in pauses:
        now += timedelta(seconds=pause)
        spent, wait_s = admit(spent, now, per_minute)
        admitted += not wait_s
        if wait_s:
            assert 0 < wait_s <= 60 / per_minute + 1e-6
    assert admitted <= per_minute + (now - NOW).total_seconds() * per_minute / 60 + 1


def test_keys_are_long_and_only_their_hash_is_kept() -> None:
    one, other = new_key(), new_key()
    assert one != other
    assert len(one) >= 48
    assert key_hash(one) != key_hash(other)
    assert len(key_hash(one)) == 32
