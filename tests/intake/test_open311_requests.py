"""Every request that GeoReport v2 gives as an example, sent in both formats: the two answers say the same."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.intake.civic import Civic, document, key_of, offer, tree
from tests.intake.conftest import NORTH, Street
from tests.intake.test_open311_format import spark

EXAMPLES = Path(__file__).parent / "open311_examples"
QUESTION = {"WHISHETN": {"enum": ["Ford", "Chrysler"], "title": "What make is it?"}}
# What the specification asks with GET, as it prints it but for its host; the format is put in for `xml`.
ASKED = {
    "services": "services.xml?jurisdiction_id=city.gov",
    "definition": "services/033.xml?jurisdiction_id=city.gov",
    "token": "tokens/123456.xml?jurisdiction_id=city.gov",
    "requests": "requests.xml?" + (EXAMPLES / "requests.query").read_text(encoding="ascii").strip(),
    "request": "requests/123456.xml?jurisdiction_id=city.gov",
}


async def told(civic: Civic, example: str, ours: dict[str, str]) -> tuple[Any, Any]:
    """Send an example in both formats, with our names for its; return the JSON, and the XML read by its convention."""
    address, _, query = example.partition("?")
    for theirs, name in ours.items():
        address = address.replace(theirs, name)
    params: dict[str, Any] = {name: ours.get(value, value) for name, value in parse_qsl(query)}
    name = next(key for key, asked in ASKED.items() if asked == example)
    json_answer = await civic.get(address.replace(".xml", ".json"), **params)
    assert json_answer.status_code == 200, json_answer.text
    value = document(json_answer, "requests" if name == "request" else name)
    xml_answer = await civic.get(address, **params)
    assert xml_answer.status_code == 200, xml_answer.text
    assert xml_answer.headers["content-type"] == "text/xml; charset=utf-8"
    return value, spark(tree(xml_answer.content), value)


async def test_every_example_request_is_answered_alike_in_both_formats(street: Street, owner: Any) -> None:
    tenant = street.caller.tenant
    civic = Civic(street, *await key_of(street, NORTH, answers_with_token=True))
    await offer(street, "drainage", visibility="facts")
    schema = {"type": "object", "properties": QUESTION}
    form = await street.call(
        "PUT", "/v1/categories/drainage/form", {"schema": schema}, by=street.administrator, version=1
    )
    assert form.status_code == 200, form.text
    posted = document(await civic.post(), "posted")
    token = posted[0]["token"]
    number = (await civic.get(f"tokens/{token}.json")).json()[0]["service_request_id"]
    # The list of the example asks for what was filed in one month of 2010.
    filed_at = datetime(2010, 6, 1, 12, tzinfo=UTC)
    await owner.execute("UPDATE intake.cases SET filed_at = $2 WHERE tenant_id = $1", tenant, filed_at)
    for name, example in ASKED.items():
        ours = {"city.gov": tenant, "033": "drainage"}
        ours |= {"123456": token if name == "token" else number}
        value, read = await told(civic, example, ours)
        assert read == value, name
        assert value, name
        if name in {"requests", "request"}:
            assert [one["service_request_id"] for one in value] == [number]
            assert value[0]["requested_datetime"] == "2010-06-01T20:00:00+08:00"
    print(f"{len(ASKED)} example requests, each answered alike in XML and JSON")


@pytest.mark.parametrize("extension", ["xml", "json"])
async def test_the_example_post_is_taken_in_both_formats(street: Street, extension: str) -> None:
    civic = Civic(street, *await key_of(street, NORTH))
    names = {"WHISPAWN": "integer", "WHISDORN": "string"}
    schema = {"type": "object", "properties": {name: {"type": kind, "title": name} for name, kind in names.items()}}
    form = await street.call(
        "PUT", "/v1/categories/drainage/form", {"schema": schema}, by=street.administrator, version=1
    )
    assert form.status_code == 200, form.text
    example = parse_qsl((EXAMPLES / "post.form").read_text(encoding="utf-8"))
    ours = {"xyz": civic.key, "city.gov": street.caller.tenant, "001": "drainage"}
    sent = urlencode([(name, ours.get(value, value)) for name, value in example]).encode()
    answer = await civic.send(sent, f"requests.{extension}")
    assert answer.status_code == 200, answer.text
    example_answer = [{"service_request_id": "", "service_notice": None, "account_id": None}]
    value = spark(tree(answer.content), example_answer) if extension == "xml" else document(answer, "posted")
    (one,) = value
    assert set(one) == {"service_request_id", "service_notice", "account_id"}
    case = await civic.case(one["service_request_id"])
    assert (case["channel"], case["place_text"]) == ("open311", "1234 5th street")
