"""Sign in, sign out, and who one is: `/api/v1/session`."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from channels.body import StrictBody, Words
from gateway.accounts.lockout import TooManyTries
from gateway.accounts.permissions import Account, Permission, Role
from gateway.accounts.sign_in import SignInRefused
from gateway.web.body import read_json
from gateway.web.parts import ACCOUNT, PARTS, SESSION, WebParts
from gateway.web.problems import Problem
from gateway.web.signed_in import check_origin, forget_session, session_token, set_session

_NO_STORE: Final = {"Cache-Control": "no-store"}


class Credentials(StrictBody):
    """Who signs in."""

    name: Annotated[Words, Field(min_length=1, max_length=64)]
    password: Annotated[Words, Field(min_length=1, max_length=200)]
    code: str | None = Field(
        None, pattern="^[0-9]{6}$", description="the one-time code, where the account has one"
    )


class SignedIn(StrictBody):
    """Who one is, and what one may."""

    name: str
    role: Role
    unit: str | None = Field(description="the code of a unit clerk's unit")
    permissions: list[Permission]
    csrf_token: str | None = Field(
        description="to be sent as X-CSRF-Token with each change; null with a bearer token"
    )


async def open_session(request: web.Request) -> web.Response:
    """Sign in by name, password and code; a session that the browser had before ends."""
    parts = request.app[PARTS]
    check_origin(request, asked=False)
    token = await begin_session(request, await read_json(request, Credentials, told=True))
    account = await parts.sign_in.sessions.account_of(token)
    if account is None:
        raise Problem("sign-in-refused", "the account was disabled just now", "该账号刚刚被停用")
    response = _told(parts, account, token)
    set_session(request, response, token)
    return response


async def begin_session(request: web.Request, credentials: Credentials) -> str:
    """Return the token of a new session; one that the browser had before ends.

    The one way in, for the API and for the page: raises a `Problem` where the credentials do not
    go together, or where there were too many tries.
    """
    parts = request.app[PARTS]
    try:
        return await parts.sign_in.sign_in(
            credentials.name.strip(),
            credentials.password,
            credentials.code,
            parts.limits.address_of(request),
            session_token(request),
        )
    except SignInRefused:
        raise Problem(
            "sign-in-refused",
            "check name, password and code; who needs a code and has none: ask an administrator",
            "请核对用户名、密码和动态验证码;需要验证码但尚未绑定的,请联系管理员",
        ) from None
    except TooManyTries as error:
        raise Problem(
            "too-many-attempts",
            f"wait {error.seconds} seconds, then try again",
            f"请于 {error.seconds} 秒后重试",
            headers={"Retry-After": str(error.seconds)},
        ) from None


async def show_session(request: web.Request) -> web.Response:
    """Tell who one is and what one may."""
    return _told(request.app[PARTS], request[ACCOUNT], request.get(SESSION))


async def close_session(request: web.Request) -> web.Response:
    """Sign out; a bearer token has no session, and stays."""
    response = web.Response(status=204, headers=_NO_STORE)
    token = request.get(SESSION)
    if token is not None:
        await request.app[PARTS].sign_in.sign_out(token)
        forget_session(request, response)
    return response


def _told(parts: WebParts, account: Account, token: str | None) -> web.Response:
    found = SignedIn(
        name=account.name,
        role=account.role,
        unit=account.unit,
        permissions=[permission for permission in Permission if account.may(permission)],
        csrf_token=parts.sign_in.sessions.csrf_token(token) if token else None,
    )
    return web.Response(
        body=found.model_dump_json().encode(), content_type="application/json", headers=_NO_STORE
    )
