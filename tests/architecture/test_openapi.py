"""The API document of each service is reviewed when it changes: `make snapshots` writes it anew."""

import json
import os
from pathlib import Path

import pytest
from fastapi import FastAPI

from shared.contracts import SERVICES

FOLDER = Path(__file__).parent / "openapi"


@pytest.mark.parametrize("service", SERVICES)
async def test_the_api_document_is_the_reviewed_one(apps: dict[str, FastAPI], service: str) -> None:
    document = json.dumps(apps[service].openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    snapshot = FOLDER / f"{service}.json"
    if os.environ.get("LINLI_WRITE_SNAPSHOTS"):
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(document, encoding="utf-8")
    assert snapshot.read_text(encoding="utf-8") == document, "reviewed? then: make snapshots"
