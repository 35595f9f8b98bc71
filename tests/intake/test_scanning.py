"""What is attached is judged before others see it: its structure by us, the rest by a scanner that may be away."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pikepdf
import pytest
from fastapi import FastAPI
from pikepdf import Array, Dictionary, Name

from services.intake.attachments.rules import again_in
from services.intake.attachments.scanners import ClamdScanner, Scanner
from services.intake.attachments.service import judge_held
from services.intake.attachments.settings import ScanningSettings
from services.intake.attachments.tails import hides_a_file, tail_of
from shared.db import Database
from tests.intake.conftest import Json, Street, picture


def pdf(change: Callable[[pikepdf.Pdf], None] | None = None, **options: Json) -> bytes:
    """Write a document of one page."""
    document = pikepdf.new()
    document.add_blank_page()
    document.docinfo["/Author"] = "SECRET AUTHOR"
    if change is not None:
        change(document)
    output = io.BytesIO()
    document.save(output, **options)
    return output.getvalue()


def opens(action: Dictionary) -> Callable[[pikepdf.Pdf], None]:
    def change(document: pikepdf.Pdf) -> None:
        document.Root.OpenAction = action

    return change


def carries(document: pikepdf.Pdf) -> None:
    document.attachments["x.exe"] = b"MZ"


def annotates(document: pikepdf.Pdf) -> None:
    note = Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, Rect=Array([0, 0, 1, 1]))
    document.pages[0].obj.Annots = Array([note])


def names_scripts(document: pikepdf.Pdf) -> None:
    document.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([])))


def acts_on_a_page(document: pikepdf.Pdf) -> None:
    document.pages[0].obj.AA = Dictionary(O=Dictionary(S=Name.Launch, F=pikepdf.String("cmd.exe")))


def fills_in_xfa(document: pikepdf.Pdf) -> None:
    document.Root.AcroForm = Dictionary(Fields=Array([]), XFA=Array([]))


BAD_DOCUMENTS: dict[str, tuple[bytes, str]] = {
    "script": (pdf(opens(Dictionary(S=Name.JavaScript, JS=pikepdf.String("app.alert(1)")))), "active_content"),
    "launch": (pdf(opens(Dictionary(S=Name.Launch))), "active_content"),
    "submits": (pdf(opens(Dictionary(S=Name.SubmitForm))), "active_content"),
    "named-scripts": (pdf(names_scripts), "active_content"),
    "page-action": (pdf(acts_on_a_page), "active_content"),
    "xfa": (pdf(fills_in_xfa), "active_content"),
    "carries-a-file": (pdf(carries), "active_content"),
    "attached-note": (pdf(annotates), "active_content"),
    "encrypted": (pdf(encryption=pikepdf.Encryption(owner="x", user="")), "encrypted_document"),
    "secret": (pdf(encryption=pikepdf.Encryption(owner="x", user="y")), "broken_document"),
    "trailing": (pdf() + b"PK\x05\x06" + bytes(18), "trailing_data"),
    "cut": (pdf()[:-60], "broken_document"),
    "junk": (b"%PDF-1.7\n" + b"no document " * 50 + b"%%EOF", "broken_document"),
    "no-pages": (b"%PDF-1.7\n%%EOF", "broken_document"),
}


@pytest.mark.parametrize("name", BAD_DOCUMENTS)
async def test_a_document_that_is_more_than_paper_is_refused(street: Street, name: str) -> None:
    content, reason = BAD_DOCUMENTS[name]
    response = await street.upload(content)
    assert (response.status_code, response.json()["code"]) == (422, "attachment_refused"), response.text
    assert response.json()["reason"] == reason


async def test_a_document_is_kept_written_anew(street: Street) -> None:
    sent = pdf(opens(Dictionary(S=Name.GoTo, D=Array([0, Name.Fit]))))
    assert b"SECRET AUTHOR" in sent
    kept = (await street.upload(sent)).json()
    assert (kept["media_type"], kept["state"], kept["reason"]) == ("application/pdf", "clean", None)
    response = await street.get(f"/v1/attachments/{kept['id']}")
    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert b"SECRET AUTHOR" not in response.content
    with pikepdf.open(io.BytesIO(response.content)) as document:
        assert len(document.pages) == 1
    case = await street.filed(attachment_ids=[kept["id"]])
    assert case["attachment_ids"] == [kept["id"]]


async def test_a_document_that_unpacks_to_gigabytes_ends_with_its_own_process(street: Street) -> None:
    # Twenty million empty objects in one compressed stream of objects.
    objects = b"0 0 " * 20_000_000
    packed = io.BytesIO()
    holder = pikepdf.new()
    holder.add_blank_page()
    holder.Root.Bomb = holder.make_stream(objects, Type=Name.ObjStm, N=20_000_000, First=80_000_000)
    holder.save(packed, compress_streams=True, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    began = time.perf_counter()
    response = await street.upload(packed.getvalue())
    assert response.status_code in {201, 422}
    assert time.perf_counter() - began < 15
    assert (await street.upload(pdf())).status_code == 201


ZIP_TAIL = b"PK\x03\x04" + bytes(40) + b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "tail",
    [
        ZIP_TAIL,
        pdf(),
        b"\n<html><script>alert(1)</script>",
        b"MZ\x90\x00",
        b"\x7fELF\x02",
        b"<?PHP system('x');",
        b"Rar!\x1a\x07\x00",
    ],
    ids=["zip", "pdf", "html", "exe", "elf", "php", "rar"],
)
async def test_a_file_that_hides_behind_a_picture_is_refused(street: Street, kind: str, tail: bytes) -> None:
    response = await street.upload(picture(kind) + tail)
    assert (response.status_code, response.json()["reason"]) == (422, "hidden_file")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_the_film_behind_a_phones_picture_is_let_go(street: Street, kind: str) -> None:
    film = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 20
    kept = (await street.upload(picture(kind) + film)).json()
    assert kept["state"] == "clean"
    assert b"ftypmp42" not in (await street.get(f"/v1/attachments/{kept['id']}")).content


def test_the_end_of_a_picture_is_found() -> None:
    progressive = picture("JPEG", progressive=True, quality=95)
    for kind, content in (("image/jpeg", progressive), ("image/png", picture("PNG")), ("image/webp", picture("WEBP"))):
        assert tail_of(kind, content) == b""
        assert tail_of(kind, content + b"rest") == b"rest"
        assert tail_of(kind, content[:-5]) == b""
        for cut in range(len(content)):
            assert not hides_a_file(kind, content[:cut])


class Clamd:
    """A fake that speaks clamd's INSTREAM over a socket and says what it is told to say."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.reply: bytes | None = None
        self.closes = False

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            if self.closes:
                return
            content = b""
            while size := int.from_bytes(await reader.readexactly(4), "big"):
                content += await reader.readexactly(size)
            self.seen.append(len(content))
            writer.write((self.reply or b"stream: OK") + b"\0")
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Clamd, str]]:
    fake = Clamd()
    server = await asyncio.start_server(fake.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield fake, f"tcp://127.0.0.1:{port}"


@contextmanager
def asking(apps: dict[str, FastAPI], address: str, timeout_s: float = 5.0) -> Iterator[Scanner]:
    apps["intake"].state.scanner = scanner = ClamdScanner(address, timeout_s=timeout_s)
    yield scanner
    apps["intake"].state.scanner = None


async def nowhere() -> str:
    """Return an address at which nobody listens."""
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return f"tcp://127.0.0.1:{port}"


async def test_the_scanner_of_the_house_is_asked_about_what_is_kept(street: Street, apps: dict[str, FastAPI]) -> None:
    async with listening() as (clamd, address):
        with asking(apps, address):
            kept = (await street.upload(picture())).json()
            assert (kept["state"], clamd.seen) == ("clean", [kept["size_bytes"]])
            clamd.reply = b"stream: Eicar-Signature FOUND"
            refused = await street.upload(picture())
            assert (refused.status_code, refused.json()["reason"]) == (422, "infected")


@pytest.mark.parametrize("trouble", ["refused", "closed", "limit", "silent"])
async def test_while_the_scanner_is_away_a_file_is_held_and_judged_later(
    street: Street, apps: dict[str, FastAPI], databases: dict[str, Database], owner: Any, trouble: str
) -> None:
    tenant, database = street.caller.tenant, databases["intake"]
    async with listening() as (clamd, address):
        clamd.closes = trouble == "closed"
        clamd.reply = b"INSTREAM size limit exceeded. ERROR" if trouble == "limit" else None
        gone = await nowhere() if trouble == "refused" else address
        with asking(apps, gone, timeout_s=0.000_001 if trouble == "silent" else 5) as away:
            held = (await street.upload(picture())).json()
        assert (held["state"], held["reason"]) == ("held", None)
        path = f"/v1/attachments/{held['id']}"
        case = await street.filed(attachment_ids=[held["id"]])
        # Its uploader sees it, the others wait.
        assert (await street.get(path)).status_code == 200
        waiting = await street.get(path, by=street.grid_worker)
        assert (waiting.status_code, waiting.json()["code"]) == (409, "attachment_held")
        assert (await street.get(path, by=street.neighbour)).status_code == 404
        await judge_held(database, tenant, away)
        assert (await street.get(f"{path}/status", by=street.grid_worker)).json()["state"] == "held"
        waits = await owner.fetchrow(
            "SELECT tries, next_at > now() AS later FROM intake.held_attachments WHERE tenant_id = $1", tenant
        )
        assert (waits["tries"], waits["later"]) == (1, True)
        clamd.closes, clamd.reply = False, None
        back = ClamdScanner(address, timeout_s=5)
        seen = len(clamd.seen)
        await judge_held(database, tenant, back)
        assert len(clamd.seen) == seen, "it is not its turn yet"
        await owner.execute("UPDATE intake.held_attachments SET next_at = now() WHERE tenant_id = $1", tenant)
        await judge_held(database, tenant, back)
    assert (await street.get(path, by=street.grid_worker)).status_code == 200
    assert (await street.get(f"/v1/cases/{case['id']}")).json()["attachment_ids"] == [held["id"]]
    assert await owner.fetchval("SELECT count(*) FROM intake.held_attachments WHERE tenant_id = $1", tenant) == 0


async def test_what_is_found_harmful_later_is_shown_to_nobody(
    street: Street, apps: dict[str, FastAPI], databases: dict[str, Database], owner: Any
) -> None:
    with asking(apps, await nowhere()):
        held = (await street.upload(picture())).json()["id"]
    case = await street.filed(attachment_ids=[held])
    async with listening() as (clamd, address):
        clamd.reply = b"stream: Eicar-Signature FOUND"
        await judge_held(databases["intake"], street.caller.tenant, ClamdScanner(address, timeout_s=5))
    for by in (street.owner, street.grid_worker):
        refused = await street.get(f"/v1/attachments/{held}", by=by)
        assert (refused.status_code, refused.json()["code"], refused.json()["reason"]) == (
            409,
            "attachment_refused",
            "infected",
        )
    status = (await street.get(f"/v1/attachments/{held}/status")).json()
    assert (status["state"], status["reason"]) == ("refused", "infected")
    assert (await street.get(f"/v1/cases/{case['id']}")).json()["attachment_ids"] == []
    assert await owner.fetchval("SELECT length(content) FROM intake.attachments WHERE id = $1", held) == 0


async def test_a_refused_file_goes_with_no_case(
    street: Street, apps: dict[str, FastAPI], databases: dict[str, Database]
) -> None:
    with asking(apps, await nowhere()):
        held = (await street.upload(picture())).json()["id"]
    async with listening() as (clamd, address):
        clamd.reply = b"stream: X FOUND"
        await judge_held(databases["intake"], street.caller.tenant, ClamdScanner(address, timeout_s=5))
    response = await street.post("/v1/cases", street.words(attachment_ids=[held]))
    assert (response.status_code, response.json()["code"]) == (422, "unknown_attachment")


async def test_a_proof_counts_once_it_is_clean(
    street: Street, apps: dict[str, FastAPI], databases: dict[str, Database]
) -> None:
    case, clerk = await street.claimed(), street.works_clerk
    with asking(apps, await nowhere()):
        proof = (await street.upload(picture(), by=clerk)).json()["id"]
    body = {"note": "已修复", "attachment_ids": [proof]}
    waiting = await street.act(case, "resolve", body, by=clerk)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "attachment_held")
    # A house that gives its scanner up keeps what has passed the look at its structure.
    await judge_held(databases["intake"], street.caller.tenant, None)
    assert (await street.act(case, "resolve", body, by=clerk)).status_code == 200


def test_asking_again_takes_longer_each_time_and_never_ends() -> None:
    waits = [again_in(tries).total_seconds() for tries in range(40)]
    assert waits[:4] == [5, 10, 20, 40]
    assert waits == sorted(waits)
    assert max(waits) == 600


@pytest.mark.parametrize("address", ["clamd", "tcp://host", "http://host:1", "unix:relative"])
def test_an_address_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("LINLI_CLAMD_ADDRESS", address)
    with pytest.raises(ValueError, match="clamd_address"):
        ScanningSettings()


async def test_the_schedule_sees_where_something_waits(
    street: Street, apps: dict[str, FastAPI], relay_pool: Any
) -> None:
    with asking(apps, await nowhere()):
        await street.upload(picture())
    rows = await relay_pool.fetch("SELECT DISTINCT tenant_id FROM intake.held_attachments")
    assert street.caller.tenant in {row["tenant_id"] for row in rows}
