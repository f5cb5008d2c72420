"""Decides where a browser goes after a form."""

from __future__ import annotations

from starlette.responses import RedirectResponse


def back_to(target: str, otherwise: str = "/") -> RedirectResponse:
    """A redirect (303) to the path that a form named, if it is on this server."""
    return RedirectResponse(target if is_local(target) else otherwise, status_code=303)


def is_local(target: str) -> bool:
    """Whether a browser that follows the address stays on this server."""
    # Browsers read "//host" and "/\\host" as other servers, even with control characters in between.
    return target.startswith("/") and target[1:2] not in ("/", "\\") and target.isprintable()
