"""The checks of the proof: each returns what is wrong, in words that name key and ticket."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from gateway.tickets.workflow import Confirmation, Status
from tests.loss.agent import Minutes
from tests.loss.evidence import Effect, Evidence
from tests.loss.feeder import Accepted, Journal
from tests.loss.generator import Story

_SHOWN = 12


class Checks:
    """All checks over one run; `agents` are the minutes of a run in which agents confirm."""

    def __init__(
        self,
        stories: Sequence[Story],
        journal: Journal,
        evidence: Evidence,
        agents: Minutes | None = None,
    ) -> None:
        self._stories = stories
        self._journal = journal
        self._evidence = evidence
        self._agents = agents
        self._by_story: dict[int, list[Accepted]] = {}
        for accepted in journal.accepted:
            self._by_story.setdefault(accepted.story, []).append(accepted)

    def all(self) -> None:
        """Raise `AssertionError` with what is wrong, and the histories of the tickets named."""
        checks: tuple[Callable[[], Iterator[str]], ...] = (
            self.answers, self.receipts, self.none_missing, self.none_doubled, self.words_kept,
            self.nothing_left_over, self.all_dispatched, self.took_effect_once,
            self.last_version_in_effect, self.agents_were_heard,
        )  # fmt: skip
        found = {check.__name__: list(check()) for check in checks}
        wrong = {name: complaints for name, complaints in found.items() if complaints}
        if wrong:
            raise AssertionError(self._told(wrong))

    def answers(self) -> Iterator[str]:
        """No request got an answer that retrying does not cure, and each repeat its receipt."""
        yield from self._journal.complaints

    def receipts(self) -> Iterator[str]:
        """Every story was accepted to its end, all of it on one ticket with one query code."""
        for story in self._stories:
            accepted = self._by_story.get(story.number, [])
            sent = [item.send for item in accepted]
            missing = [send.key for send in story.sends if send not in sent]
            if missing or len(accepted) != len(story.sends):
                yield f"story {story.number}: {missing} of {len(story.sends)} was never accepted"
            codes = {(a.receipt["ticket_id"], a.receipt["query_code"]) for a in accepted}
            if len(codes) > 1:
                yield f"story {story.number}: one matter, several receipts: {sorted(codes)}"

    def none_missing(self) -> Iterator[str]:
        """Every number that was given out is that of a stored ticket."""
        for accepted in self._journal.accepted:
            number = accepted.receipt["ticket_id"]
            if number not in self._evidence.tickets:
                yield f"{accepted.send.key}: ticket {number} is missing"

    def none_doubled(self) -> Iterator[str]:
        """There are as many tickets as stories, and no two stories share one."""
        given = Counter(
            {a[0].receipt["ticket_id"]: 0 for a in self._by_story.values()}
        )  # each ticket once a story
        given.update(a[0].receipt["ticket_id"] for a in self._by_story.values())
        for number, count in given.items():
            if count > 1:
                yield f"ticket {number} was given out for {count} stories"
        for number in self._evidence.tickets:
            if number not in given:
                yield f"ticket {number} was doubled: nobody has a receipt for it"
        if len(self._evidence.tickets) != len(self._stories):
            yield f"{len(self._evidence.tickets)} tickets of {len(self._stories)} stories"

    def words_kept(self) -> Iterator[str]:
        """Each ticket holds exactly what was sent about it, in order, with readable files."""
        for accepted in self._by_story.values():
            number = accepted[0].receipt["ticket_id"]
            stored = self._evidence.words.get(number, [])
            sent = [(a.send.channel, a.send.text, _digests(a)) for a in accepted]
            kept = [(words.channel, words.text, words.files) for words in stored]
            if sent != kept:
                keys = [words.message_id for words in stored]
                yield (
                    f"ticket {number}: {len(sent)} messages were sent ({accepted[0].send.key}), "
                    f"other ones are kept: {keys}"
                )
        for number in self._evidence.words.keys() - self._evidence.tickets.keys():
            yield f"ticket {number} is missing, its messages are there"

    def nothing_left_over(self) -> Iterator[str]:
        """Nothing waits in outbox, streams, dead letters or quarantine."""
        for row in self._evidence.outbox:
            yield f"left in the outbox: ticket {row}"
        for name, entries in self._evidence.streams.items():
            if entries:
                yield f"{entries} entries are left on {name}"
        if self._evidence.quarantined:
            yield f"{self._evidence.quarantined} messages are in quarantine"

    def all_dispatched(self) -> Iterator[str]:
        """Every ticket was triaged, let out by somebody, and dispatched."""
        for number, row in self._evidence.tickets.items():
            if row.needs_triage or row.untriaged:
                yield f"ticket {number} was not triaged"
            if row.status != Status.DISPATCHED or row.confirmation == Confirmation.NONE:
                yield f"ticket {number} is {row.status}, confirmation {row.confirmation}"
            for line in (f"v{row.version} ", " published by relay"):
                if not any(line in entry for entry in self._evidence.history.get(number, ())):
                    yield f"ticket {number}: nothing in its history says {line.strip()}"

    def took_effect_once(self) -> Iterator[str]:
        """No version took effect twice, and none after a newer one."""
        for group, effects in self._evidence.effects.items():
            last: dict[str, int] = {}
            for effect in effects:
                before = last.get(effect.ticket_id, 0)
                if effect.version <= before:
                    how = "twice" if effect.version == before else f"after v{before}"
                    yield (
                        f"ticket {effect.ticket_id}: v{effect.version} took effect {how} "
                        f"in {group}, at {effect.reader}"
                    )
                last[effect.ticket_id] = max(before, effect.version)

    def last_version_in_effect(self) -> Iterator[str]:
        """What a consumer has of each ticket at the end is the ticket as it is."""
        for group, effects in self._evidence.effects.items():
            current = {effect.ticket_id: effect for effect in effects}
            for number, row in self._evidence.tickets.items():
                effect = current.pop(number, None)
                if effect is None:
                    yield f"ticket {number} never reached {group}"
                elif differences := list(self._differences(number, row, effect)):
                    yield f"ticket {number} in {group}: {'; '.join(differences)}"
            for number in current:
                yield f"ticket {number} took effect in {group} and is not stored"

    def agents_were_heard(self) -> Iterator[str]:
        """What an agent was told is confirmed stays as the agent chose it."""
        if self._agents is None:
            return
        yield from self._agents.complaints
        for number, confirmed in self._agents.confirmed.items():
            row = self._evidence.tickets.get(number)
            if row is None or row.version < confirmed.version or row.unit != confirmed.unit:
                yield f"ticket {number}: v{confirmed.version} for {confirmed.unit} was undone"
        for number, row in self._evidence.tickets.items():
            if row.confirmation not in {Confirmation.AGENT, Confirmation.AUTOMATIC}:
                yield f"ticket {number} was let out by {row.confirmation}, not by an agent"

    def _differences(self, number: str, row: object, effect: Effect) -> Iterator[str]:
        told = {
            "version": effect.version,
            "dispatched_unit": effect.unit,
            "tier": effect.tier,
            "confirmation": effect.confirmation,
        }
        for name, value in told.items():
            stored = getattr(row, name)
            if stored != value:
                yield f"{name} is {stored}, the consumer has {value}"
        messages = len(self._evidence.words.get(number, ()))
        if messages != effect.messages:
            yield f"it has {messages} messages, the consumer knows {effect.messages}"

    def _told(self, wrong: dict[str, list[str]]) -> str:
        lines = []
        for name, complaints in wrong.items():
            lines += [f"{name}: {len(complaints)}", *(f"  {line}" for line in complaints[:_SHOWN])]
            for line in complaints[:_SHOWN]:
                number = next((word.strip(":") for word in line.split() if _is_number(word)), "")
                history = self._evidence.history.get(number, ())
                lines += [f"    {number} {entry}" for entry in history]
        return "\n".join(lines)


def _is_number(word: str) -> bool:
    return len(word.strip(":")) == 15 and word.strip(":").isdigit()


def _digests(accepted: Accepted) -> tuple[str, ...]:
    return tuple(hashlib.sha256(upload.content).hexdigest() for upload in accepted.send.files)
