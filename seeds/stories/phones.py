"""What is done outside, kept on a phone in its order and sent in batches, as often as the line breaks."""

from collections import Counter
from collections.abc import Iterator
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
        self._following: set[UUID] = set()

    def note(
        self,
        entity: str,
        row_id: UUID | str,
        action: str,
        at: datetime,
        body: dict[str, Any],
        base: int | None = None,
        *,
        follows: bool = False,
    ) -> None:
        """Keep one operation.

        Args:
            entity: what kind of thing it is about.
            row_id: which one.
            action: what is done with it.
            at: when it was done.
            body: as its endpoint takes it.
            base: the version that it is based on; None for what makes something.
            follows: it goes into the batch of the one before, so that nobody sees the two apart.
        """
        op_id = fresh_id()
        operation = {
            "op_id": op_id,
            "entity": entity,
            "id": row_id,
            "action": action,
            "base_version": base,
            "body": body,
            "made_at": at.isoformat(),
        }
        self._kept.append(operation)
        if follows:
            self._following.add(op_id)

    async def send(self, story: Story) -> Counter[str]:
        """Send everything that is kept, batch by batch, and count what came of it; refused operations break the story.

        What somebody else was faster with is sent again upon the version that the house then told.
        """
        came: Counter[str] = Counter()
        left = self._kept
        for _ in range(_TRIES):
            again: list[dict[str, Any]] = []
            for batch in self._batches(left):
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

    def _batches(self, operations: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        """Cut operations into batches, never right before one that follows."""
        begin = 0
        while begin < len(operations):
            end = min(begin + _BATCH, len(operations))
            while begin + 1 < end < len(operations) and operations[end]["op_id"] in self._following:
                end -= 1
            yield operations[begin:end]
            begin = end

    async def _push(self, story: Story, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = story.took(await self.caller.post("/v1/sync", {"operations": batch}))
        results: list[dict[str, Any]] = answer["results"]
        for operation, result in zip(batch, results, strict=True):
            if result["status"] == "refused":
                message = f"{operation['entity']}/{operation['action']} was refused: {result['problem']}"
                raise StoryBroken(message)
        return results
