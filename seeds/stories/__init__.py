"""The stories, by name. A story tells itself in a house in which the packs that it needs are loaded."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from seeds.client import connect
from seeds.config import Config
from seeds.house import House
from seeds.loader import Loader
from seeds.pack import read_pack
from seeds.stories.chengkou import tell_chengkou
from seeds.stories.guangling import tell_guangling
from seeds.stories.huancui import tell_huancui
from seeds.stories.shaanxi import tell_shaanxi
from seeds.stories.zhuji import tell_zhuji
from seeds.story import Story, StoryBroken

__all__ = ["STORIES", "tell"]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A story, its tenant, and the other tenants whose people come into it."""

    teller: Callable[[Story, House], Awaitable[None]]
    tenant: str
    also: tuple[str, ...] = ()


STORIES: Final[dict[str, _Entry]] = {
    "huancui": _Entry(tell_huancui, "huancui", also=("chengkou",)),
    "chengkou": _Entry(tell_chengkou, "chengkou"),
    "shaanxi": _Entry(tell_shaanxi, "shaanxi"),
    "guangling": _Entry(tell_guangling, "guangling"),
    "zhuji": _Entry(tell_zhuji, "zhuji"),
}


async def tell(name: str, config: Config, console: Console) -> bool:
    """Tell one story, after loading what of its packs is missing; true when everything in it was as expected."""
    entry = STORIES[name]
    async with connect(config.url) as nobody:
        for tenant in (entry.tenant, *entry.also):
            house = House(config, nobody, read_pack(tenant))
            if not await house.knows_staff("administrator"):
                await Loader(config, house.pack, nobody).load()
        story = Story(name, console)
        try:
            await entry.teller(story, House(config, nobody, read_pack(entry.tenant)))
        except StoryBroken as broken:
            story.broke(broken)
    return story.finish()
