"""The stories, by name. A story is a coroutine that tells itself in a house whose packs are loaded."""

from collections.abc import Awaitable, Callable
from typing import Final

from rich.console import Console

from seeds.client import connect
from seeds.config import Config
from seeds.house import House
from seeds.pack import read_pack
from seeds.stories.chengkou import tell_chengkou
from seeds.stories.huancui import tell_huancui
from seeds.story import Story, StoryBroken

__all__ = ["STORIES", "tell"]

STORIES: Final[dict[str, Callable[[Story, House], Awaitable[None]]]] = {
    "huancui": tell_huancui,
    "chengkou": tell_chengkou,
}


async def tell(name: str, config: Config, console: Console) -> bool:
    """Tell one story; true when everything in it was as expected."""
    story = Story(name, console)
    async with connect(config.url) as nobody:
        try:
            await STORIES[name](story, House(config, nobody, read_pack(name)))
        except StoryBroken as broken:
            story.broke(broken)
    return story.finish()
