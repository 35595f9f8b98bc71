"""Standard Webhooks: signed and verified as the published libraries do, and nothing but a refusal for what is not."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import orjson
import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from shared.webhooks import (
    BadKey,
    HeaderMalformed,
    HeaderMissing,
    PrivateKey,
    SharedSecret,
    SignatureRefused,
    TimestampRefused,
    Verifier,
    WebhookRefused,
    new_private_key,
    new_secret,
    read_signed_message,
    read_signer,
    read_verifier,
    sign,
)
from tests.javascript import Node, open_node

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
BODY = '{"type":"offers.push","items":[{"title":"理发 ✂"}]}'.encode()
ids = st.from_regex(r"[!-\-/-~]{1,128}", fullmatch=True)
raw_secrets = st.binary(min_size=24, max_size=64)

_JAVASCRIPT = r"""
const { Webhook } = require("standardwebhooks");
const crypto = require("crypto");
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const told = asked.map((item) => {
  if (item.do === "sign") {
    return new Webhook(item.secret).sign(item.id, new Date(item.timestamp * 1000), item.body);
  }
  if (item.do === "ed25519") {
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(item.key, "base64")]);
    const key = crypto.createPublicKey({ key: der, format: "der", type: "spki" });
    return crypto.verify(null, Buffer.from(item.content, "utf8"), key, Buffer.from(item.signature, "base64"));
  }
  try {
    new Webhook(item.secret).verify(item.body, item.headers);
    return true;
  } catch (error) {
    return error.message;
  }
});
process.stdout.write(JSON.stringify(told));
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    folder: Path = tmp_path_factory.mktemp("node")
    return open_node(folder)


def accepted(headers: dict[str, str], body: bytes, *keys: str, now: datetime = NOW) -> bool:
    try:
        read_signed_message(headers.items()).verify(body, [read_verifier(key) for key in keys], now)
    except SignatureRefused:
        return False
    return True


@given(ids, st.binary(max_size=300), raw_secrets, raw_secrets)
def test_what_is_signed_is_accepted_by_its_key_and_by_no_other(
    message_id: str, body: bytes, raw: bytes, other: bytes
) -> None:
    secret, stranger = SharedSecret(raw), SharedSecret(other)
    pair = new_private_key()
    headers = sign(message_id, NOW, body, [secret, pair])
    assert accepted(headers, body, secret.text)
    assert accepted(headers, body, pair.public.text)
    assert accepted(headers, body, stranger.text, secret.text)
    assert accepted(headers, body, stranger.text) == (raw == other)
    assert not accepted(headers, body + b" ", secret.text, pair.public.text)
    assert not accepted({**headers, "webhook-id": message_id[:-1] + "~~"}, body, secret.text, pair.public.text)
    assert not accepted(headers, body)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200), raw_secrets)
def test_the_published_python_library_agrees(text: str, raw: bytes) -> None:
    secret, now, body = SharedSecret(raw), datetime.now(UTC), orjson.dumps({"text": text})
    published = standardwebhooks.Webhook(secret.text)
    published.verify(body, sign("msg_1", now, body, [new_secret(), secret, new_private_key()]))
    theirs = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": published.sign("msg_1", now, body.decode()),
    }
    assert accepted(theirs, body, new_secret().text, secret.text, now=now)
    assert not accepted(theirs, body, new_secret().text, now=now)


def test_the_published_javascript_library_and_nodes_own_ed25519_agree(node: Node) -> None:
    secret, other, pair, now = new_secret(), new_secret(), new_private_key(), datetime.now(UTC)
    timestamp = int(now.timestamp())
    ours = sign("msg_1", now, BODY, [other, secret, pair])
    told = orjson.loads(
        node.run(
            _JAVASCRIPT,
            stdin=orjson.dumps(
                [
                    {"do": "verify", "secret": secret.text, "headers": ours, "body": BODY.decode()},
                    {"do": "verify", "secret": new_secret().text, "headers": ours, "body": BODY.decode()},
                    {"do": "sign", "secret": secret.text, "id": "m2", "timestamp": timestamp, "body": BODY.decode()},
                    {
                        "do": "ed25519",
                        "key": base64.b64encode(pair.public.raw).decode(),
                        "content": f"msg_1.{timestamp}.{BODY.decode()}",
                        "signature": ours["webhook-signature"].rpartition("v1a,")[2],
                    },
                ]
            ),
        )
    )
    assert told[0] is True
    assert told[1] == "No matching signature found"
    theirs = {"webhook-id": "m2", "webhook-timestamp": str(timestamp), "webhook-signature": told[2]}
    assert accepted(theirs, BODY, secret.text, now=now)
    assert told[3] is True


