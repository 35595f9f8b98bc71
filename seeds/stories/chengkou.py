"""The four-thirty class and the barrier: a wish met by people and a room, and a fund that pays three yuan for two."""

from seeds.house import House
from seeds.stories.barrier import tell_barrier
from seeds.stories.four_thirty import tell_four_thirty
from seeds.story import Story

__all__ = ["tell_chengkou"]


async def tell_chengkou(story: Story, house: House) -> None:
    """Tell the whole story."""
    story.chapter("一、四点半课堂", "the four-thirty class")
    await tell_four_thirty(story, house)
    story.chapter("二、共建基金与道闸", "the co-building fund and the barrier")
    await tell_barrier(story, house)
