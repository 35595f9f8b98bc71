"""Swagger UI from our own files: the page asks nobody outside for anything, and its policy forbids it to try."""

import gzip
from functools import cache
from importlib import resources
from typing import Final

from starlette.types import Scope, Send

from services.gateway.answers import send_answer

__all__ = ["DOCS_PATHS", "send_docs"]

_PAGE: Final = b"""<!doctype html>
<html lang="zh">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Linli \xe9\x82\xbb\xe9\x87\x8c API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# Swagger UI would send the document's address to a validator on the internet; null forbids it.
_START: Final = b"""window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null
});
"""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PACKAGE: Final = "fastapi_swagger.resources"
_ASSETS: Final = {
    "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui.css": "text/css; charset=utf-8",
    "/docs/favicon-32x32.png": "image/png",
}
DOCS_PATHS: Final = frozenset({"/docs", "/docs/start.js", *_ASSETS})


@cache
def _compressed(path: str) -> bytes:
    return gzip.compress(_asset(path), compresslevel=6, mtime=0)


@cache
def _asset(path: str) -> bytes:
    return resources.files(_PACKAGE).joinpath(path.rpartition("/")[2]).read_bytes()


async def send_docs(scope: Scope, send: Send) -> None:
    """Answer one of DOCS_PATHS."""
    path = scope["path"]
    headers = {"x-content-type-options": "nosniff"}
    if path == "/docs":
        page = {"content-type": "text/html; charset=utf-8", "content-security-policy": _POLICY}
        await send_answer(send, 200, _PAGE, headers | page | {"cache-control": "no-cache"})
    elif path == "/docs/start.js":
        script = {"content-type": "text/javascript; charset=utf-8", "cache-control": "no-cache"}
        await send_answer(send, 200, _START, headers | script)
    else:
        headers |= {"content-type": _ASSETS[path], "cache-control": "public, max-age=86400", "vary": "accept-encoding"}
        accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
        if b"gzip" in accepted:
            await send_answer(send, 200, _compressed(path), headers | {"content-encoding": "gzip"})
        else:
            await send_answer(send, 200, _asset(path), headers)
