import base64
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.gateway.callers import Callers
from services.gateway.callers.keys import read_keys
from shared.auth import ANONYMOUS, Principal, SigningKey, mint_access, mint_internal
from shared.clock import utc_now
from tests.gateway.conftest import OpenDoor
from tests.gateway.house import Door, Service, person


def claims(**changes: Any) -> dict[str, Any]:
    now = int(utc_now().timestamp())
    whole: dict[str, Any] = {
        "iss": "linli",
        "aud": "linli",
        "sub": "0198c0de-0000-7000-8000-000000000000",
        "tenant": "huancui",
        "kind": "person",
        "grants": [],
        "iat": now,
        "exp": now + 900,
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def token(key: SigningKey, *, kid: str | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key.private, algorithm="EdDSA", headers={"kid": kid or key.kid})


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(key: SigningKey, case: str) -> str:
    """Make the Authorization value of one case of forgery or mistake."""
    stranger = SigningKey(Ed25519PrivateKey.generate())
    raw_public = key.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    good = token(key)
    head, _, signature = good.split(".")
    made = {
        "expired": token(key, exp=int(utc_now().timestamp()) - 60),
        "not yet issued": token(key, iat=int(utc_now().timestamp()) + 600),
        "stranger's key under our name": token(stranger, kid=key.kid),
        "stranger's key": token(stranger),
        "no algorithm": f"{segment({'alg': 'none', 'typ': 'JWT', 'kid': key.kid})}.{segment(claims())}.",
        "public key as HMAC secret": jwt.encode(
            claims(), raw_public + b"0" * 32, algorithm="HS256", headers={"kid": key.kid}
        ),
        "changed claims": f"{head}.{segment(claims(tenant='other'))}.{signature}",
        "cut signature": good[:-6],
        "other audience": token(key, aud="intake"),
        "other issuer": token(key, iss="linli-gateway"),
        "internal token": mint_internal(person(), "intake", key),
        "no expiry": token(key, exp=None),
        "no tenant": token(key, tenant=""),
        "odd tenant": token(key, tenant="a'b"),
        "no subject": token(key, sub=None),
        "subject that is no id": token(key, sub="root"),
        "unknown role": token(key, grants=[{"role": "king", "path": "a"}]),
        "anonymous": mint_access(ANONYMOUS, key),
        "no key id": jwt.encode(claims(), key.private, algorithm="EdDSA"),
        "not a token": "abc",
        "huge": "a" * 17_000,
    }
    return f"Bearer {made[case]}"


CASES = [
    "expired", "not yet issued", "stranger's key under our name", "stranger's key", "no algorithm", "public key as HMAC secret", "changed claims",
    "cut signature", "other audience", "other issuer", "internal token", "no expiry", "no tenant", "odd tenant", "no subject", "subject that is no id",
    "unknown role", "anonymous", "no key id", "not a token", "huge",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_no_false_token_passes_and_nothing_is_forwarded(door: Door, token_key: SigningKey) -> None:
    for case in CASES:
        answer = await door.client.get("/v1/cases", headers={"Authorization": forged(token_key, case)})
        assert answer.status_code == 401, case
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer"), case
        assert answer.json()["code"] == ("token_expired" if case == "expired" else "token_invalid"), case
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert door.service.seen == []


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "Bearer", "Token abc", "bearer"])
async def test_another_scheme_is_refused(door: Door, value: str) -> None:
    assert (await door.client.get("/v1/cases", headers={"Authorization": value})).status_code == 401
    assert door.service.seen == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_good_token_passes_however_the_scheme_is_written(door: Door, scheme: str) -> None:
    value = door.bearer()["Authorization"].replace("Bearer", scheme)
    assert (await door.client.get("/v1/cases", headers={"Authorization": value})).status_code == 200


async def test_a_system_principal_needs_no_subject(door: Door) -> None:
    system = Principal("huancui", None, "system")
    assert (await door.client.get("/v1/cases", headers=door.bearer(system))).status_code == 200


async def test_a_token_is_remembered_only_until_it_expires(door: Door) -> None:
    callers = door.gateway.callers
    header = door.bearer(ttl_s=60)["Authorization"].encode()
    caller = await callers.verify(header, 1000.0)
    assert callers.known(header, 1059.0) is caller
    # The leeway of five seconds is part of its life.
    assert callers.known(header, 1066.0) is None
    assert callers.known(header, 1000.0) is None


