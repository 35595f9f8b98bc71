"""The data folder: secrets, ports, and who has it."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from services.stack.home import Home, HomeBusy, PortTaken, new_secrets
from shared.auth import public_key_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "data")
    home.folder.mkdir()
    return home


def test_secrets_are_made_once_and_only_their_owner_reads_them(home: Home) -> None:
    umask = os.umask(0)
    try:
        secrets = home.secrets()
        home.write_run({"supervisor": 1})
    finally:
        os.umask(umask)
    assert home.secrets() == secrets
    for name in ("secrets.json", "run.json"):
        assert stat.S_IMODE((home.folder / name).stat().st_mode) == 0o600


def test_every_set_of_secrets_is_new_and_its_pair_of_keys_fits() -> None:
    first, second = new_secrets(), new_secrets()
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())
    assert len(set(first.values())) == len(first)
    assert public_key_of(first["LINLI_INTERNAL_PRIVATE_KEY"]) == first["LINLI_INTERNAL_PUBLIC_KEY"]


def test_a_folder_has_one_house_at_a_time(home: Home) -> None:
    home.claim()
    other = Home(home.folder)
    with pytest.raises(HomeBusy):
        other.claim()
    with pytest.raises(HomeBusy):
        other.remove()
    other.release()
    assert home.folder.exists()
    home.release()
    other.claim()
    other.release()


def test_what_a_killed_house_noted_is_not_believed(home: Home) -> None:
    home.claim()
    home.write_run({"supervisor": os.getpid(), "url": "http://127.0.0.1:1"})
    assert Home(home.folder).read_run() is not None
    assert home._lock is not None
    home._lock.close()  # as the end of the process does
    assert home.run_file.exists()
    assert Home(home.folder).read_run() is None


def test_ports_are_kept_unless_somebody_has_taken_them(home: Home) -> None:
    first = home.ports(any_free=True)
    assert len(set(first.values())) == len(first)
    assert Home(home.folder).ports() == first
    with socket.create_server(("127.0.0.1", first["gateway"])), socket.create_server(("127.0.0.1", first["postgres"])):
        second = Home(home.folder).ports()
        assert second["gateway"] != first["gateway"]
        assert second["postgres"] != first["postgres"]
        assert second["ledger"] == first["ledger"]


def test_a_port_asked_for_by_number_is_had_or_refused(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            home.ports(gateway=port)
    assert home.ports(gateway=port)["gateway"] == port


@pytest.mark.parametrize("content", ["", "{", "[]", '{"gateway": "x"}', json.dumps({"gateway": 0})])
def test_a_damaged_note_of_ports_is_passed_over(home: Home, content: str) -> None:
    (home.folder / "ports.json").write_text(content)
    assert set(home.ports(any_free=True)) >= {"gateway", "worker", "postgres", "valkey"}


def test_deleting_takes_everything(home: Home) -> None:
    home.secrets()
    home.remove()
    assert not home.folder.exists()
