"""Residents sign in with the code that the log shows for their phone, and ask again when it was overtaken."""

import json
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from seeds.client import Caller
from seeds.config import Config, ConfigProblem, read_config
from seeds.house import House
from seeds.ids import fresh_id
from seeds.pack import read_pack
from seeds.story import StoryBroken

PHONE = "13800001001"


class Desk:
    """A directory that writes codes to a log and lets only some of them in."""

    def __init__(self, log: Path, *, good_from: int) -> None:
        self.log = log
        self.good_from = good_from
        self.codes = 0
        self.person_id = fresh_id()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        wanted = json.loads(request.content)
        if request.url.path.endswith("/codes"):
            self.codes += 1
            with self.log.open("a") as log:
                log.write("not a structured line\n")
                log.write(self._line("chengkou", wanted["phone"], "000000"))
                log.write(self._line(wanted["tenant"], wanted["phone"], f"{self.codes:06d}"))
                log.write(self._line(wanted["tenant"], "13800009999", "999999"))
            return httpx.Response(202, json={"expires_in_s": 300})
        if int(wanted["code"]) != self.codes or self.codes < self.good_from:
            return httpx.Response(401, json={"code": "wrong_credentials"})
        return httpx.Response(200, json={"access_token": "token", "person_id": str(self.person_id)})

    def _line(self, tenant: str, phone: str, code: str) -> str:
        return json.dumps({"event": "one-time code", "tenant": tenant, "phone": phone, "code": code}) + "\n"

    async def admits(self) -> UUID | None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="http://house") as http:
            config = Config("http://house", {}, "password", self.log)
            return (await House(config, Caller(http), read_pack("huancui")).resident("restaurant")).person_id


@pytest.mark.parametrize("good_from", [1, 5])
async def test_a_resident_gets_in_by_the_newest_code_of_the_own_phone_and_tenant(
    tmp_path: Path, good_from: int
) -> None:
    log = tmp_path / "directory.log"
    log.write_text(json.dumps({"tenant": "huancui", "phone": PHONE, "code": "123456"}) + "\n")
    desk = Desk(log, good_from=good_from)
    assert await desk.admits() == desk.person_id
    assert desk.codes == good_from


async def test_a_resident_whose_codes_never_work_breaks_the_story(tmp_path: Path) -> None:
    with pytest.raises(StoryBroken, match="cannot sign in"):
        await Desk(tmp_path / "directory.log", good_from=99).admits()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"LINLI_URL": ""}, "LINLI_URL"),
        ({"LINLI_SEED_PASSWORD": ""}, "LINLI_SEED_PASSWORD"),
        ({"LINLI_SEED_TOKENS": "token"}, "LINLI_SEED_TOKENS"),
        ({"LINLI_SEED_TOKENS": '{"a": 1}'}, "LINLI_SEED_TOKENS"),
    ],
)
def test_what_is_missing_in_the_environment_is_named(changed: dict[str, str], named: str) -> None:
    whole = {"LINLI_URL": "http://house/", "LINLI_SEED_TOKENS": '{"a": "b"}', "LINLI_SEED_PASSWORD": "secret word"}
    assert read_config(whole).url == "http://house"
    with pytest.raises(ConfigProblem, match=named):
        read_config({**whole, **changed})
