"""What the gateway itself refuses, and what it says when a service does not answer."""

from math import ceil

from shared.problems import BadRequest, NotFound, Problem, TooLarge, TooManyRequests, Unauthenticated, Unavailable
from shared.texts import Text

__all__ = [
    "BadAnswer",
    "BodyTooLarge",
    "HeadersTooLarge",
    "KeysUnavailable",
    "MethodRefused",
    "NoSuchPath",
    "RateLimited",
    "RequestTimeout",
    "TokenExpired",
    "TokenRefused",
    "UnsafePath",
    "UpstreamDown",
    "UpstreamLost",
    "UpstreamTimeout",
]


class NoSuchPath(NotFound):
    """No service has this path."""

    code = "no_such_path"
    title = Text(zh="没有这个地址", en="There is nothing at this address")


class UnsafePath(BadRequest):
    """The path climbs, or is written so that two readers may understand two things."""

    code = "unsafe_path"
    title = Text(zh="地址中含有不允许的写法", en="The path is written in a way that is not allowed")


class MethodRefused(Problem):
    """The method is none that any service takes."""

    code = "method_not_allowed"
    status = 405
    title = Text(zh="不支持该请求方法", en="Method not allowed")


class HeadersTooLarge(Problem):
    """The request's head is larger than any client of ours sends."""

    code = "headers_too_large"
    status = 431
    title = Text(zh="请求头过大", en="The request headers are too large")


class BodyTooLarge(TooLarge):
    """The body is larger than this path takes. The connection closes, so that nobody uploads the rest."""

    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            Text(zh=f"请求体上限为 {limit_bytes} 字节", en=f"A body here has at most {limit_bytes} bytes"),
            headers={"Connection": "close"},
            limit_bytes=limit_bytes,
        )


class RequestTimeout(Problem):
    """The client took too long to send its body."""

    code = "request_timeout"
    status = 408
    title = Text(zh="请求体发送超时", en="The request body took too long to arrive")

    def __init__(self) -> None:
        super().__init__(headers={"Connection": "close"})


class TokenRefused(Unauthenticated):
    """The token is malformed, forged, or not meant for us (RFC 6750 §3.1)."""

    code = "token_invalid"
    title = Text(zh="登录凭证无效", en="The access token is not valid")

    def __init__(self) -> None:
        super().__init__()
        self.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'


class TokenExpired(TokenRefused):
    """The token was ours and is over; refreshing it is right."""

    code = "token_expired"
    title = Text(zh="登录凭证已过期", en="The access token has expired")


class KeysUnavailable(Unavailable):
    """No token can be checked, because the directory has not yet told its keys."""

    code = "keys_unavailable"


class RateLimited(TooManyRequests):
    """The caller is faster than allowed (headers of draft-ietf-httpapi-ratelimit-headers-07)."""

    code = "rate_limited"

    def __init__(self, *, wait_s: float, burst: int, full_s: float) -> None:
        super().__init__(retry_after_s=ceil(wait_s))
        self.headers["RateLimit-Limit"] = str(burst)
        self.headers["RateLimit-Remaining"] = "0"
        self.headers["RateLimit-Reset"] = str(ceil(full_s))


class UpstreamDown(Unavailable):
    """The service cannot be reached; nothing was sent."""

    code = "upstream_down"


class UpstreamLost(Unavailable):
    """The service went away before it answered: whether it did what was asked is not known."""

    code = "upstream_lost"
    title = Text(zh="服务在应答前中断", en="The service went away before it answered")

    def __init__(self) -> None:
        super().__init__(
            Text(
                zh="处理结果未知；请用相同的 Idempotency-Key 或编号重试",
                en="The outcome is not known; repeat it with the same Idempotency-Key or id",
            )
        )


class UpstreamTimeout(Problem):
    """The service did not answer in time."""

    code = "upstream_timeout"
    status = 504
    title = Text(zh="服务应答超时", en="The service did not answer in time")


class BadAnswer(Problem):
    """What the service answered is not HTTP."""

    code = "bad_answer"
    status = 502
    title = Text(zh="服务应答无法理解", en="The service's answer cannot be understood")
