"""Pages from templates: everything in them is escaped, and undefined names are errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from matinee import __version__
from matinee.web.security.csrf import FIELD
from matinee.web.visits import Visit

TEMPLATES = Path(__file__).parent / "templates"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # An id in an address may hold any letter, a slash too.
    environment.filters["segment"] = lambda text: quote(str(text), safe="")
    environment.globals["version"] = __version__
    environment.globals["csrf_field"] = FIELD
    return environment


_templates = _environment()


def page(
    visit: Visit, template: str, context: Mapping[str, Any] | None = None, *, status_code: int = 200
) -> HTMLResponse:
    """A page for a visitor.

    Parameters
    ----------
    visit : Visit
        In the template as ``visit``; its CSRF token as ``csrf_token``.
    template : str
        The name of a file in ``templates/``.
    context : mapping, optional
        What else the template speaks of.
    """
    known = {"visit": visit, "csrf_token": visit.csrf_token, **(context or {})}
    return HTMLResponse(_templates.get_template(template).render(known), status_code=status_code)
