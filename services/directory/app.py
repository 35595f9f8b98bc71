"""Puts the directory together. Run by `uvicorn --factory services.directory.app:create`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.directory.areas.routes import router as areas
from services.directory.deliveries.routes import router as deliveries
from services.directory.devices.routes import router as devices
from services.directory.entitlements.routes import router as entitlements
from services.directory.people.passwords import Passwords
from services.directory.people.routes import router as people
from services.directory.settings import DirectorySettings
from services.directory.signin.issuing import Issuer
from services.directory.signin.routes import router as signin
from services.directory.signin.senders import open_sender
from services.directory.tenants.routes import router as tenants
from services.directory.units.routes import router as units
from shared.auth import read_signing_key
from shared.held import held_events_router
from shared.vault import Vault
from shared.web import create_app

__all__ = ["create"]

_DESCRIPTION = """区域、单位、人员与角色；资格；登录与令牌；推送与短信。

Areas, units, people and their roles; entitlements; signing in and tokens; push and text messages."""


def _issuer(settings: DirectorySettings) -> Issuer:
    seeds = settings.token_signing_key.get_secret_value().split(",")
    return Issuer(
        keys=tuple(read_signing_key(seed.strip()) for seed in seeds),
        access_ttl_s=settings.access_token_ttl_s,
        refresh_ttl_s=settings.refresh_token_ttl_s,
        session_ttl_s=settings.session_ttl_s,
    )


def create(settings: DirectorySettings | None = None) -> FastAPI:
    """Build the app; refuses to when a key is malformed or nobody would carry one-time codes."""
    chosen = settings or DirectorySettings()

    @asynccontextmanager
    async def with_sender(app: FastAPI) -> AsyncIterator[None]:
        async with open_sender(chosen) as sender:
            app.state.code_sender = sender
            yield

    app = create_app(
        name="directory",
        settings=chosen,
        routers=[
            tenants,
            areas,
            units,
            people,
            entitlements,
            signin,
            devices,
            deliveries,
            held_events_router("directory"),
        ],
        title="Linli directory 邻里目录",
        description=_DESCRIPTION,
        lifespan_extra=with_sender,
    )
    app.state.vault = Vault(chosen.field_keys.get_secret_value(), chosen.blind_index_key.get_secret_value())
    app.state.issuer = _issuer(chosen)
    app.state.passwords = Passwords(chosen.password_hashers)
    return app
