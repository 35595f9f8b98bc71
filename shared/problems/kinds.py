"""The kinds of refusal that every service shares; a subject adds its own as three-line subclasses."""

from collections.abc import Mapping
from typing import Any, ClassVar

from shared.texts import Text

__all__ = [
    "BadRequest",
    "Conflict",
    "Forbidden",
    "IdTaken",
    "Invalid",
    "NotFound",
    "Overloaded",
    "PreconditionFailed",
    "PreconditionRequired",
    "Problem",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMedia",
    "WrongState",
]


class Problem(Exception):
    """A refusal that the caller is told about: `code` is the stable slug, `status` the HTTP status.

    Args:
        detail: what is wrong in this very case, in both languages.
        pointer: RFC 6901 pointer into the body (`/area_id`), when one field is to blame.
        headers: response headers that belong to the refusal (Retry-After, WWW-Authenticate).
        extra: further members of the problem document.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text(zh="系统内部错误", en="Internal error")

    def __init__(
        self,
        detail: Text | None = None,
        *,
        pointer: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,  # noqa: ANN401 - members of a JSON document
    ) -> None:
        super().__init__(detail.en if detail else self.title.en)
        self.detail = detail
        self.pointer = pointer
        self.headers = dict(headers or {})
        self.extra = extra


class BadRequest(Problem):
    """The request cannot be understood at all."""

    code = "bad_request"
    status = 400
    title = Text(zh="请求无法理解", en="The request cannot be understood")


class Unauthenticated(Problem):
    """Nobody, or nobody credible, is calling."""

    code = "unauthenticated"
    status = 401
    title = Text(zh="请先登录", en="Sign in first")

    def __init__(self, detail: Text | None = None, **extra: Any) -> None:  # noqa: ANN401 - members of a JSON document
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **extra)


class Forbidden(Problem):
    """The caller is known and may not do this; `rule` names the rule that says no."""

    code = "forbidden"
    status = 403
    title = Text(zh="没有权限", en="You may not do this")

    def __init__(self, detail: Text | None = None, *, rule: str, **extra: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(detail, rule=rule, **extra)


class NotFound(Problem):
    """It does not exist, or the caller may not know that it does."""

    code = "not_found"
    status = 404
    title = Text(zh="没有找到", en="Not found")


class Conflict(Problem):
    """The request is fine and the state of things forbids it."""

    code = "conflict"
    status = 409
    title = Text(zh="与当前状态冲突", en="Conflicts with the current state")


class IdTaken(Conflict):
    """A client-made id already names something with another content."""

    code = "id_taken"
    title = Text(zh="该编号已被其他内容使用", en="This id already names something else")


class WrongState(Conflict):
    """The step does not start from the state that the thing is in."""

    code = "wrong_state"
    title = Text(zh="当前状态不能执行此操作", en="This step is not possible in the current state")


class PreconditionFailed(Problem):
    """The version in If-Match is not the current one; `current` carries the current representation."""

    code = "stale_version"
    status = 412
    title = Text(zh="内容已被他人更新", en="It has changed since you read it")


class TooLarge(Problem):
    """The body is larger than this route takes."""

    code = "too_large"
    status = 413
    title = Text(zh="内容过大", en="Too large")


class UnsupportedMedia(Problem):
    """The body is of a kind that this route does not take."""

    code = "unsupported_media_type"
    status = 415
    title = Text(zh="不支持的内容类型", en="Unsupported media type")


class Invalid(Problem):
    """The body is well-formed and a value in it cannot be."""

    code = "invalid"
    status = 422
    title = Text(zh="内容不符合要求", en="The content is not valid")


class PreconditionRequired(Problem):
    """A change needs If-Match, so that nobody overwrites what they have not seen."""

    code = "if_match_required"
    status = 428
    title = Text(zh="请带上 If-Match 版本号", en="Send the version in If-Match")


class TooManyRequests(Problem):
    """Faster than allowed."""

    code = "too_many_requests"
    status = 429
    title = Text(zh="请求过于频繁", en="Too many requests")

    def __init__(self, detail: Text | None = None, *, retry_after_s: int = 1, **extra: Any) -> None:  # noqa: ANN401
        super().__init__(detail, headers={"Retry-After": str(retry_after_s)}, **extra)


class Unavailable(Problem):
    """Something we stand on is away for the moment; trying again is right."""

    code = "unavailable"
    status = 503
    title = Text(zh="服务暂不可用，请稍后再试", en="Not available at the moment, try again")

    def __init__(self, detail: Text | None = None, *, retry_after_s: int = 1, **extra: Any) -> None:  # noqa: ANN401
        super().__init__(detail, headers={"Retry-After": str(retry_after_s)}, **extra)


class Overloaded(Unavailable):
    """As many requests as a process bears are on their way through it."""

    code = "overloaded"
    title = Text(zh="服务繁忙，请稍后再试", en="Too busy at the moment, try again")
