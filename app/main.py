"""The HTTP application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from app import errors, openapi
from app.auth import KeyRing
from app.database import connect, sessions_of
from app.logs import RequestLog
from app.routers import (
    campaigns,
    catalog,
    dispositions,
    evaluations,
    forecasts,
    health,
    imports,
    inventory,
    job_events,
    jobs,
    ltv,
    mappings,
    order_lists,
    policies,
    previews,
    rejects,
    sales,
    sell_through,
    sell_through_list,
    sku,
)
from app.routers.body_limit import BodyLimit
from app.routers.streams import Streams
from app.settings import Settings

STATIC = Path(__file__).parent / "static"
RESOURCES = (  # the hottest first: routes are tried in this order
    sell_through,  # some of its paths are longer than one that takes all below /sku
    sku,
    dispositions,
    inventory,
    sell_through_list,
    sales,
    catalog,
    ltv,
    order_lists,
    campaigns,
    policies,
    evaluations,
    forecasts,
    imports,
    rejects,
    previews,
    mappings,
    jobs,
    job_events,
)


def create_app(url: str, settings: Settings) -> FastAPI:
    """The service on a database that is migrated already."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.engine.dispose()

    app = FastAPI(
        title="LTV-Zaiko",
        version=version("ltv-zaiko"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        swagger_ui_parameters={"persistAuthorization": True},
    )
    serve_from(app, url, settings)
    for module in RESOURCES:
        app.include_router(module.router)
    app.include_router(health.router)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog, answer=errors.answer_unexpected)
    errors.install(app)
    openapi.install(app)
    _add_pages(app)
    return app


def serve_from(app: FastAPI, url: str, settings: Settings) -> None:
    """Connect the service to a database."""
    engine = connect(url, pool_size=settings.pool_size)
    app.state.settings = settings
    app.state.engine = engine
    app.state.sessions = sessions_of(engine)
    app.state.reader = engine.execution_options(isolation_level="AUTOCOMMIT")
    app.state.keys = KeyRing(app.state.reader)
    app.state.streams = Streams()


def _add_pages(app: FastAPI) -> None:
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        # The JavaScript is ours to serve: Swagger UI must work where the internet does not reach.
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="LTV-Zaiko API",
            swagger_js_url="/static/swagger-ui/swagger-ui-bundle.js",
            swagger_css_url="/static/swagger-ui/swagger-ui.css",
            swagger_favicon_url="/static/swagger-ui/favicon-32x32.png",
            swagger_ui_parameters=app.swagger_ui_parameters,
        )
