"""Where a browser is sent after a form."""

from __future__ import annotations

from starlette.responses import RedirectResponse


def back_to(target: str, otherwise: str = "/") -> RedirectResponse:
    """See other: the path that a form named, if it is one of this server's."""
    return RedirectResponse(target if is_local(target) else otherwise, status_code=303)


def is_local(target: str) -> bool:
    """Whether a browser that is sent there stays on this server."""
    # "//host" and "/\\host" are other servers to browsers, which pass over control characters on the way.
    return target.startswith("/") and target[1:2] not in ("/", "\\") and target.isprintable()
