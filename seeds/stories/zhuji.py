"""A year of a community: small, big and hard 小事·大事·难事, each settled where it belongs, and every figure counted.

Nine hundred opinions from visits, a hundred and forty inspections, errands, disputes and the hotline's table come in by
phone and by file; the story keeps its own count, and every figure of the house must be the same.
"""

from seeds.house import House
from seeds.stories.culvert import tell_culvert
from seeds.stories.food_lift import tell_food_lift
from seeds.stories.year_figures import look_before, tell_at_a_glance, tell_figures
from seeds.stories.year_levels import tell_big, tell_hard, tell_small
from seeds.stories.year_mediations import tell_mediations
from seeds.stories.year_outside import tell_hazards_seen_again, tell_year_outside
from seeds.stories.year_table import tell_again, tell_table
from seeds.stories.year_tally import Tally
from seeds.story import Story

__all__ = ["tell_zhuji"]


async def tell_zhuji(story: Story, house: House) -> None:
    """Tell the whole story."""
    tally = Tally(house.now())
    before = await look_before(story, house)
    story.chapter("一、走访一年", "a year outside")
    heard, hazards = await tell_year_outside(story, house, tally)
    await tell_hazards_seen_again(story, house, tally, hazards)
    story.chapter("二、热线工单与纠纷", "the hotline's table, and the disputes")
    table = await tell_table(story, house, tally)
    await tell_mediations(story, house, tally, table.disputes)
    story.chapter("三、小事·大事·难事", "small, big and hard")
    await tell_small(story, house, tally, heard)
    await tell_big(story, house, tally, heard)
    await tell_hard(story, house, tally, heard)
    story.chapter("四、铁路涵洞", "the railway culvert")
    await tell_culvert(story, house, tally)
    story.chapter("五、企业走访", "the enterprise visit")
    await tell_food_lift(story, house, tally)
    story.chapter("六、账实相符", "every figure is the count")
    await tell_again(story, house, tally, table)
    await tell_figures(story, house, tally, before)
    tell_at_a_glance(story, tally)
