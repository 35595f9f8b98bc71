"""What both stories follow from step to step: a case, and the project that comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from seeds.client import Answer, Caller
from seeds.story import Story
from seeds.together import together

__all__ = ["Case", "Project", "every", "history_of", "history_of_many", "open_project", "reach"]

_CREATED: Final = (200, 201)
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Case:
    """A case of this telling."""

    id: str
    number: str

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/cases/{self.id}"


@dataclass(frozen=True, slots=True)
class Project:
    """A project of this telling, with its milestones by title."""

    id: str
    number: str
    milestones: dict[str, str]

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/projects/{self.id}"

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Project":
        """Read it out of its representation."""
        return cls(body["id"], body["number"], {item["title"]: item["id"] for item in body["milestones"]})


async def open_project(story: Story, opener: Caller, body: dict[str, Any]) -> Project:
    """Open a project as soon as the matching has heard of its case and of who has claimed it."""

    async def send() -> Answer:
        return await opener.post("/v1/projects", body)

    opened = await story.until(f"project opened 立项: {body['title']}", send, lambda answer: answer.status in _CREATED)
    return Project.of(opened.body)


async def reach(story: Story, who: Caller, project: Project, title: str, proof: str) -> dict[str, Any]:
    """Reach a milestone; the ledger's events may move the project's version at the same moment."""
    answer = await who.act(project.path, f"milestones/{project.milestones[title]}/reach", {"proof": proof})
    body: dict[str, Any] = story.took(answer)
    reached = next(item for item in body["milestones"] if item["title"] == title)
    story.holds(f"milestone 里程碑: {title}", reached["reached_at"] is not None, f"{reached}")
    return body


async def history_of(story: Story, reader: Caller, case: Case, *steps: str) -> list[dict[str, Any]]:
    """Wait until the history of a case has all these steps, and return it."""

    async def look() -> list[dict[str, Any]]:
        page = story.took(await reader.get(f"{case.path}/history", page_size=_PAGE))
        return list(page["items"])

    wanted = set(steps)
    return await story.until(
        f"in the case's history 诉求历史: {', '.join(steps)}",
        look,
        lambda items: wanted <= {item["step"] for item in items},
    )


async def history_of_many(story: Story, reader: Caller, paths: Sequence[str], step: str) -> None:
    """Wait until the histories of all these cases have a step."""

    async def look() -> int:
        pages = await together(reader.get(f"{path}/history", page_size=_PAGE) for path in paths)
        return sum(any(item["step"] == step for item in story.took(page)["items"]) for page in pages)

    await story.until(f"in {len(paths)} histories 诉求历史: {step}", look, lambda seen: seen == len(paths))


async def every(story: Story, reader: Caller, path: str, **params: object) -> list[dict[str, Any]]:
    """Read a list to its end."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = story.took(await reader.get(path, page_size=_PAGE, cursor=cursor, **params))
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
