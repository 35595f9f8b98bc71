"""Pictures: known by their content, bare of what the camera wrote, shown to those whom they concern."""

import asyncio
import hashlib
import io
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from services.intake.attachments.rules import MAX_BYTES
from shared.auth import Role
from shared.ids import new_id
from tests.intake.conftest import GRID, Street, picture

SECRET = b"37.5091N"


def located() -> Image.Exif:
    """Return what a phone writes: where it was, how it was held, whose it is."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x013B] = SECRET.decode()
    exif[0x8825] = {1: "N", 2: (37.0, 30.0, 32.0), 3: "E", 4: (122.0, 7.0, 14.0)}
    return exif


def told_by(kind: str) -> dict[str, Any]:
    """Return every way in which a format can carry words beside the picture."""
    told: dict[str, Any] = {"exif": located()}
    if kind == "JPEG":
        told["comment"] = SECRET
    if kind == "PNG":
        told["pnginfo"] = PngInfo()
        told["pnginfo"].add_text("Location", SECRET.decode())
    if kind == "WEBP":
        told["xmp"] = b"<x>" + SECRET + b"</x>"
    return told


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_where_a_picture_was_taken_is_forgotten(street: Street, kind: str) -> None:
    sent = picture(kind, **told_by(kind))
    assert SECRET in sent
    kept = (await street.upload(sent)).json()
    media_type = f"image/{kind.lower()}"
    assert kept["media_type"] == media_type
    response = await street.get(f"/v1/attachments/{kept['id']}")
    assert (response.status_code, response.headers["content-type"]) == (200, media_type)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert len(response.content) == kept["size_bytes"]
    assert hashlib.sha256(response.content).hexdigest() == kept["sha256"]
    assert SECRET not in response.content
    shown = Image.open(io.BytesIO(response.content))
    assert dict(shown.getexif()) == {}
    assert not {"exif", "xmp", "comment", "Location", "icc_profile"} & set(shown.info)
    # Held upright by the phone, wide in the file.
    assert shown.size == (4, 8)


async def test_transparency_is_part_of_the_picture(street: Street) -> None:
    output = io.BytesIO()
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(output, "PNG", transparency=1)
    kept = (await street.upload(output.getvalue())).json()
    shown = Image.open(io.BytesIO((await street.get(f"/v1/attachments/{kept['id']}")).content))
    assert shown.convert("RGBA").getpixel((0, 0)) == (255, 0, 0, 0)


def bomb() -> bytes:
    """Return a small file of very many pixels."""
    output = io.BytesIO()
    Image.new("1", (8000, 6251)).save(output, "PNG")
    return output.getvalue()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 415, "unsupported_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_picture"),
        (picture("GIF"), 415, "unsupported_picture"),
        (b"\xff\xd8\xff" + b"no picture at all" * 20, 422, "broken_picture"),
        (picture("PNG")[:40], 422, "broken_picture"),
        (b"\xff\xd8\xff" + bytes(MAX_BYTES), 413, "picture_too_large"),
        (bomb(), 413, "picture_too_large"),
    ],
    ids=["nothing", "svg", "gif", "no-jpeg", "cut-off", "too-many-bytes", "too-many-pixels"],
)
async def test_what_is_no_decent_picture_is_refused(street: Street, content: bytes, status: int, code: str) -> None:
    response = await street.upload(content)
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_one_picture_too_many_at_a_time_waits(street: Street) -> None:
    answers = await asyncio.gather(*(street.upload(picture()) for _ in range(12)))
    assert [answer.status_code for answer in answers] == [201] * 12


async def test_the_same_key_keeps_one_picture(street: Street) -> None:
    headers = {**street.owner, "Content-Type": "image/png", "Idempotency-Key": "photo-1"}
    first, second = [
        await street.http.post("/v1/attachments", content=picture("PNG"), headers=headers) for _ in range(2)
    ]
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


async def test_a_picture_is_shown_to_those_whom_its_case_concerns(street: Street) -> None:
    kept = (await street.upload(picture())).json()["id"]
    path = f"/v1/attachments/{kept}"
    for by in (street.grid_worker, street.neighbour, street.works_clerk):
        assert (await street.get(path, by=by)).status_code == 404
    await street.filed(attachment_ids=[kept])
    assert (await street.get(path, by=street.grid_worker)).status_code == 200
    for by in (street.neighbour, street.works_clerk, street.holding(Role.OFFICER, "county.south")):
        assert (await street.get(path, by=by)).status_code == 404
    assert (await street.get(path, by=street.caller.anonymous("intake"))).status_code == 401


async def test_a_picture_of_another_tenant_does_not_exist(street: Street, elsewhere: Street) -> None:
    kept = (await elsewhere.upload(picture())).json()["id"]
    by = street.holding(Role.ADMINISTRATOR, "county", person=elsewhere.owner_id)
    assert (await street.get(f"/v1/attachments/{kept}", by=by)).status_code == 404
    assert (await street.get(f"/v1/attachments/{new_id()}")).status_code == 404


async def test_a_case_takes_only_the_callers_own_unused_pictures(street: Street) -> None:
    stranger = street.holding(Role.RESIDENT, GRID)
    foreign = (await street.upload(picture(), by=stranger)).json()["id"]
    used = (await street.upload(picture())).json()["id"]
    await street.filed(attachment_ids=[used])
    before = (await street.get("/v1/cases", mine=True)).json()["items"]
    for wrong in (foreign, used, str(new_id())):
        response = await street.post("/v1/cases", street.words(attachment_ids=[wrong]))
        assert (response.status_code, response.json()["code"]) == (422, "unknown_attachment")
    assert (await street.get("/v1/cases", mine=True)).json()["items"] == before
