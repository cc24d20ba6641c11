"""/docs: the documentation of the API (接口说明), without a network."""

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from api.pages.policy import of_page
from api.standing.doors import PAGES_CSP

FILES = "/static-offline-docs"
"""Where fastapi-offline puts the files of the page."""

router = APIRouter()


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Every route, to read and to try."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="gridmgmt",
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url="/static/icon.svg",
        swagger_ui_parameters={"validatorUrl": None, "defaultModelsExpandDepth": 0},
    )
    page.headers["Content-Security-Policy"] = of_page(bytes(page.body).decode(), PAGES_CSP)
    return page
