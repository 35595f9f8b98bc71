"""Keys of partners: shown once, sealed, two valid at a time, revoked at once."""

from datetime import timedelta
from typing import Any

import pytest

from services.matching.webhook_secrets.rules import OVERLAP_HOURS
from shared.auth import Role
from shared.clock import utc_now
from shared.webhooks import new_private_key, read_verifier
from tests.matching.conftest import Quarter
from tests.matching.pushing import Pushing, batch, fates, pushing


@pytest.fixture
async def partner(quarter: Quarter) -> Pushing:
    return Pushing(quarter, await quarter.partner())


async def test_a_key_is_shown_once_and_kept_sealed(partner: Pushing, owner: Any) -> None:
    made = await partner.key()
    read_verifier(made["secret"])
    assert made["webhook_url"] == partner.address
    assert made["hint"] == made["secret"].rstrip("=")[-4:]
    address = f"{partner.desk}/webhook-secrets"
    read = await partner.quarter.read(f"{address}/{made['id']}")
    listed = await partner.quarter.read(address)
    assert "secret" not in read
    assert read == {key: value for key, value in made.items() if key not in {"secret", "webhook_url"}}
    assert listed["items"] == [read]
    rows = await owner.fetch(
        "SELECT * FROM matching.webhook_secrets WHERE tenant_id = $1", partner.quarter.caller.tenant
    )
    secret = made["secret"].removeprefix("whsec_")
    assert all(
        secret.encode() not in (value if isinstance(value, bytes) else repr(value).encode()) for value in rows[0]
    )


