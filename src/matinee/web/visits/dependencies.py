"""The FastAPI dependencies of routes: the services, the showing, the visit and the filters of a request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
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
    """The filters in the address of a request."""
    return Filters(tuple(genre or ()), year_from, year_to)


ServicesNow = Annotated[Services, Depends(_services)]
ShowingNow = Annotated[Showing, Depends(_showing)]
# The cookie says whose visit it is. The API has its own dependency, which also takes tokens.
CurrentVisit = Annotated[Visit, Depends(_visit)]
AskedFilters = Annotated[Filters, Depends(filters)]
