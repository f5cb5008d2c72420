"""Renders pages from templates. All values are escaped, and an undefined name is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from matinee import __version__
from matinee.web import languages
from matinee.web.cinema.statistics import STARS
from matinee.web.rendering import wording
from matinee.web.rendering.changes import address_after, address_of, change_in
from matinee.web.rendering.held_cards import held_cards
from matinee.web.rendering.messages import in_own_language
from matinee.web.security.csrf import FIELD
from matinee.web.visits.visit import Visit

TEMPLATES = Path(__file__).parent / "templates"
# What a page is put into: all that surrounds it, or nothing if a script asks for what has changed.
WHOLE, CHANGED = "layout.html", "changed.html"
# The path of the host that the site is below, for the request that is answered now.
root_path: ContextVar[str] = ContextVar("root_path", default="")
# An address on this host in a tag. Values are escaped, so that no text of a page looks like this.
OWN_ADDRESS = re.compile(r' (href|src|action)="/')


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    translating: Any = environment  # the extension adds the method
    translating.install_gettext_callables(languages.gettext, languages.ngettext, newstyle=True)
    environment.globals["languages"] = languages.LANGUAGES
    # An id in an address may contain any character, even a slash.
    environment.filters["segment"] = lambda text: quote(str(text), safe="")
    environment.filters |= {
        "in_stars": wording.in_stars,
        "in_halves": wording.in_halves,
        "in_range": wording.in_range,
        "counted": wording.counted,
        "day": wording.day,
        "age": wording.age,
        "joined": wording.joined,
        # For what comes from elsewhere: unlike _("…"), whose text may hold tags, the result is escaped.
        "translated": languages.gettext,
        "in_own_language": in_own_language,
        "digits": languages.digits,
        "decimal": languages.decimal,
        "signed": languages.signed,
    }
    environment.globals["version"] = __version__
    environment.globals["STARS"] = STARS
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
        The template sees it as ``visit``, and its CSRF token as ``csrf_token``; ``fields`` is what cards of
        films need. ``is_simulated`` is whether the viewers behind the suggestions are simulated. ``change``
        is what the visitor has just done to a film. ``here`` is the address of this page without that
        change, and ``after(film)`` the page to show after a form about a film.
    template : str
        The name of a file in ``templates/``.
    context : mapping, optional
        Further names for the template.
    """
    languages.speak(visit.request)
    token, held = visit.csrf_token, held_cards(visit.request)
    known = {
        "visit": visit,
        "layout": WHOLE if held is None else CHANGED,
        "language": languages.language(),
        "csrf_token": token,
        "fields": {"name": FIELD, "value": token, "held": held or ()},
        "is_simulated": visit.services.is_simulated,
        "change": change_in(visit),
        "here": address_of(visit.request),
        "after": partial(address_after, visit.request),
        **(context or {}),
    }
    return HTMLResponse(_rendered(template, known), status_code=status_code)


def bare_page(
    template: str, context: Mapping[str, Any] | None = None, *, status_code: int = 200
) -> HTMLResponse:
    """A page without anything about the visitor, for when the cookie or the database cannot be read."""
    known = {
        "visit": None,
        "layout": WHOLE,
        "language": languages.language(),
        "csrf_token": "",
        "is_simulated": False,
        "change": None,
        **(context or {}),
    }
    return HTMLResponse(_rendered(template, known), status_code=status_code)


def part(template: str, context: Mapping[str, Any]) -> Markup:
    """A part of a page, to put into a page."""
    return Markup(_templates.get_template(template).render(context))


def _rendered(template: str, known: Mapping[str, Any]) -> str:
    """The page, with the root path in front of all addresses on this host."""
    html = _templates.get_template(template).render(known)
    root = root_path.get()
    return OWN_ADDRESS.sub(rf' \1="{root}/', html) if root else html


def template_module(template: str) -> Any:
    """The macros of a template, for drawing one part of a page alone."""
    return _templates.get_template(template).module