async def test_asking_again_under_the_same_id_makes_one_key(partner: Pushing) -> None:
    body = {"id": str(partner.quarter.areas["d"]), "mode": "sandbox"}
    address = f"{partner.desk}/webhook-secrets"
    first, again = [await partner.quarter.post(address, body) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["cache-control"] == "no-store"
    assert (first.json()["secret"] is None, again.json()["secret"]) == (False, None)
    other = await partner.quarter.post(address, body | {"mode": "live"})
    assert other.json()["code"] == "id_taken"


async def test_an_idempotency_key_does_not_keep_the_secret(partner: Pushing, owner: Any) -> None:
    headers = {**partner.quarter.officer, "Idempotency-Key": "k1"}
    answer = await partner.quarter.http.post(f"{partner.desk}/webhook-secrets", json={}, headers=headers)
    assert answer.json()["secret"]
    kept = await owner.fetchval(
        "SELECT count(*) FROM matching.idempotency_keys WHERE tenant_id = $1 AND key = 'k1'",
        partner.quarter.caller.tenant,
    )
    assert kept == 0


async def test_two_keys_are_valid_while_one_takes_over(partner: Pushing) -> None:
    old, new = await partner.key(), await partner.key()
    third = await partner.quarter.post(f"{partner.desk}/webhook-secrets", {"mode": "live"})
    assert third.json()["code"] == "too_many_webhook_secrets"
    seen = await partner.quarter.read(f"{partner.desk}/webhook-secrets/{old['id']}")
    ends = utc_now() + timedelta(hours=OVERLAP_HOURS)
    assert abs((ends - utc_now().fromisoformat(seen["expires_at"])).total_seconds()) < 60
    for secrets in ([old["secret"]], [new["secret"]], [old["secret"], new["secret"]]):
        assert (await partner.push(batch(partner.item()), secrets=secrets)).status_code == 202
    # Those of the sandbox are counted apart.
    await partner.key("sandbox")


async def test_the_old_key_ends_when_its_time_is_over(partner: Pushing, owner: Any) -> None:
    old = await partner.key()
    assert (await partner.push(batch(partner.item()))).status_code == 202
    await partner.key(overlap_hours=0)
    # The process still remembers that the old one was valid a moment ago.
    assert (await partner.push(batch(partner.item()), secrets=[old["secret"]])).status_code == 401
    seen = await partner.quarter.read(f"{partner.desk}/webhook-secrets/{old['id']}")
    assert seen["valid"] is False
    await partner.key()


async def test_a_revoked_key_ends_at_once_and_the_other_goes_on(partner: Pushing) -> None:
    old, new = await partner.key(), await partner.key()
    body = batch(partner.item())
    assert (await partner.push(body, "msg_1", secrets=[old["secret"]])).status_code == 202
    address = f"{partner.desk}/webhook-secrets/{old['id']}/revoke"
    assert (await partner.quarter.post(address)).status_code == 428
    stale = await partner.quarter.post(address, version=1)
    assert stale.status_code == 412
    revoked = await partner.quarter.made(address, None, version=2)
    assert (revoked["valid"], revoked["revoked_by"] is not None) == (False, True)
    for message_id in ("msg_1", "msg_2"):
        refused = await partner.push(body, message_id, secrets=[old["secret"]])
        assert (refused.status_code, refused.json()["code"]) == (401, "webhook_signature_refused")
    assert (await partner.push(body, "msg_3", secrets=[new["secret"]])).status_code == 202
    again = await partner.quarter.post(address, version=3)
    assert again.json()["code"] == "webhook_secret_revoked"


async def test_a_partner_may_sign_with_a_key_pair_of_its_own(partner: Pushing) -> None:
    pair = new_private_key()
    made = await partner.key(public_key=pair.public.text)
    assert (made["secret"], made["scheme"]) == (None, "v1a")
    partner.secrets = [pair.text]
    assert fates(await partner.pushed(partner.item())) == ["created"]
    assert (await partner.push(batch(partner.item()), secrets=[new_private_key().text])).status_code == 401
    address = f"{partner.desk}/webhook-secrets"
    bad = await partner.quarter.post(address, {"public_key": "whpk_AAAA"})
    assert (bad.status_code, bad.json()["code"]) == (422, "not_a_public_key")


async def test_only_a_vetted_partner_gets_a_live_key_and_anybody_a_sandbox(quarter: Quarter) -> None:
    applied = Pushing(quarter, await quarter.partner(vetted=False))
    refused = await quarter.post(f"{applied.desk}/webhook-secrets", {"mode": "live"})
    assert (refused.status_code, refused.json()["code"]) == (409, "partner_not_vetted")
    await applied.key("sandbox")


async def test_the_district_may_ask_for_a_conformance_run_first(partner: Pushing) -> None:
    quarter = partner.quarter
    assert (await quarter.read("/v1/webhook-policy"))["requires_conformance"] is False
    body = {"requires_conformance": True}
    assert (await quarter.call("PUT", "/v1/webhook-policy", body)).status_code == 403
    administrator = quarter.holding(Role.ADMINISTRATOR)
    for version in (1, 2):
        put = await quarter.call("PUT", "/v1/webhook-policy", body, by=administrator)
        assert (put.status_code, put.json()["version"]) == (200, version)
    refused = await quarter.post(f"{partner.desk}/webhook-secrets", {"mode": "live"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conformance_required")


async def test_only_the_partner_and_officers_of_its_area_handle_its_keys(partner: Pushing) -> None:
    quarter, address = partner.quarter, f"{partner.desk}/webhook-secrets"
    made = await quarter.made(address, {}, by=quarter.staff_of("school"))
    for stranger in (quarter.staff_of("club"), quarter.holding(Role.OFFICER, "elsewhere"), quarter.resident):
        assert (await quarter.post(address, {}, by=stranger)).status_code == 403
        assert (await quarter.get(address, by=stranger)).status_code == 403
        assert (await quarter.get(f"{address}/{made['id']}", by=stranger)).status_code == 403
        revoke = f"{address}/{made['id']}/revoke"
        assert (await quarter.post(revoke, by=stranger, version=1)).status_code == 403


async def test_another_tenant_sees_none_of_it(partner: Pushing, elsewhere: Quarter) -> None:
    made = await partner.key()
    assert (await elsewhere.get(f"{partner.desk}/webhook-secrets/{made['id']}")).status_code == 404
    stranger = await pushing(elsewhere)
    body = batch(partner.item())
    address = f"/v1/webhooks/{elsewhere.caller.tenant}/{partner.partner['id']}"
    answer = await elsewhere.http.post(address, content=body, headers=partner.signed(body))
    assert answer.status_code == 401
    assert (await stranger.push(batch(stranger.item()))).status_code == 202


async def test_a_revoked_key_reads_no_more_reports(partner: Pushing) -> None:
    made = await partner.key()
    report = await partner.pushed(partner.item())
    await partner.quarter.made(f"{partner.desk}/webhook-secrets/{made['id']}/revoke", None, version=1)
    assert (await partner.ask(report["id"])).status_code == 401
    await partner.key()
    assert (await partner.ask(report["id"])).status_code == 200