async def test_an_internal_token_is_used_again_until_shortly_before_its_end(door: Door) -> None:
    callers = door.gateway.callers
    caller = await callers.verify(door.bearer()["Authorization"].encode(), 0.0)
    caller.good_until = float("inf")
    first = callers.bearer(caller, "intake", 1000.0)
    assert callers.bearer(caller, "intake", 1049.0) == first
    assert callers.bearer(caller, "intake", 1051.0) != first
    life = jwt.decode(first.removeprefix(b"Bearer "), options={"verify_signature": False})
    assert life["exp"] - life["iat"] <= 60


async def test_the_memory_of_tokens_is_bounded_and_forgets_the_least_used(door: Door, token_key: SigningKey) -> None:
    callers = Callers(door.gateway.keys, door.internal_key, tokens_max=3)
    headers = [f"Bearer {mint_access(person(), token_key)}".encode() for _ in range(4)]
    for header in headers[:3]:
        await callers.verify(header, 0.0)
    assert callers.known(headers[0], 0.0)
    await callers.verify(headers[3], 0.0)
    assert [callers.known(header, 0.0) is not None for header in headers] == [True, False, True, True]


async def test_a_new_key_is_found_and_a_withdrawn_one_no_longer_opens(door: Door, token_key: SigningKey) -> None:
    old = door.bearer()
    assert (await door.client.get("/v1/cases", headers=old)).status_code == 200
    fresh = SigningKey(Ed25519PrivateKey.generate())
    door.service.keys = [fresh]
    door.gateway.keys._tried_at -= 60
    new = {"Authorization": f"Bearer {mint_access(person(), fresh)}"}
    assert (await door.client.get("/v1/cases", headers=new)).status_code == 200
    assert (await door.client.get("/v1/cases", headers=old)).status_code == 401
    assert token_key.kid not in door.gateway.keys._keys


async def test_unknown_key_ids_do_not_storm_the_directory(door: Door) -> None:
    await door.client.get("/v1/cases", headers=door.bearer())
    asked = door.service.jwks_asked
    stranger = SigningKey(Ed25519PrivateKey.generate())
    for _ in range(20):
        headers = {"Authorization": f"Bearer {mint_access(person(), stranger)}"}
        assert (await door.client.get("/v1/cases", headers=headers)).status_code == 401
    assert door.service.jwks_asked <= asked + 1


async def test_with_no_key_ever_seen_the_answer_is_try_again(open_door: OpenDoor) -> None:
    door = await open_door(urls={"directory": "http://127.0.0.1:1"})
    answer = await door.client.get("/v1/cases", headers=door.bearer())
    assert answer.status_code == 503
    assert answer.json()["code"] == "keys_unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    assert (await door.client.get("/v1/cases")).status_code == 200, "who shows no token needs no key"


async def test_known_keys_outlive_the_directory(open_door: OpenDoor, token_key: SigningKey) -> None:
    door = await open_door(service=Service(keys=[token_key]))
    assert (await door.client.get("/v1/cases", headers=door.bearer())).status_code == 200
    keys = door.gateway.keys
    keys._url = "http://127.0.0.1:1/gone"
    await keys._fetch()
    assert (await door.client.get("/v1/cases", headers=door.bearer())).status_code == 200


def test_only_ed25519_keys_are_read(token_key: SigningKey) -> None:
    rsa = {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"}
    assert set(read_keys({"keys": [rsa, token_key.jwk]})) == {token_key.kid}
    short = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AA"}]}
    wrongs: list[object] = [[], {"keys": 1}, "x", short]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"JWKS|32 bytes"):
            read_keys(wrong)


async def test_the_gateway_forwards_the_directorys_keys(door: Door, token_key: SigningKey) -> None:
    assert (await door.client.get("/.well-known/jwks.json")).json() == {"keys": [token_key.jwk]}


async def test_two_subjects_of_two_tenants_have_two_budgets(door: Door) -> None:
    one = person("huancui")
    other = replace(one, tenant="chengkou")
    keys = {
        (await door.gateway.callers.verify(door.bearer(who)["Authorization"].encode(), 0.0)).limit_key
        for who in (one, other)
    }
    assert len(keys) == 2
