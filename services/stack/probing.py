"""Asks a process of the house how it is. Plain `http.client`: it reads no proxy settings and costs no memory.

`python -m services.stack.probing URL` ends with 0 when the address answers well: the health check of containers.
"""

import asyncio
import http.client
import json
import sys
from urllib.parse import urlsplit

__all__ = ["answers_well", "metrics", "readiness"]

_TIMEOUT_S = 3.0
_REFUSED = 400


def answers_well(url: str) -> bool:
    """Tell whether an address answers with a success."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        return False
    status, _ = _get(parts.hostname, parts.port or 80, parts.path or "/")
    return 0 < status < _REFUSED


async def readiness(port: int) -> str:
    """Return what a process says of itself: ready, degraded, unready; or silent."""
    _, body = await asyncio.to_thread(_get, "127.0.0.1", port, "/readyz")
    try:
        return str(json.loads(body)["status"])
    except (ValueError, KeyError, TypeError):
        return "silent"


def metrics(port: int) -> str:
    """Return what a process counts, in Prometheus' text form; empty when it is silent."""
    status, body = _get("127.0.0.1", port, "/metrics")
    return body.decode() if 0 < status < _REFUSED else ""


def _get(host: str, port: int, path: str) -> tuple[int, bytes]:
    """Return status and body, or 0 and nothing when there is no answer."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if answers_well(sys.argv[1]) else 1)
