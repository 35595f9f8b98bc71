"""The people of the packs, as they sign in: staff by password, residents by phone and one-time code.

The code is read where a developer reads it: in the directory's log, to which the sender of one's own machine writes.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final
from uuid import UUID

from seeds.client import Answer, Caller
from seeds.config import Config, ConfigProblem
from seeds.pack import Pack, read_pack
from seeds.story import StoryBroken

__all__ = ["House"]

_CODE_SENT: Final = 202
_SIGNED_IN: Final = 200
_CODES_MAX: Final = 5
_CODE_DEADLINE_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.02
_DAY_S: Final = 86_400
_CHINA: Final = timezone(timedelta(hours=8))


@dataclass(slots=True)
class House:
    """One running house with one tenant's pack loaded."""

    config: Config
    nobody: Caller
    pack: Pack
    _known: dict[str, Caller] = field(default_factory=dict)

    def id(self, kind: str, key: str) -> UUID:
        """Return the id of a row of the pack."""
        return self.pack.id(kind, key)

    def elsewhere(self, tenant: str) -> "House":
        """Return the same house seen from another tenant."""
        return House(self.config, self.nobody, read_pack(tenant))

    async def knows_staff(self, key: str) -> bool:
        """Tell whether a member of staff can sign in, which nobody can before the pack is loaded."""
        return (await self._by_password(key)).status == _SIGNED_IN

    async def staff(self, key: str) -> Caller:
        """Sign a member of staff in; the second time they are still signed in."""
        if key not in self._known:
            answer = await self._by_password(key)
            if answer.status != _SIGNED_IN:
                message = (
                    f"{key} of {self.pack.tenant} cannot sign in (is the pack loaded with this password?): {answer}"
                )
                raise StoryBroken(message)
            self._known[key] = self._caller(answer)
        return self._known[key]

    async def _by_password(self, key: str) -> Answer:
        body = {"tenant": self.pack.tenant, "username": key, "password": self.config.password}
        return await self.nobody.post("/v1/sign-in/password", body)

    async def resident(self, key: str) -> Caller:
        """Sign a resident in by phone and one-time code.

        A code is good until the next one is asked for: when somebody else signs in with the same phone at the same
        moment, one of the two has to ask again.
        """
        for _ in range(_CODES_MAX):
            if key not in self._known:
                await self._try_code(key)
        if key not in self._known:
            message = f"{key} of {self.pack.tenant} cannot sign in with any of {_CODES_MAX} one-time codes"
            raise StoryBroken(message)
        return self._known[key]

    async def _try_code(self, key: str) -> None:
        wanted = {"tenant": self.pack.tenant, "phone": self.pack.row("residents", key)["phone"]}
        log = self._code_log()
        seen_bytes = log.stat().st_size if log.exists() else 0
        sent = await self.nobody.post("/v1/sign-in/codes", wanted)
        if sent.status != _CODE_SENT:
            message = f"no one-time code for {key}: {sent}"
            raise StoryBroken(message)
        code = await _code_in(log, seen_bytes, **wanted)
        answer = await self.nobody.post("/v1/sign-in/code", {**wanted, "code": code})
        if answer.status == _SIGNED_IN:
            self._known[key] = self._caller(answer)

    def let_pass(self, days: int) -> date:
        """Move the house's clock forward by some days; returns the day that it is then in China."""
        path = self.config.clock_file
        if path is None:
            message = "LINLI_CLOCK_FILE is not set: only a house on one machine lets its clock be moved"
            raise ConfigProblem(message)
        moved_s = self._moved_s() + days * _DAY_S
        unfinished = path.with_name(path.name + ".new")
        unfinished.write_text(str(moved_s), encoding="ascii")
        unfinished.replace(path)
        return self.today()

    def now(self) -> datetime:
        """Return the time that it is in the house."""
        return datetime.now(_CHINA) + timedelta(seconds=self._moved_s())

    def today(self) -> date:
        """Return the day that it is in the house, by the time of China."""
        return self.now().date()

    def _moved_s(self) -> int:
        try:
            return int(self.config.clock_file.read_text(encoding="ascii")) if self.config.clock_file else 0
        except (OSError, ValueError):
            return 0

    def _caller(self, answer: Answer) -> Caller:
        return self.nobody.signed_in(answer.body["access_token"], UUID(answer.body["person_id"]))

    def _code_log(self) -> Path:
        if self.config.code_log is None:
            message = "LINLI_CODE_LOG is not set: the log in which the directory shows one-time codes"
            raise ConfigProblem(message)
        return self.config.code_log


async def _code_in(log: Path, seen_bytes: int, *, tenant: str, phone: str) -> str:
    """Return the code for a phone from what the log has gained since."""
    deadline = time.perf_counter() + _CODE_DEADLINE_S
    while time.perf_counter() < deadline:
        for line in reversed(_lines_after(log, seen_bytes)):
            entry = _entry(line)
            if entry.get("phone") == phone and entry.get("tenant") == tenant and "code" in entry:
                return str(entry["code"])
        await asyncio.sleep(_LOOK_AGAIN_S)
    message = f"{log} shows no one-time code for {phone} of {tenant} within {_CODE_DEADLINE_S:.0f} s"
    raise StoryBroken(message)


def _lines_after(log: Path, seen_bytes: int) -> list[str]:
    if not log.exists():
        return []
    with log.open("rb") as file:
        # A log that is shorter than it was has been begun anew.
        file.seek(seen_bytes if log.stat().st_size >= seen_bytes else 0)
        return file.read().decode("utf-8", errors="replace").splitlines()


def _entry(line: str) -> dict[str, object]:
    """Read one structured line; whatever precedes the object (a process name) is passed over."""
    try:
        entry = json.loads(line[line.index("{") :])
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
