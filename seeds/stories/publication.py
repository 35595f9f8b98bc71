"""The open book: a quarter is closed, its statement published, and checked by people who trust nobody.

结账 · 公示 · 核验. Whoever reads here is not signed in. The verifier is the stand-alone program that any resident can
run; it gets nothing but the downloaded file.
"""

import asyncio
import calendar
import json
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.story import Story, StoryBroken

__all__ = ["OpenBook", "close_quarter", "quarter_of", "verify_book"]

_VERIFIER: Final = Path(__file__).resolve().parents[2] / "docs" / "verifier" / "linli_verify.py"
_MONTHS: Final = 3
_OK, _REFUSED = 0, 1


@dataclass(frozen=True, slots=True)
class OpenBook:
    """A published book, as anybody finds it."""

    path: str
    statement_id: str


def quarter_of(day: date) -> tuple[date, date]:
    """Return the first and the last day of the quarter that a day is in."""
    first_month = (day.month - 1) // _MONTHS * _MONTHS + 1
    last_month = first_month + _MONTHS - 1
    last_day = calendar.monthrange(day.year, last_month)[1]
    return date(day.year, first_month, 1), date(day.year, last_month, last_day)


async def close_quarter(
    story: Story, house: House, treasurer: Caller, book_id: str, days: tuple[date, date], cash: tuple[int, int, int]
) -> OpenBook:
    """Close a period, waiting for its end if need be, and for its signed statement, which everybody then reads.

    `days` are the first and the last of the period; `cash` is what there was in the bank, what came in and what went
    out, in fen.
    """
    first_on, last_on = days
    with story.step("季度结束，结账", "the quarter is over and is closed"):
        wanted = {"id": fresh_id(), "first_on": first_on.isoformat(), "last_on": last_on.isoformat()}
        period = story.took(await treasurer.post(f"/v1/books/{book_id}/periods", wanted), 201)
        if last_on >= house.today():
            early = await treasurer.post(f"/v1/periods/{period['id']}/close", version=period["version"])
            story.refused("closing before its end 未到期结账", early, 409, naming="period_not_over")
            story.note(f"time passes 时间来到 {house.let_pass((last_on - house.today()).days + 1)}")
        closed = story.took(await treasurer.act(f"/v1/periods/{period['id']}", "close"))
        told = closed["document"]["cash"]
        seen = (told["opening"], sum(row["amount"] for row in told["in"]), sum(row["amount"] for row in told["out"]))
        story.expect("opening, in, out 期初、收入、支出", seen, cash)
        story.expect("closing 期末", told["closing"], cash[0] + cash[1] - cash[2])
    return await _find_published(story, house, book_id, closed)


async def _find_published(story: Story, house: House, book_id: str, closed: dict[str, Any]) -> OpenBook:
    path = f"/v1/open-books/{house.pack.tenant}/{book_id}"
    with story.step("公示：任何人无需登录即可查阅", "published: anybody reads it without signing in"):

        async def look() -> list[dict[str, Any]]:
            return list(story.took(await house.nobody.get(f"{path}/statements"))["items"])

        found = await story.until("signed and published 已签名公示", look, bool)
        shown = story.took(await house.nobody.get(f"{path}/statements/{found[0]['id']}"))
        story.expect("the same statement 同一份公示表", shown["document"], closed["document"])
        story.holds("under a signed head 附签名", shown["head"]["note"].startswith("linli/"), str(shown["head"]))
        for form in ("page", "lines.csv", "beancount"):
            answer = await house.nobody.get(f"{path}/statements/{found[0]['id']}/{form}")
            story.expect(f"{form} 可下载", answer.status, 200)
    return OpenBook(path, str(found[0]["id"]))


async def verify_book(story: Story, house: House, book: OpenBook, transaction_id: str) -> None:
    """Let the stand-alone verifier check the downloaded book, and the same with one byte changed."""
    with story.step("居民自行核验账本", "a resident checks the book with the stand-alone verifier"):
        content = story.took(await house.nobody.get(f"{book.path}/book.json"))
        text = json.dumps(content, ensure_ascii=False)
        words = ("--contribution", transaction_id, "--key", content["public_keys"][0])
        code, said = await _verify(text, *words)
        story.expect("accepted 核验通过", code, _OK)
        for line in said.splitlines():
            story.note(line)
    with story.step("改动一个字节，核验拒绝", "one byte is changed, and it is refused"):
        mark = '"amount_fen": '
        at = text.index(mark) + len(mark)
        changed = text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :]
        code, said = await _verify(changed, *words)
        story.expect("refused 核验不通过", code, _REFUSED)
        story.note(next((line for line in said.splitlines() if line.startswith("✗")), said))
    with story.step("单笔入账证明", "the proof that one contribution is in the book"):
        answer = await house.nobody.get(f"{book.path}/proofs/inclusion", transaction_id=transaction_id)
        code, _ = await _verify(json.dumps(story.took(answer), ensure_ascii=False))
        story.expect("accepted 证明有效", code, _OK)


async def _verify(content: str, *words: str) -> tuple[int, str]:
    """Run the verifier as a resident would: Python and the file, and nothing of ours beside it."""
    with tempfile.TemporaryDirectory(prefix="linli-verify-") as folder:
        path = Path(folder) / "book.json"
        path.write_text(content, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(_VERIFIER), str(path), *words, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
    if process.returncode is None:
        message = "the verifier did not end"
        raise StoryBroken(message)
    return process.returncode, said.decode()
