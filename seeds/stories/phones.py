"""What is done outside, kept on a phone in its order and sent in batches, as often as the line breaks."""

from collections import Counter
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from seeds.client import Caller
from seeds.ids import fresh_id
from seeds.story import Story, StoryBroken

__all__ = ["Phone"]

_BATCH: Final = 100
_TRIES: Final = 5


class Phone:
    """One person's phone."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self._kept: list[dict[str, Any]] = []

    def note(
        self, entity: str, row_id: UUID | str, action: str, at: datetime, body: dict[str, Any], base: int | None = None
    ) -> None:
        """Keep one operation; `base` is the version that it is based on, None for what makes something."""
        operation = {
            "op_id": fresh_id(),
            "entity": entity,
            "id": row_id,
            "action": action,
            "base_version": base,
            "body": body,
            "made_at": at.isoformat(),
        }
        self._kept.append(operation)

    async def send(self, story: Story) -> Counter[str]:
        """Send everything that is kept, batch by batch, and count what came of it; refused operations break the story.

        What somebody else was faster with is sent again upon the version that the house then told.
        """
        came: Counter[str] = Counter()
        left = self._kept
        for _ in range(_TRIES):
            again: list[dict[str, Any]] = []
            for begin in range(0, len(left), _BATCH):
                batch = left[begin : begin + _BATCH]
                for operation, result in zip(batch, await self._push(story, batch), strict=True):
                    if result["status"] in {"conflict", "skipped"}:
                        operation["base_version"] = result["version"] or operation["base_version"]
                        again.append(operation)
                    else:
                        came[result["status"]] += 1
            left = again
            if not left:
                return came
        message = f"{len(left)} operations are overtaken again and again: {left[0]}"
        raise StoryBroken(message)

    async def _push(self, story: Story, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = story.took(await self.caller.post("/v1/sync", {"operations": batch}))
        results: list[dict[str, Any]] = answer["results"]
        for operation, result in zip(batch, results, strict=True):
            if result["status"] == "refused":
                message = f"{operation['entity']}/{operation['action']} was refused: {result['problem']}"
                raise StoryBroken(message)
        return results
