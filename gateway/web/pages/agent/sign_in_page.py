"""`/agent/sign-in`: name, password and, where the account has one, the one-time code."""

from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from channels.body import faults_of
from gateway.accounts.permissions import Account
from gateway.web.pages.agent.frame import home_of, render_agent
from gateway.web.pages.agent.guard import SIGN_IN, local_path
from gateway.web.pages.forms import PageForm, faults_by_field, read_form
from gateway.web.pages.look import look_of
from gateway.web.pages.rendering import see, told
from gateway.web.parts import PARTS, SESSION
from gateway.web.problems import Problem, field_problem
from gateway.web.session import Credentials, begin_session
from gateway.web.signed_in import forget_session, session_token, set_session

_FIELDS: Final = (("/name", "name"), ("/password", "password"), ("/code", "code"))


async def show_sign_in(request: web.Request) -> web.Response:
    """Ask for name and password; who has signed in already goes on."""
    onward = local_path(request.query.get("next", ""))
    token = session_token(request)
    account = await request.app[PARTS].sign_in.sessions.account_of(token) if token else None
    if account is not None:
        return see(onward or home_of(request, account))
    return _ask(request, PageForm({"next": onward or ""}))


async def sign_in_by_form(request: web.Request) -> web.Response:
    """Sign in as the API does, and go where one was going to; what is wrong is told at once."""
    form = PageForm()
    try:
        await read_form(request, form)
        token = await begin_session(request, _credentials(form))
    except Problem as problem:
        return _ask(request, form, problem)
    account = await request.app[PARTS].sign_in.sessions.account_of(token)
    response = see(local_path(form.get("next")) or _home(request, account))
    set_session(request, response, token)
    return response


async def sign_out_by_form(request: web.Request) -> web.Response:
    """End the session."""
    response = see(f"{SIGN_IN}?done=left")
    if (token := request.get(SESSION)) is not None:
        await request.app[PARTS].sign_in.sign_out(token)
        forget_session(request, response)
    return response


def _home(request: web.Request, account: Account | None) -> str:
    return home_of(request, account) if account else SIGN_IN


def _credentials(form: PageForm) -> Credentials:
    code = "".join(form.get("code").split())
    given = {"name": form.get("name"), "password": form.get("password"), "code": code or None}
    try:
        return Credentials.model_validate(given)
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None


def _ask(request: web.Request, form: PageForm, problem: Problem | None = None) -> web.Response:
    left = request.query.get("done") == "left"
    context: dict[str, Any] = {
        "name": form.get("name"),
        "next": local_path(form.get("next")) or "",
        "problem": told(request, problem) if problem else None,
        "faults": faults_by_field(request, problem, _FIELDS) if problem else {},
        "notice": look_of(request).say("已退出登录。", "You have signed out.") if left else None,
    }
    status = problem.status if problem else 200
    response = render_agent(request, "agent_sign_in.html", context, here=SIGN_IN, status=status)
    if problem is not None and "Retry-After" in problem.headers:
        response.headers["Retry-After"] = problem.headers["Retry-After"]
    return response
