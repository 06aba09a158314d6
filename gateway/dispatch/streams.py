"""The Redis streams: their names, their groups, what is lost and what is done."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ResponseError

from triage.decision import Tier

STREAMS: Final = {tier: f"jiesu:{{dispatch}}:{tier}" for tier in Tier}
DEAD: Final = "jiesu:{dispatch}:dead"
Client = Redis | RedisCluster
Connect = Callable[[], Awaitable[Client]]
EntryId = tuple[int, int]
NO_ENTRY: Final[EntryId] = (0, 0)

# Finds what every listed group has read and acknowledged, looking at most at ARGV[1] entries
# from the start. A group that is not there yet has read nothing.
_DONE: Final = """
local infos, lowest = {}, nil
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local fields = {}
  for at = 1, #info, 2 do fields[info[at]] = info[at + 1] end
  infos[fields['name']] = fields
end
for at = 2, #ARGV do
  if not infos[ARGV[at]] then return {} end
end
local done = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])) do
  local id = entry[1]
  local ms, seq = id:match('(%d+)-(%d+)')
  local open = false
  for at = 2, #ARGV do
    local info = infos[ARGV[at]]
    local last_ms, last_seq = info['last-delivered-id']:match('(%d+)-(%d+)')
    local later = #ms > #last_ms or (#ms == #last_ms and (ms > last_ms or
      (ms == last_ms and tonumber(seq) > tonumber(last_seq))))
    if later or (info['pending'] > 0 and
        #redis.call('XPENDING', KEYS[1], ARGV[at], id, id, 1) > 0) then
      open = true
      break
    end
  end
  if not open then
    done[#done + 1] = id
  end
end
return done
"""


def read_entry_id(text: bytes | str) -> EntryId:
    """Return an entry id as numbers that compare as Redis compares them."""
    milliseconds, _, sequence = (text.decode() if isinstance(text, bytes) else text).partition("-")
    return int(milliseconds), int(sequence or 0)


class Streams:
    """The streams of one Redis, Valkey or cluster of them; all keys lie in one hash slot."""

    def __init__(self, connect: Connect, groups: Sequence[str]) -> None:
        self._connect = connect
        self._connected: Client | None = None
        self._groups = tuple(groups)

    async def _redis(self) -> Client:
        """Return the client; Redis need not be there before it is first asked for."""
        if self._connected is None:
            self._connected = await self._connect()
        return self._connected

    async def prepare(self) -> None:
        """Make sure that every stream has every group, reading from its first entry."""
        redis = await self._redis()
        for stream in STREAMS.values():
            for group in self._groups:
                try:
                    await redis.xgroup_create(stream, group, id="0", mkstream=True)
                except ResponseError as error:
                    if "BUSYGROUP" not in str(error):
                        raise

    async def publish(
        self, tier: Tier, entries: Sequence[dict[str, str]]
    ) -> tuple[EntryId, list[EntryId]]:
        """Append the entries; return the last id that was there before, and their ids.

        Both in one transaction: an id that is lower than we remember shows that Redis has lost
        entries, however short the time in which it did.
        """
        stream = STREAMS[tier]
        redis = await self._redis()
        async with redis.pipeline(transaction=True) as pipe:
            pipe.xinfo_stream(stream)
            for entry in entries:
                pipe.xadd(stream, entry)  # type: ignore[arg-type]
            answers = await pipe.execute(raise_on_error=False)
        for answer in answers[1:]:
            if isinstance(answer, Exception):
                raise answer
        return _last_id(answers[0]), [read_entry_id(answer) for answer in answers[1:]]

    async def last_id(self, tier: Tier) -> EntryId:
        """Return the id of the last entry that the stream ever had; zero if there is none."""
        try:
            redis = await self._redis()
            return _last_id(await redis.xinfo_stream(STREAMS[tier]))
        except ResponseError as error:
            return _last_id(error)

    async def done(self, tier: Tier, most: int) -> list[EntryId]:
        """Return what every group has acknowledged among the oldest entries."""
        redis = await self._redis()
        done = await redis.eval(_DONE, 1, STREAMS[tier], str(most), *self._groups)
        return [read_entry_id(entry) for entry in done]

    async def delete(self, tier: Tier, entries: Sequence[EntryId]) -> None:
        """Delete the entries."""
        redis = await self._redis()
        await redis.xdel(STREAMS[tier], *(f"{entry[0]}-{entry[1]}" for entry in entries))

    async def ping(self) -> None:
        """Raise what Redis raises when it is not there."""
        redis = await self._redis()
        await redis.ping()

    async def close(self) -> None:
        """Give the connections back."""
        if self._connected is not None:
            await self._connected.aclose()


def _last_id(info: Any) -> EntryId:
    """Read XINFO STREAM's answer; a stream that is not there has had no entry."""
    if isinstance(info, ResponseError):
        if "no such key" not in str(info):
            raise info
        return NO_ENTRY
    return read_entry_id(info["last-generated-id"])


async def connect(url: str) -> Client:
    """Return a client for the URL, a cluster's where the server says that it is one.

    Raises what Redis raises when nobody answers.
    """
    options: dict[str, Any] = {"socket_timeout": 5, "socket_connect_timeout": 2}
    client = Redis.from_url(url, **options)
    if url.startswith("unix:"):
        return client
    info = await client.info("cluster")
    if not info.get("cluster_enabled"):
        return client
    await client.aclose()
    return RedisCluster.from_url(url, **options)
