"""The matching's process."""

from fastapi import FastAPI

from services.matching.endpoints.routes import router as endpoints
from services.matching.matches.routes import router as matches
from services.matching.needs.routes import router as needs
from services.matching.offers.routes import router as offers
from services.matching.outgoing.routes import router as outgoing
from services.matching.partners.routes import router as partners
from services.matching.projects.routes import router as projects
from services.matching.settings import MatchingSettings
from shared.held import held_events_router
from shared.vault import Vault
from shared.web import create_app

__all__ = ["create"]


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    settings = MatchingSettings()
    app = create_app(
        name="matching",
        settings=settings,
        routers=[partners, offers, needs, matches, projects, endpoints, outgoing, held_events_router("matching")],
        title="Linli matching 供需对接",
        description="Needs meet what the neighbourhood has. 需求与资源对接，成为项目。",
    )
    app.state.vault = Vault(settings.field_keys.get_secret_value(), settings.blind_index_key.get_secret_value())
    return app
