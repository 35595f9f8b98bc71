"""What routes ask for when they post without a session of their own."""

from typing import Annotated

from fastapi import Depends, Request

from services.ledger.books.service import Poster

__all__ = ["Posting"]


def _poster(request: Request) -> Poster:
    poster: Poster = request.app.state.poster
    return poster


Posting = Annotated[Poster, Depends(_poster)]
