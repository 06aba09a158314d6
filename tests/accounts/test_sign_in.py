"""Signing in: password, second factor, waiting after wrong tries, sessions and their ends."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.accounts.accounts import Accounts
from gateway.accounts.audit import read_audit
from gateway.accounts.lockout import TooManyTries
from gateway.accounts.passwords import PasswordRefused, Passwords
from gateway.accounts.permissions import Account, Role
from gateway.accounts.second_factor import new_secret, step_of
from gateway.accounts.sign_in import SecondFactor, SignIn, SignInRefused
from gateway.clock import SimulatedClock
from gateway.tickets import schema
from gateway.tickets.database import Database
from tests.accounts.conftest import START

PASSWORD = "a long enough password"
AGENT = Account("agent-07", Role.AGENT)


@pytest.fixture
async def people(accounts: Accounts, passwords: Passwords) -> Accounts:
    """An administrator and an agent, who have the same password."""
    kept = await passwords.hash(PASSWORD)
    for name, role in (("chief", Role.ADMINISTRATOR), ("agent-07", Role.AGENT)):
        await accounts.add(name, role)
        await accounts.set_password(name, kept)
    return accounts


async def _enrol(accounts: Accounts, name: str) -> pyotp.TOTP:
    query = parse_qs(urlsplit(await accounts.enrol(name)).query)
    return pyotp.TOTP(query["secret"][0])


async def _come_in(
    door: SignIn, name: str = "agent-07", password: str = PASSWORD, code: str | None = None,
    address: str = "192.0.2.1",
) -> str:  # fmt: skip
    return await door.sign_in(name, password, code, address)


async def _fail(
    door: SignIn, times: int, name: str = "agent-07", address: str = "192.0.2.1"
) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            await _come_in(door, name, "wrong", address=address)


async def _try(door: SignIn, name: str, address: str = "192.0.2.1") -> None:
    """Count a wrong try without looking at any password, which takes its time."""
    await door.database.write(lambda c: door.lockout.begin(c, name, address))


async def _events(database: Database) -> Counter[tuple[str, str]]:
    async with database.read() as connection:
        lines = await read_audit(connection, limit=1000)
    return Counter((line["event"], line["actor"]) for line in lines)


async def test_a_password_opens_a_session(people: Accounts, door: SignIn) -> None:
    """The session is the account's; each one has a token of its own, and no other is taken."""
    one, other = await _come_in(door), await _come_in(door)
    assert one != other
    assert await door.sessions.account_of(one) == AGENT
    for wrong in ("", one[:-1], one.swapcase()):
        assert await door.sessions.account_of(wrong) is None


async def test_the_database_does_not_hold_the_token(
    people: Accounts, door: SignIn, database: Database
) -> None:
    """Whoever reads the tables can take over no session and learns no password."""
    token = await _come_in(door)
    async with database.read() as connection:
        kept = [
            *(await connection.execute(select(schema.sessions))),
            *(await connection.execute(select(schema.accounts))),
            *(await connection.execute(select(schema.audit))),
        ]
    for secret in (token, PASSWORD):
        assert secret not in str([tuple(row) for row in kept])


