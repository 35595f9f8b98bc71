"""Twenty-six mediations: asked, agreed to or not, talked over, written down, signed, performed."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations, cycle
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.year_tally import COMMUNITY, Matter, Tally
from seeds.story import Story
from seeds.together import together

__all__ = ["tell_mediations"]

_PARTIES: Final = 6
# What comes of them: most agree at once, some owe something that is performed or not yet due, a few come to nothing.
_ENDS: Final = ("plain",) * 16 + ("performed",) * 4 + ("owed",) * 2 + ("failed",) * 3 + ("withdrawn",)
_AGREED: Final = frozenset({"plain", "performed", "owed"})


async def tell_mediations(story: Story, house: House, tally: Tally, disputes: Sequence[str]) -> None:
    """Mediate the disputes that the table brought, and compare the figures with what came of them."""
    officer = await house.staff("officer")
    under = house.id("areas", COMMUNITY)
    before = Counter(story.took(await officer.get("/v1/mediation-figures", under=under)))
    with story.step(
        "二十六件纠纷调解：自愿、回避、协议、履行",
        "twenty-six mediations: voluntary, unrelated, written down, performed",
    ):
        people = await together(house.resident(f"resident_{number}") for number in range(1, _PARTIES + 1))
        pairs = cycle(combinations(people, 2))
        plans = list(zip(disputes, _ENDS, pairs, strict=False))
        await together(_Mediation(story, house, case_id, pair).run(end) for case_id, end, pair in plans)
        for case_id, end, _ in plans:
            state = "resolved" if end in _AGREED else "triaged"
            tally.cases[case_id] = Matter("import", "council", state, None)
        after = Counter(story.took(await officer.get("/v1/mediation-figures", under=under)))
        after.subtract(before)
        expected = _expected(Counter(end for _, end, _ in plans))
        story.expect("figures 调解统计", dict(after), expected)
        story.expect("mediations 件", len(plans), len(_ENDS))
        story.note(" · ".join(f"{name} {count}" for name, count in expected.items() if count))


def _expected(ends: Counter[str]) -> dict[str, int]:
    """Return the figures that follow from how the mediations of this telling have ended."""
    return {
        "opened": ends.total(),
        "open": 0,
        "agreed": sum(ends[end] for end in _AGREED),
        "failed": ends["failed"],
        "withdrawn": ends["withdrawn"],
        "in_effect": ends["owed"],
        "fulfilled": ends["plain"] + ends["performed"],
        "breached": 0,
        "confirmed": 0,
        # Who withdraws does so before anybody has met.
        "sessions_held": ends.total() - ends["withdrawn"],
    }


class _Mediation:
    """One of them, from the proposal to its end."""

    def __init__(self, story: Story, house: House, case_id: str, pair: tuple[Caller, Caller]) -> None:
        self._story = story
        self._house = house
        self._case = f"/v1/cases/{case_id}"
        self._pair = pair
        self._seen: dict[str, Any] = {}

    async def run(self, end: str) -> None:
        """Lead it to one of the ends."""
        await self._open()
        if end == "withdrawn":
            await self._say(self._pair[1], "withdraw", {"reason": "暂不参加调解"})
            return
        await self._talk()
        if end == "failed":
            mediator = await self._house.staff("mediator")
            await self._do(mediator, "fail", {"advice": "双方可依法申请仲裁或向法院起诉"})
            return
        await self._agree(end)

    async def _open(self) -> None:
        mediator = await self._house.staff("mediator")
        roles = ("applicant", "respondent")
        parties = [{"role": role, "person_id": one.person_id} for role, one in zip(roles, self._pair, strict=True)]
        body = {"id": fresh_id(), "parties": parties, "mediator_id": mediator.person_id}
        officer = await self._house.staff("officer")
        self._seen = self._story.took(await officer.post(f"{self._case}/mediations", body), 201)
        await self._do(mediator, "declare", {"no_relation": True})
        for party in self._pair:
            await self._say(party, "consent", {"agrees": True})
            if self._seen["state"] == "proposed":
                await self._say(party, "accept-mediator", {"accepts": True})

    async def _talk(self) -> None:
        mediator = await self._house.staff("mediator")
        planned_for = self._house.now() + timedelta(minutes=5)
        await self._do(mediator, "sessions", {"planned_for": planned_for.isoformat(), "place": "社区调解室"})
        held = self._seen["sessions"][-1]["id"]
        await self._do(mediator, f"sessions/{held}/close", {"state": "held", "note": "双方到场，充分协商"})

    async def _agree(self, end: str) -> None:
        mediator = await self._house.staff("mediator")
        debtor = self._seen["parties"][1]["id"]
        owed = {
            "debtor_id": debtor,
            "text": "支付修缮费用",
            "amount_fen": 80_000,
            "due_on": (self._house.today() + timedelta(days=30)).isoformat(),
        }
        text = {
            "facts": "双方对责任无争议",
            "content": "双方互谅互让，达成一致",
            "terms": [] if end == "plain" else [owed],
        }
        await self._do(mediator, "agreement", text)
        for party in self._pair:
            await self._say(party, "sign", {"revision": 1})
        if end == "performed":
            term = self._seen["agreement"]["terms"][0]["id"]
            await self._do(self._pair[0], f"terms/{term}/perform", {"note": "已收到款项"})

    @property
    def _path(self) -> str:
        return f"/v1/mediations/{self._seen['id']}"

    async def _do(self, who: Caller, what: str, body: dict[str, Any]) -> None:
        """Take a step on the version that was seen last: nobody else is at this mediation."""
        self._seen = self._story.took(await who.post(f"{self._path}/{what}", body, version=self._seen["version"]))

    async def _say(self, who: Caller, what: str, body: dict[str, Any]) -> None:
        """Let a party speak for itself."""
        self._seen = self._story.took(await who.post(f"{self._path}/{what}", body))
