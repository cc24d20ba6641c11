"""/oidc: signing in by an identity provider (统一身份认证), OpenID Connect's authorization code flow with PKCE.

What the browser brings to the provider and back (state, nonce, code verifier) stands in a signed cookie of ten minutes;
it is signed with a key made from the client's secret, so that all workers know it.
"""

import hashlib
import hmac
from typing import Annotated, Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc.errors import JoseError

from api import errors
from api.deps import Database, Language
from api.pages.sign_in import AskSignIn, own_page, page
from api.routes.access import address_of, remember
from api.signing import OPEN, verb
from gridmgmt.access.operations import signing_in
from gridmgmt.database.work import Work
from gridmgmt.errors import GridmgmtError, IdentityRefused, IdentityUnknown, ProviderMissing, ProviderUnreachable
from gridmgmt.settings import Oidc
from gridmgmt.texts import word

router = APIRouter(prefix="/oidc", tags=["access"])

_COOKIE = "gridmgmt_oidc"
_LASTS_S = 600
_WAIT_S = 10.0
_REFUSALS = (AuthlibBaseError, JoseError, ValueError, KeyError, RuntimeError)
"""What Authlib raises where an answer of the provider does not hold, or is none."""


def _provider(request: Request) -> tuple[Oidc, StarletteOAuth2App, URLSafeTimedSerializer]:
    """The provider, its client, and what signs the cookie.

    Raises
    ------
    ProviderMissing
    """
    oidc: Oidc | None = request.app.state.settings.oidc
    if oidc is None:
        raise ProviderMissing()
    known = getattr(request.app.state, "oidc", None)
    if known is None:
        client = OAuth().register(
            "city",
            client_id=oidc.client_id,
            client_secret=oidc.client_secret,
            server_metadata_url=oidc.issuer.rstrip("/") + "/.well-known/openid-configuration",
            client_kwargs={"scope": "openid", "code_challenge_method": "S256", "timeout": _WAIT_S},
        )
        key = hmac.digest(oidc.client_secret.encode(), b"gridmgmt oidc cookie", hashlib.sha256)
        known = request.app.state.oidc = client, URLSafeTimedSerializer(key)
    return oidc, *known


@router.get("/login", include_in_schema=False, openapi_extra=verb(OPEN))
async def login(ask: Annotated[AskSignIn, Query()], request: Request, work: Database, lang: Language) -> Response:
    """Send the browser to the provider."""
    oidc, client, signer = _provider(request)
    session = request.scope["session"] = {"next": own_page(ask.next)}
    try:
        response = await _sent(request, oidc, client)
    except (IdentityRefused, ProviderUnreachable) as e:
        return await run_in_threadpool(_told, request, work, lang, session["next"], e)
    response.set_cookie(
        _COOKIE, str(signer.dumps(session)), max_age=_LASTS_S, path="/oidc", httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


async def _sent(request: Request, oidc: Oidc, client: StarletteOAuth2App) -> Response:
    """To the provider, with a new state, nonce and code challenge.

    Raises
    ------
    IdentityRefused, ProviderUnreachable
    """
    try:
        if (await client.load_server_metadata()).get("issuer") == oidc.issuer:
            sent: Response = await client.authorize_redirect(request, request.url_for("callback"))
            return sent
    except httpx2.HTTPError as e:
        raise ProviderUnreachable(reason=type(e).__name__) from e
    except _REFUSALS as e:
        raise IdentityRefused(reason=_said(e)) from e
    raise IdentityRefused(reason="issuer")


@router.get("/callback", include_in_schema=False, openapi_extra=verb(OPEN))
async def callback(request: Request, work: Database, lang: Language) -> Response:
    """Take who comes back from the provider: the session of his account, or what was wrong, on the sign-in page."""
    oidc, client, signer = _provider(request)
    session = request.scope["session"] = _session(request, signer)
    on, address = own_page(str(session.get("next", "/"))), address_of(request)
    try:
        subject = await _subject(request, work, oidc, client)
        made = await run_in_threadpool(signing_in.sign_in_as, work, oidc.issuer, subject, address=address)
    except (IdentityUnknown, IdentityRefused, ProviderUnreachable) as e:
        response: Response = await run_in_threadpool(_told, request, work, lang, on, e)
    else:
        response = RedirectResponse(on, 303)
        remember(response, request, made)
    response.delete_cookie(_COOKIE, path="/oidc")
    return response


def _told(request: Request, work: Work, lang: str, on: str, error: GridmgmtError) -> Response:
    return page(request, work, lang, on, word(error.code, error.facts, lang), errors.status_of(type(error)))


async def _subject(request: Request, work: Work, oidc: Oidc, client: StarletteOAuth2App) -> str:
    """Whom the provider made sure of, by the identity token: its signature, issuer, audience, nonce and time hold.

    Raises
    ------
    IdentityRefused, ProviderUnreachable
    """
    claims = {
        "iss": {"essential": True, "value": oidc.issuer},
        "aud": {"essential": True, "value": oidc.client_id},
        "sub": {"essential": True},
    }
    try:
        token = await client.authorize_access_token(request, claims_options=claims)
        return str(token["userinfo"]["sub"])
    except httpx2.HTTPError as e:
        raise ProviderUnreachable(reason=type(e).__name__) from e
    except _REFUSALS as e:
        said = _said(e)
        await run_in_threadpool(signing_in.refused_by_provider, work, oidc.issuer, said, address=address_of(request))
        raise IdentityRefused(reason=said) from e


def _said(error: Exception) -> str:
    """What was wrong, in a word of the standards where there is one; nothing of the answer itself."""
    return str(getattr(error, "error", None) or type(error).__name__)[:100]


def _session(request: Request, signer: URLSafeTimedSerializer) -> dict[str, Any]:
    """What the cookie holds; nothing where it is absent, too old, or not signed by us."""
    try:
        return dict(signer.loads(request.cookies.get(_COOKIE, ""), max_age=_LASTS_S))
    except BadSignature:
        return {}
