"""The clock of one's own machine can be moved, and only that one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared import clock


@pytest.fixture(autouse=True)
def _fresh() -> None:
    clock._moved_clock.cache_clear()


def days_ahead() -> float:
    return (clock.utc_now() - clock.machine_now()) / timedelta(days=1)


def test_a_moved_clock_is_seen_at_once_and_the_machines_own_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "clock"
    monkeypatch.setenv("LINLI_CLOCK_FILE", str(path))
    monkeypatch.setenv("LINLI_EMBEDDED", "1")
    clock._moved_clock.cache_clear()
    assert abs(days_ahead()) < 0.01
    for days in (1, 40):
        path.with_name("new").write_text(str(days * 86_400), encoding="ascii")
        path.with_name("new").replace(path)
        assert abs(days_ahead() - days) < 0.01
    assert abs(clock.machine_now() - datetime.now(UTC)) < timedelta(seconds=5)
    path.write_text("nonsense", encoding="ascii")
    assert abs(days_ahead()) < 0.01
    clock._moved_clock.cache_clear()


@pytest.mark.parametrize("embedded", ["", "0", "no"])
def test_nobody_moves_the_clock_in_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, embedded: str) -> None:
    path = tmp_path / "clock"
    path.write_text("8640000", encoding="ascii")
    monkeypatch.setenv("LINLI_CLOCK_FILE", str(path))
    monkeypatch.setenv("LINLI_EMBEDDED", embedded)
    clock._moved_clock.cache_clear()
    assert abs(days_ahead()) < 0.01
    clock._moved_clock.cache_clear()


def test_books_are_kept_by_the_day_of_china(monkeypatch: pytest.MonkeyPatch) -> None:
    late = datetime(2026, 3, 31, 17, 0, tzinfo=UTC)
    monkeypatch.setattr(clock, "utc_now", lambda: late)
    assert clock.today().isoformat() == "2026-04-01"
