"""Builds the application: its routes, its middleware, and what opens and closes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from threadpoolctl import threadpool_limits

from matinee import __version__
from matinee.web import api
from matinee.web.api.schemas import Problem
from matinee.web.middleware.body_limit import BodyLimit
from matinee.web.middleware.head import HeadAsGet
from matinee.web.middleware.locations import Locations
from matinee.web.middleware.rate_limit import RateLimit
from matinee.web.middleware.request_log import RequestLog
from matinee.web.middleware.request_metrics import RequestMetrics
from matinee.web.pages import PAGES
from matinee.web.rendering import problems
from matinee.web.rendering.shared_text import SharedText
from matinee.web.security.addresses import parsed_hosts
from matinee.web.security.cookies import CookieJar, Cookies
from matinee.web.security.csrf import require_form_token
from matinee.web.security.headers import SecurityHeaders
from matinee.web.services import Services
from matinee.web.settings import Settings
from matinee.web.store.engine import N_THREADS

API = "/api/v1"
STATIC = Path(__file__).parent / "static"
# What is shorter fits into one packet anyway. Level 9 takes three times as long as level 4 for little more.
# In the same time Brotli saves 1.1 of the 7.3 kB of the home page, and 0.1 of the 1.3 kB after a star: too
# little for two more packages.
SHORTEST_COMPRESSED, COMPRESSION = 1_400, 4


class OwnFiles(StaticFiles):
    """Static files. Browsers keep them, and ask each time whether they have changed."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        """The file, or 304 if the browser already has it."""
        response = super().file_response(*args, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


class Application(FastAPI):
    """FastAPI that adds the schema of problem details, which every error has, to the OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        document["components"]["schemas"].setdefault(Problem.__name__, Problem.model_json_schema())
        return document


def create_app(settings: Settings) -> FastAPI:
    """The application with these settings. Opens the database and loads the model.

    Raises
    ------
    DataError, ModelFileError
        If the database or the model cannot be used.
    """
    services = Services.open(settings)
    app = Application(
        title="Matinee",
        summary="Movie recommendations by Alternating Least Squares",
        version=__version__,
        lifespan=_lifespan,
        openapi_url=f"{API}/openapi.json",
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        docs_url=None,  # these pages would load scripts from other servers
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    app.state.report = SharedText()
    problems.install(app)
    _add_routes(app, settings)
    _add_middleware(app, settings, services)
    return app


def _add_routes(app: FastAPI, settings: Settings) -> None:
    for router in (*api.ROUTERS, *([api.BASE_USERS] if settings.base_users else [])):
        app.include_router(router, prefix=API)
    app.include_router(api.OPERATIONS)
    for router in PAGES:
        app.include_router(router, include_in_schema=False, dependencies=[Depends(require_form_token)])
    app.mount("/static", OwnFiles(directory=STATIC), name="static")


def _add_middleware(app: FastAPI, settings: Settings, services: Services) -> None:
    # A request passes through the last one added first.
    app.add_middleware(
        Cookies,
        jar=CookieJar(services.secret),
        always_secure=settings.secure_cookies,
        root=settings.root_path,
    )
    app.add_middleware(BodyLimit, limit=settings.body_limit)
    if settings.rate_limit:
        app.add_middleware(RateLimit, limit=settings.rate_limit)
    app.add_middleware(GZipMiddleware, minimum_size=SHORTEST_COMPRESSED, compresslevel=COMPRESSION)
    app.add_middleware(HeadAsGet)
    if settings.allowed_hosts:
        hosts = parsed_hosts(settings.allowed_hosts)
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(Locations, root=settings.root_path)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestMetrics)
    app.add_middleware(RequestLog)


def worker_app() -> FastAPI:
    """The application of a worker process, which reads its settings from the environment."""
    return create_app(Settings.from_environment())


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    services.current_model.start()
    to_thread.current_default_thread_limiter().total_tokens = N_THREADS
    await to_thread.run_sync(services.counts.warm)
    # One request uses one thread, in numpy too: the workers already spread requests over the processors.
    with threadpool_limits(1):
        try:
            yield
        finally:
            services.close()
