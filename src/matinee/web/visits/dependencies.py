"""The FastAPI dependencies of routes: the services, the showing, the visit and the filters of a request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from matinee.web.cinema.catalogue import Filters
from matinee.web.cinema.showing import Showing
from matinee.web.languages import speak
from matinee.web.services import Services
from matinee.web.visits.visit import Visit


# These are coroutines because FastAPI runs plain functions in threads, and all threads may be waiting for the
# database.
async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _showing(services: Annotated[Services, Depends(_services)]) -> Showing:
    return services.showing


async def _visit(request: Request, services: Annotated[Services, Depends(_services)]) -> Visit:
    speak(request)
    return Visit(request, services)


async def filters(
    showing: Annotated[Showing, Depends(_showing)],
    genre: Annotated[
        list[str] | None, Query(max_length=20, description="Only films that have all of these genres.")
    ] = None,
    year_from: Annotated[
        int | None, Query(ge=0, le=9999, description="Only films of this year or later.")
    ] = None,
    year_to: Annotated[
        int | None, Query(ge=0, le=9999, description="Only films of this year or earlier.")
    ] = None,
) -> Filters:
    """The filters in the address of a request.

    Raises
    ------
    RequestValidationError
        If no film has one of the genres, or the years are turned round.
    """
    return checked_filters(Filters(tuple(genre or ()), year_from, year_to), showing, "query", "genre")


def checked_filters(asked: Filters, showing: Showing, part: str, genres: str) -> Filters:
    """The filters. Raises a RequestValidationError if no film can pass them whatever the list.

    Parameters
    ----------
    part, genres : str
        Of the request that the filters are in, and the name that the genres have there.
    """
    errors: list[dict[str, Any]] = []
    unknown = [genre for genre in asked.genres if not showing.catalogue.has_genre(genre)]
    if unknown:
        detail = f"no film has the genre {unknown[0][:80]!r}; /api/v1/genres lists all genres"
        errors.append({"loc": (part, genres), "msg": detail, "type": "value_error"})
    if asked.year_from is not None and asked.year_to is not None and asked.year_from > asked.year_to:
        detail = f"the years end in {asked.year_to}, before they begin in {asked.year_from}"
        errors.append({"loc": (part, "year_to"), "msg": detail, "type": "value_error"})
    if errors:
        raise RequestValidationError(errors)
    return asked


ServicesNow = Annotated[Services, Depends(_services)]
ShowingNow = Annotated[Showing, Depends(_showing)]
# The cookie says whose visit it is. The API has its own dependency, which also takes tokens.
CurrentVisit = Annotated[Visit, Depends(_visit)]
AskedFilters = Annotated[Filters, Depends(filters)]