def test_the_signature_of_the_specification_is_the_same() -> None:
    # The test vector that the specification's own libraries share.
    secret = read_signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sent_at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at, b'{"test": 2432232314}', [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("off_s", [-301, 301, -(10**6), 10**9])
def test_a_message_of_another_time_is_refused(off_s: int) -> None:
    secret = new_secret()
    message = read_signed_message(sign("m", NOW + timedelta(seconds=off_s), BODY, [secret]).items())
    with pytest.raises(TimestampRefused) as refused:
        message.verify(BODY, [secret], NOW)
    assert refused.value.status == 401


@pytest.mark.parametrize("off_s", [-300, 0, 300])
def test_clocks_may_differ_by_five_minutes(off_s: int) -> None:
    secret = new_secret()
    read_signed_message(sign("m", NOW + timedelta(seconds=off_s), BODY, [secret]).items()).verify(BODY, [secret], NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_must_be_there_once(name: str) -> None:
    headers = sign("m", NOW, BODY, [new_secret()])
    with pytest.raises(HeaderMissing):
        read_signed_message((key, value) for key, value in headers.items() if key != name)
    with pytest.raises(HeaderMissing):
        read_signed_message({**headers, name: ""}.items())
    with pytest.raises(HeaderMalformed):
        read_signed_message([*headers.items(), (name.upper(), headers[name])])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("webhook-id", value) for value in ("a.b", "a b", "ü", "x" * 129, "a\n", "\x7f")),
        *(
            ("webhook-timestamp", value)
            for value in ("0", "-5", "1.5", "1e9", "inf", "nan", " 1700000000", "١٧", "9" * 12, "0x1", "1_000")
        ),
        *(
            ("webhook-signature", value)
            for value in (
                "v1",
                "v1,",
                ",",
                "v1,a,b",
                "v1,*",
                "v1,A",
                "v1,AA=",
                "v1,ü",
                " v1,AAAA",
                "v1,AAAA  v1,AAAA",
                "v1,AAAA\tv1,AAAA",
                "V1,AAAA",
                "v1a;AAAA",
                " ".join(["v1,AAAA"] * 17),
                "v9," + "A" * 5000,
            )
        ),
    ],
)
def test_a_malformed_header_is_a_refusal_and_no_accident(name: str, value: str) -> None:
    headers = {**sign("m", NOW, BODY, [new_secret()]), name: value}
    with pytest.raises(HeaderMalformed) as refused:
        read_signed_message(headers.items())
    assert refused.value.status == 400


def test_a_scheme_of_a_later_version_is_passed_over() -> None:
    secret = new_secret()
    headers = sign("m", NOW, BODY, [secret])
    headers["webhook-signature"] = "v2,AAAA " + headers["webhook-signature"]
    assert accepted(headers, BODY, secret.text)
    headers["webhook-signature"] = "v2,AAAA"
    assert not accepted(headers, BODY, secret.text)


def test_a_signature_counts_only_as_the_scheme_that_it_names() -> None:
    secret, pair = new_secret(), new_private_key()
    headers = sign("m", NOW, BODY, [secret, pair])
    swapped = headers["webhook-signature"].replace("v1a,", "x,").replace("v1,", "v1a,").replace("x,", "v1,")
    assert not accepted({**headers, "webhook-signature": swapped}, BODY, secret.text, pair.public.text)


def test_ten_thousand_mutations_are_refused_and_nothing_else() -> None:
    chance, secret, pair = Random(11), new_secret(), new_private_key()
    verifiers: list[Verifier] = [secret, pair.public]
    for _ in range(10_000):
        headers = sign("msg_1", NOW, BODY, [secret])
        name = chance.choice([*headers, "body"])
        content = bytearray(BODY if name == "body" else headers[name].encode())
        before = bytes(content)
        while bytes(content) == before:
            mutate(content, chance)
        if name == "body":
            body = bytes(content)
        else:
            body, headers[name] = BODY, content.decode("latin-1")
        with pytest.raises(WebhookRefused):
            read_signed_message(headers.items()).verify(body, verifiers, NOW)


def mutate(content: bytearray, chance: Random) -> None:
    """Change one byte, add one, or take one away."""
    place = chance.randrange(len(content) + 1)
    act = chance.randrange(3)
    if act == 0:
        content.insert(place, chance.randrange(256))
    elif content and act == 1:
        del content[place % len(content)]
    elif content:
        content[place % len(content)] = chance.randrange(256)


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()))
def test_whatever_the_headers_hold_it_is_read_or_refused(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused) as refused:
        read_signed_message(headers.items()).verify(BODY, [new_secret()], NOW)
    assert refused.value.status in {400, 401}


@given(raw_secrets, st.binary(min_size=32, max_size=32))
def test_keys_are_read_as_they_are_written(raw: bytes, seed: bytes) -> None:
    secret, pair = SharedSecret(raw), PrivateKey(seed)
    assert read_signer(secret.text) == read_verifier(secret.text.rstrip("=")) == secret
    assert read_signer(pair.text) == pair
    assert read_verifier(pair.public.text) == pair.public
    both = "whsk_" + base64.b64encode(seed + pair.public.raw).decode()
    assert read_signer(both) == pair
    assert base64.b64encode(raw).decode() not in repr(secret)
    assert base64.b64encode(seed).decode() not in repr(pair)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_" + "A" * 30,
        "whsec_" + "A" * 90,
        "whsec_" + "ü" * 40,
        "A" * 43,
        "whsk_AAAA",
        "whpk_AAAA",
        "whsk_" + "A" * 86 + "==",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        read_signer(text)
    with pytest.raises(BadKey):
        read_verifier(text)


def test_a_message_cannot_be_signed_with_a_name_that_moves_borders() -> None:
    for message_id in ("", "a.b", "ü", "a b"):
        with pytest.raises(ValueError, match="an id of 1 to 128"):
            sign(message_id, NOW, BODY, [new_secret()])
    with pytest.raises(ValueError, match="a signer"):
        sign("m", NOW, BODY, [])
