"""What a script's page holds already. The answer to a star then has only what has changed."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.requests import Request

HEADER = "X-Held-Cards"


def held_cards(request: Request) -> frozenset[str] | None:
    """The keys of the cards of films that the page holds; None if a whole page is asked for."""
    given = request.headers.get(HEADER)
    return None if given is None else frozenset(unquote(key) for key in given.split(",") if key)
