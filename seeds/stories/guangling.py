"""Community partners, orders, and the glass account book 社区合伙人 · 点单 · 一本账.

Partners offer by hand and by their systems; residents order, and what is late is asked about. What a compound was
charged, collected and spent is open to everybody's questions.
"""

from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.one_book import CASH, OneBook, tell_one_book
from seeds.stories.order_tally import OrderTally
from seeds.stories.ordering import tell_bulk, tell_haircut, tell_late, tell_meals
from seeds.stories.publication import OpenBook, close_quarter, verify_book
from seeds.stories.pushed import tell_partners, tell_pushed
from seeds.stories.reading_corner import tell_extinguishers, tell_reading_corner
from seeds.stories.threads import every
from seeds.story import Story

__all__ = ["tell_guangling"]


async def tell_guangling(story: Story, house: House) -> None:
    """Tell the whole story."""
    story.chapter("一、物业一本账", "the property company's book")
    book = await tell_one_book(story, house)
    story.chapter("二、公示与质询", "published, and questioned")
    accountant = await house.staff("accountant")
    published = await close_quarter(story, house, accountant, book.book_id, (book.first, book.last), CASH)
    line = await _question(story, house, book, published)
    await verify_book(story, house, published, line)
    await _partners_and_orders(story, house)


async def _partners_and_orders(story: Story, house: House) -> None:
    secretary = await house.staff("secretary")
    story.chapter("三、社区合伙人与推送", "partners, and what their systems push")
    await tell_partners(story, house)
    await tell_pushed(story, house)
    story.chapter("四、物资与读书角", "goods, and a reading corner")
    await tell_extinguishers(story, house)
    await tell_reading_corner(story, house)
    story.chapter("五、点单、接单、督单", "ordered, accepted, supervised")
    tally = await OrderTally.begin(story, house, secretary, "yunhe")
    await tell_haircut(story, house, tally)
    await tell_meals(story, house, tally)
    await tell_bulk(story, house, tally)
    await tell_late(story, house, tally)
    with story.step("季度统计与逐单计数一致", "the quarter's figures equal what was counted order by order"):
        await tally.compare(story, house, secretary)


async def _question(story: Story, house: House, book: OneBook, published: OpenBook) -> str:
    """Let a resident question a line of spending and be answered; returns the transaction."""
    resident, accountant = await house.resident("household_02"), await house.staff("accountant")
    with story.step("居民对一笔支出提出质询，物业答复", "a resident questions a line of spending and is answered"):
        lines = await every(story, house.nobody, f"{published.path}/lines")
        accounts = {row["id"]: row["code"] for row in story.took(await house.nobody.get(published.path))["accounts"]}
        spent = [line for line in lines if accounts[line["debit_account_id"]].startswith("expense:")]
        asked = {
            "id": fresh_id(),
            "transaction_id": spent[0]["transaction_id"],
            "leg": spent[0]["leg"],
            "text": "这笔支出做了什么？发票能看吗？",
        }
        question = story.took(await resident.post(f"/v1/books/{book.book_id}/questions", asked), 201)
        own = await resident.post(
            f"/v1/questions/{question['id']}/answer", {"text": "自问自答"}, version=question["version"]
        )
        story.refused("the asker answers 自问自答", own, 403)
        text = "第一季度保洁外包费，合同与发票在物业服务中心可查。"
        answered = await accountant.post(
            f"/v1/questions/{question['id']}/answer", {"text": text}, version=question["version"]
        )
        story.took(answered)
        page = story.took(await house.nobody.get(f"{published.path}/questions"))["items"]
        seen = [(item["transaction_id"], item["answer"]) for item in page if item["id"] == question["id"]]
        story.expect("everybody reads the answer 答复公开", seen, [(asked["transaction_id"], text)])
        story.holds("and not who asked 不显示提问人", str(resident.person_id) not in str(page), str(page))
    return str(asked["transaction_id"])