WRONG = {
    "a wrong password": ("agent-07", "another long password"),
    "nobody's name": ("agent-08", PASSWORD),
    "an account without password": ("clerk", PASSWORD),
    "a disabled account": ("gone", PASSWORD),
    "an account that must have a second factor and has none": ("chief", PASSWORD),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_does_not_fit_is_refused_alike(
    people: Accounts, door: SignIn, passwords: Passwords, name: str
) -> None:
    """Whatever is wrong, the answer is the same one."""
    await people.add("clerk", Role.UNIT_CLERK, "gas")
    await people.add("gone", Role.AGENT)
    await people.set_password("gone", await passwords.hash(PASSWORD))
    await people.disable("gone")
    with pytest.raises(SignInRefused) as refused:
        await _come_in(door, *WRONG[name])
    assert str(refused.value) == ""


async def test_passwords_are_the_same_however_they_are_typed(passwords: Passwords) -> None:
    """Full-width letters are the letters; another password is another one, also beside no hash."""
    kept = await passwords.hash("Correct Horse 12")
    assert await passwords.fits("Ｃｏｒｒｅｃｔ　Ｈｏｒｓｅ　１２", kept)
    assert not await passwords.fits("correct horse 12", kept)
    assert not await passwords.fits("Correct Horse 12", None)
    assert not await passwords.fits("Correct Horse 12", "not a hash of ours")


@pytest.mark.parametrize("password", ["", "short", "x" * 201])
async def test_passwords_are_long_enough(passwords: Passwords, password: str) -> None:
    """One that is too short, or absurdly long, is not taken."""
    with pytest.raises(PasswordRefused, match="12 to 200"):
        await passwords.hash(password)


async def test_a_code_is_asked_for_and_used_once(
    people: Accounts, door: SignIn, clock: SimulatedClock
) -> None:
    """With a second factor the password alone is not enough, and a code opens one session."""
    codes = await _enrol(people, "chief")
    code = codes.at(clock.now())
    with pytest.raises(SignInRefused):
        await _come_in(door, "chief")
    assert await _come_in(door, "chief", code=code)
    with pytest.raises(SignInRefused):
        await _come_in(door, "chief", code=code)
    clock.advance(timedelta(seconds=30))
    assert await _come_in(door, "chief", code=codes.at(clock.now()))


async def test_an_older_code_does_not_come_after_a_newer_one(
    people: Accounts, door: SignIn, clock: SimulatedClock
) -> None:
    """One who looked over a shoulder cannot use the code before the one that was used."""
    codes = await _enrol(people, "chief")
    earlier = codes.at(clock.now())
    clock.advance(timedelta(seconds=30))
    await _come_in(door, "chief", code=codes.at(clock.now()))
    with pytest.raises(SignInRefused):
        await _come_in(door, "chief", code=earlier)


async def test_a_code_used_twice_at_once_opens_one_session(
    people: Accounts, door: SignIn, clock: SimulatedClock
) -> None:
    """Of two that come at the same moment with one code, one is let in."""
    codes = await _enrol(people, "chief")
    code = codes.at(clock.now())
    found = await asyncio.gather(
        *(_come_in(door, "chief", code=code) for _ in range(2)), return_exceptions=True
    )
    assert sorted(isinstance(item, SignInRefused) for item in found) == [False, True]


@given(off=st.integers(-300, 300), start=st.integers(0, 10**6))
@settings(max_examples=60)
def test_a_code_is_good_for_its_step_and_one_beside_it(off: int, start: int) -> None:
    """A clock that is off by one step still fits; two steps are too many."""
    secret = new_secret()
    now = START + timedelta(seconds=start)
    then = now + timedelta(seconds=off)
    step = step_of(secret, pyotp.TOTP(secret).at(then), now)
    steps = int(then.timestamp()) // 30 - int(now.timestamp()) // 30
    assert (step is not None) == (abs(steps) <= 1)
    if step is not None:
        assert step == int(then.timestamp()) // 30


@pytest.mark.parametrize("code", ["", "12345", "1234567", "一二三四五六", "१२३४५६"])
def test_what_is_no_code_fits_never(code: str) -> None:
    """Codes are six ASCII digits; anything else is no code and no failure of ours."""
    assert step_of(new_secret(), code, START) is None


REQUIRED: dict[SecondFactor, set[Role]] = {
    "off": set(),
    "privileged": {Role.ADMINISTRATOR, Role.AUDITOR, Role.SUPERVISOR},
    "all": set(Role),
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("setting", REQUIRED)
async def test_who_must_have_a_second_factor(
    accounts: Accounts, passwords: Passwords, door: SignIn, setting: SecondFactor
) -> None:
    """The setting says whose password alone is not enough."""
    door = replace(door, second_factor=setting)
    kept = await passwords.hash(PASSWORD)
    came_in = set()
    for role in sorted(Role, key=lambda role: role is not Role.ADMINISTRATOR):
        await accounts.add(role, role, "gas" if role is Role.UNIT_CLERK else None)
        await accounts.set_password(role, kept)
        with suppress(SignInRefused):
            await _come_in(door, role)
            came_in.add(role)
    assert came_in == set(Role) - REQUIRED[setting]


async def test_wrong_tries_wait_longer_and_longer(
    people: Accounts, door: SignIn, clock: SimulatedClock
) -> None:
    """After three wrong tries one waits half a minute, then twice as long each time, then in."""
    await _fail(door, 3)
    waited = []
    for _ in range(9):
        with pytest.raises(TooManyTries) as refused:
            await _come_in(door)
        waited.append(refused.value.seconds)
        clock.advance(timedelta(seconds=refused.value.seconds))
        await _fail(door, 1)
    assert waited == [31, 61, 121, 241, 481, 961, 1921, 3601, 3601]
    clock.advance(timedelta(hours=2))
    await _come_in(door)
    await _fail(door, 2)
    await _come_in(door)


async def test_nobody_waits_like_somebody(people: Accounts, door: SignIn) -> None:
    """A name that is no account's is locked out just as one that is: waiting tells nothing."""
    for name in ("agent-07", "agent-08"):
        await _fail(door, 3, name, address=f"192.0.2.{len(name)}")
        with pytest.raises(TooManyTries):
            await _come_in(door, name, address="198.51.100.7")


async def test_an_address_waits_for_all_names(people: Accounts, door: SignIn) -> None:
    """One password tried on many accounts is stopped by the address; another address goes on."""
    for number in range(30):
        await _try(door, f"nobody-{number // 3}")
    with pytest.raises(TooManyTries):
        await _come_in(door)
    assert await _come_in(door, address="198.51.100.7")


async def test_an_address_of_ipv6_is_its_network(people: Accounts, door: SignIn) -> None:
    """Who has a network of 2⁶⁴ addresses is counted as one."""
    for number in range(30):
        await _try(door, f"nobody-{number // 3}", f"2001:db8:1:2::{number:x}")
    with pytest.raises(TooManyTries):
        await _come_in(door, address="2001:db8:1:2:ffff::1")
    assert await _come_in(door, address="2001:db8:1:3::1")


async def test_tries_at_once_gain_nothing(people: Accounts, door: SignIn) -> None:
    """Of twenty tries that come at the same moment, three are looked at."""
    found = await asyncio.gather(
        *(_come_in(door, password="wrong password") for _ in range(20)), return_exceptions=True
    )
    assert Counter(type(item) for item in found) == {SignInRefused: 3, TooManyTries: 17}


async def test_wrong_tries_are_forgotten_after_a_day(
    people: Accounts, door: SignIn, clock: SimulatedClock, database: Database
) -> None:
    """What happened yesterday counts no more, and its rows are gone."""
    await _fail(door, 2)
    await _fail(door, 1, "nobody")
    clock.advance(timedelta(days=1, seconds=1))
    await _fail(door, 2)
    await _come_in(door)
    async with database.read() as connection:
        rows = (await connection.execute(select(schema.sign_in_failures))).all()
    assert len(rows) == 1


async def test_what_happens_at_the_door_is_told_of(
    people: Accounts, door: SignIn, database: Database
) -> None:
    """Each sign-in, failure, lockout and sign-out; a name that is nobody's is not repeated."""
    before = await _events(database)
    await door.sign_out(await _come_in(door))
    await _fail(door, 3)
    await _fail(door, 1, "a password typed as name")
    assert await _events(database) - before == {
        ("signed_in", "agent-07"): 1,
        ("signed_out", "agent-07"): 1,
        ("sign_in_failed", "agent-07"): 3,
        ("locked_out", "agent-07"): 1,
        ("sign_in_failed", "nobody"): 1,
    }


async def test_a_session_ends_when_it_is_idle(
    people: Accounts, door: SignIn, clock: SimulatedClock
) -> None:
    """Half an hour without use is the end; use within it is not."""
    token = await _come_in(door)
    for _ in range(4):
        clock.advance(timedelta(minutes=29))
        assert await door.sessions.account_of(token) == AGENT
    clock.advance(timedelta(minutes=31))
    assert await door.sessions.account_of(token) is None


async def test_a_session_ends_when_it_is_old(
    people: Accounts, door: SignIn, clock: SimulatedClock, database: Database
) -> None:
    """Eight hours are the end however much it is used, and the next sign-in sweeps it away."""
    token = await _come_in(door)
    for _ in range(24):
        assert await door.sessions.account_of(token) == AGENT
        clock.advance(timedelta(minutes=20, seconds=1))
    assert await door.sessions.account_of(token) is None
    await _come_in(door)
    async with database.read() as connection:
        assert len((await connection.execute(select(schema.sessions))).all()) == 1


@pytest.mark.parametrize("change", ["password", "second factor", "disabled"])
async def test_a_session_does_not_outlive_what_it_stands_on(
    people: Accounts, door: SignIn, passwords: Passwords, change: str
) -> None:
    """A new password, a new second factor and disabling end all sessions, of this account only."""
    codes = await _enrol(people, "chief")
    chief = await _come_in(door, "chief", code=codes.at(door.clock.now()))
    tokens = [await _come_in(door), await _come_in(door)]
    if change == "password":
        await people.set_password("agent-07", await passwords.hash("yet another password"))
    elif change == "second factor":
        await people.enrol("agent-07")
    else:
        await people.disable("agent-07")
    for token in tokens:
        assert await door.sessions.account_of(token) is None
    assert await door.sessions.account_of(chief) == Account("chief", Role.ADMINISTRATOR)
    with pytest.raises(SignInRefused):
        await _come_in(door)


async def test_signing_in_again_ends_the_session_before(people: Accounts, door: SignIn) -> None:
    """The token that a browser had before is worth nothing after it signed in."""
    before = await _come_in(door)
    after = await door.sign_in("agent-07", PASSWORD, None, "192.0.2.1", before)
    assert await door.sessions.account_of(before) is None
    assert await door.sessions.account_of(after) == AGENT


async def test_a_csrf_token_belongs_to_its_session(people: Accounts, door: SignIn) -> None:
    """Each session has its own, and it is not the session's token."""
    one, other = await _come_in(door), await _come_in(door)
    tokens = {door.sessions.csrf_token(one), door.sessions.csrf_token(other)}
    assert len(tokens) == 2
    assert not tokens & {one, other}
