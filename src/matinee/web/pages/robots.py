"""Asks search engines to stay away."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

router = APIRouter()

TEXT = "User-agent: *\nDisallow: /\n"


@router.get("/robots.txt")
async def robots() -> PlainTextResponse:
    """Every page depends on the visitor, so there is nothing to index."""
    return PlainTextResponse(TEXT, headers={"Cache-Control": "public, max-age=86400"})
