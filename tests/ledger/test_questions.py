"""A resident's question on a line, and its answer, for everybody to read."""

from typing import Any

from shared.auth import Role
from shared.ids import new_id
from tests.ledger.conftest import Treasury


async def asked(treasury: Treasury, fund: dict[str, Any], **more: Any) -> dict[str, Any]:
    gift = (await treasury.read(f"/v1/funds/{fund['id']}/contributions"))["items"][0]
    body = {"transaction_id": gift["transaction_id"], "text": "这笔钱是谁给的？", **more}
    return await treasury.made(f"/v1/books/{fund['book_id']}/questions", body, by="resident")


async def test_a_question_is_answered_once_and_both_are_public_without_the_asker(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    question = await asked(treasury, fund)
    path = f"/v1/questions/{question['id']}"
    await treasury.refused(403, "forbidden", f"{path}/answer", {"text": "共建单位"}, by="resident", version=1)
    await treasury.refused(428, "if_match_required", f"{path}/answer", {"text": "共建单位"})
    answered = await treasury.made(f"{path}/answer", {"text": "共建单位"}, version=1)
    assert (answered["answer"], answered["version"]) == ("共建单位", 2)
    await treasury.refused(409, "already_answered", f"{path}/answer", {"text": "别的"}, version=2)
    page = await treasury.open(f"{fund['book_id']}/questions?transaction_id={question['transaction_id']}")
    assert page["items"] == [answered]
    assert str(treasury.people["resident"]) not in str(page)


async def test_asking_again_with_the_same_id_is_the_same_question(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    number = str(new_id())
    question = await asked(treasury, fund, id=number)
    assert await asked(treasury, fund, id=number) == question
    body = {"id": number, "transaction_id": question["transaction_id"], "text": "别的问题"}
    await treasury.refused(409, "id_taken", f"/v1/books/{fund['book_id']}/questions", body, by="resident")


async def test_questions_about_what_is_not_there_and_too_many_are_refused(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    path = f"/v1/books/{fund['book_id']}/questions"
    body = {"transaction_id": str(new_id()), "text": "？"}
    await treasury.refused(422, "unknown_line", path, body, by="resident")
    question = await asked(treasury, fund)
    await treasury.refused(
        422, "unknown_line", path, body | {"transaction_id": question["transaction_id"], "leg": 2}, by="resident"
    )
    for _ in range(19):
        await asked(treasury, fund)
    body["transaction_id"] = question["transaction_id"]
    await treasury.refused(409, "too_many_questions", path, body, by="resident")
    general = await treasury.made("/v1/books", {"name": "b", "area_id": str(treasury.area_id)})
    await treasury.refused(404, "not_found", f"/v1/books/{general['id']}/questions", body, by="resident")


async def test_words_about_a_person_are_hidden_and_that_is_not(treasury: Treasury) -> None:
    treasury.add("auditor", Role.AUDITOR)
    fund = await treasury.fund(500)
    question = await asked(treasury, fund, text="这是某某家的钱")
    path = f"/v1/questions/{question['id']}/hide"
    await treasury.refused(403, "forbidden", path, {"reason": "涉及个人"}, by="treasurer", version=1)
    await treasury.made(path, {"reason": "涉及个人"}, by="auditor", version=1)
    (shown,) = (await treasury.open(f"{fund['book_id']}/questions"))["items"]
    assert (shown["text"], shown["hidden_because"]) == (None, "涉及个人")
