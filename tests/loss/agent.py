"""Agents at work: confirm, correct, now and then undo, and try again whatever is killed."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

_CONNECTIONS: Final = 8
_SECONDS: Final = aiohttp.ClientTimeout(total=10)
_UNITS: Final = ("police", "water-supply", "housing", "district-haidian", "gov-services")
_DISTRICT: Final = "district-haidian"
_NOT_NOW: Final = {"version-conflict", "not-yet-triaged", "nothing-to-undo", "too-late-to-undo"}


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What an agent was told is so."""

    version: int
    unit: str


@dataclass(slots=True)
class Minutes:
    """What the agents did; `confirmed` is what each ticket's last answer said."""

    confirmed: dict[str, Confirmed] = field(default_factory=dict)
    undone: int = 0
    corrected: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Return the counts in words."""
        answers = ", ".join(f"{count} {name}" for name, count in sorted(self.answers.items()))
        return (
            f"{len(self.confirmed)} confirmed, {self.corrected} corrections, "
            f"{self.undone} undone ({answers})"
        )


@dataclass(slots=True)
class Agents:
    """Several agents behind one token, who share the list of what waits."""

    urls: list[str]
    token: str
    dice: random.Random
    minutes: Minutes = field(default_factory=Minutes)
    undo: float = 0.04
    correct: float = 0.2

    async def work(self) -> None:
        """Confirm whatever waits until cancelled."""
        connector = aiohttp.TCPConnector(limit=2 * _CONNECTIONS)
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(
            connector=connector, timeout=_SECONDS, headers=headers
        ) as session:
            while True:
                # What seems to be no appeal stands aside, and is confirmed as the rest is.
                for queue in ("unconfirmed", "aside"):
                    path = f"/api/v1/tickets?limit=500&queue={queue}"
                    waiting = await self._ask(session, "GET", path)
                    lines = iter(waiting["tickets"] if waiting else ())
                    async with asyncio.TaskGroup() as group:
                        for _ in range(_CONNECTIONS):
                            group.create_task(self._confirm_all(session, lines))
                await asyncio.sleep(0.3)

    async def _confirm_all(self, session: aiohttp.ClientSession, lines: Any) -> None:
        for line in lines:
            await self._confirm(session, line)

    async def _confirm(self, session: aiohttp.ClientSession, line: dict[str, Any]) -> None:
        """Confirm one ticket at the version that was listed, perhaps undo it at once."""
        number = line["ticket_id"]
        path = f"/api/v1/tickets/{number}/confirmation"
        choice: dict[str, Any] = {"version": line["version"]}
        if line["unit"] is None or self.dice.random() < self.correct:
            choice["unit"] = self.dice.choice(_UNITS)
        if line["district"] is None:
            # What is local government's business needs the place; nobody asks in this proof.
            choice["district"] = _DISTRICT
        # From here until the answer nobody knows what the ticket will be.
        earlier = self.minutes.confirmed.pop(number, None)
        ticket = await self._ask(session, "POST", path, choice)
        if ticket is None:
            return
        if earlier is not None and ticket["version"] <= earlier.version:
            self.minutes.complaints.append(f"ticket {number} went back from v{earlier.version}")
        self.minutes.corrected += "unit" in choice
        if self.dice.random() < self.undo:
            undone = await self._ask(session, "DELETE", path)
            self.minutes.undone += undone is not None
            return
        self.minutes.confirmed[number] = Confirmed(ticket["version"], ticket["unit"])

    async def _ask(
        self, session: aiohttp.ClientSession, method: str, path: str, body: Any = None
    ) -> Any:
        """Return the answer; None where it has to be tried again from the list."""
        try:
            url = self.dice.choice(self.urls) + path
            async with session.request(method, url, json=body) as answer:
                status, document = answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            self.minutes.answers[type(error).__name__] += 1
            await asyncio.sleep(self.dice.uniform(0.05, 0.4))
            return None
        self.minutes.answers[str(status)] += 1
        if status == 200:
            return document
        problem = str(document.get("type", "")).rsplit("/", 1)[-1]
        if status != 503 and problem not in _NOT_NOW:
            self.minutes.complaints.append(f"{method} {path}: answered {status} {document}")
        return None
