"""The glass account book 一本账: what a compound was charged, collected and spent, for everybody there to read."""

from seeds.house import House
from seeds.stories.one_book import tell_one_book
from seeds.story import Story

__all__ = ["tell_guangling"]


async def tell_guangling(story: Story, house: House) -> None:
    """Tell the whole story."""
    story.chapter("一、物业一本账", "the property company's book")
    await tell_one_book(story, house)
