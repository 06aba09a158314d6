"""Every setting, read once at start-up; what cannot be right is refused with a sentence."""

import difflib
import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from gateway.channel_settings import ChannelSettings

PREFIX = "JIESU_"
_FIELD = re.compile(r'field "(\w+)"')


class SettingsError(Exception):
    """A setting is unknown or cannot be used; the message says which and what to do."""


class Settings(ChannelSettings):
    """Settings from the environment and `.env`, each with the prefix `JIESU_`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    data_dir: Path = Field(Path("var"), description="where the embedded parts keep their data")
    models_dir: Path | None = Field(
        None, description="the model bundle to serve; default: the one that ships"
    )
    catalogue_dir: Path | None = Field(
        None,
        description="units, areas, dispatch catalogue and tier rules; "
        "default `catalogue` in the data folder, seeded from those that ship",
    )
    database_url: str | None = Field(
        None,
        description="`postgresql+asyncpg://…`; default: SQLite in the data folder",
    )
    redis_url: str | None = Field(
        None,
        description="`redis://…` or `rediss://…`, a cluster included; default: an embedded Valkey",
    )
    attachments_url: str | None = Field(
        None,
        description="`s3://bucket/prefix` (credentials by the `AWS_…` variables); "
        "default: a folder in the data folder",
    )
    keys: str | None = Field(
        None,
        description="path of the key file, or its JSON; default: `keys.json` in the data folder, "
        "made at the first start",
    )
    groups: Annotated[tuple[str, ...], NoDecode] = Field(
        ("dispatch", "handling"),
        description="consumer groups of the streams, separated by commas; "
        "an entry is deleted when each of them has acknowledged it",
    )
    publish_unconfirmed_at: float = Field(
        0.9,
        ge=0,
        le=1,
        description="share of the dispatch clock after which a ticket is published although "
        "no agent has confirmed it; 0 publishes at once",
    )
    undo_seconds: float = Field(
        10, ge=0, le=600, description="seconds during which a confirmation can be undone"
    )
    claim_seconds: float = Field(
        120, ge=5, le=3600, description="seconds for which a ticket is an agent's who takes it"
    )
    hand_over_seconds: float = Field(
        900,
        ge=5,
        le=86400,
        description="seconds for which a ticket is a colleague's to whom it was handed over",
    )
    surge: bool = Field(
        False,
        description="calls surge, whatever supervisors switch: general appeals accepted meanwhile "
        "have 48 h to be dispatched",
    )
    surge_factor: float = Field(
        2.0, ge=1, le=100, description="times the normal inflow from which a surge is proposed"
    )
    surge_least: int = Field(
        200, ge=1, description="fewest appeals in 60 minutes from which a surge is proposed"
    )
    acknowledge_from: Literal["dispatch", "acceptance"] = Field(
        "dispatch", description="where the clock for acknowledging starts"
    )
    report_from: Literal["acknowledgement", "dispatch", "acceptance"] = Field(
        "acknowledgement", description="where the clock for the resolution report starts"
    )
    max_text: int = Field(100_000, ge=1, description="longest text of an appeal, in characters")
    max_body: int = Field(
        2 * 1024 * 1024, ge=1024, description="largest body without files, in bytes"
    )
    max_file: int = Field(200 * 1024 * 1024, ge=1024, description="largest attached file, in bytes")
    max_files: int = Field(9, ge=0, le=100, description="most files with one appeal")
    body_timeout: float = Field(
        30, gt=0, description="seconds in which a body without files must have arrived"
    )
    media_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="hosts inside from which media may be fetched by URL, separated by commas; "
        "others must have public addresses",
    )
    speech_model: Path | None = Field(
        None,
        description="folder with a speech model for sherpa-onnx (needs the extra `speech`); "
        "default: sound is not recognised",
    )
    appeals_per_minute: int = Field(
        60,
        ge=0,
        description="appeals that are taken from one address or chat in a minute, emergencies "
        "aside; 0 sets no limit",
    )
    second_factor: Literal["off", "privileged", "all"] = Field(
        "privileged",
        description="who needs a one-time code: nobody, those with much power, or all",
    )
    session_idle_minutes: int = Field(
        30, ge=1, le=24 * 60, description="minutes after which an unused session ends"
    )
    session_hours: int = Field(
        12, ge=1, le=24 * 30, description="hours after which a session ends however much used"
    )
    sign_in_tries: int = Field(
        5, ge=1, le=100, description="wrong passwords after which an account has to wait"
    )
    keep_people_days: int = Field(
        0,
        ge=0,
        description="days for which a closed ticket's personal data is kept; 0: for ever",
    )
    proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="addresses or networks of reverse proxies that are believed about senders"
    )
    conversation_minutes: float = Field(
        30,
        ge=0,
        le=24 * 60,
        description="minutes after its last message in which a chat goes on telling of the same "
        "matter; 0 makes every message an appeal of its own",
    )
    automatic_error: float = Field(
        0.03,
        ge=0,
        le=0.5,
        description="share of automatic decisions that may be wrong, which skip the agent and are "
        "published at once; 0 decides nothing automatically",
    )
    triage_processes: int = Field(1, ge=1, le=64, description="child processes that run the model")
    triage_batch: int = Field(64, ge=1, le=1024, description="most tickets triaged in one batch")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level that is logged"
    )
    log_format: Literal["json", "console"] = Field("json", description="how log lines look")
    otel_endpoint: str | None = Field(
        None,
        description="OTLP/HTTP endpoint for traces (needs the extra `otel`); default: no traces",
    )

    @field_validator("groups", "proxies", "media_hosts", mode="before")
    @classmethod
    def _split_lists(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("groups")
    @classmethod
    def _some_group(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("name at least one group, and each only once")
        return value

    @field_validator("proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            try:
                ip_network(item)
            except ValueError:
                raise ValueError("give addresses or networks such as 10.0.0.0/8") from None
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value and not value.startswith(("postgresql+asyncpg://", "sqlite+aiosqlite:///")):
            raise ValueError("start it with postgresql+asyncpg:// or sqlite+aiosqlite:///")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str | None) -> str | None:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("start it with redis://, rediss:// or unix://")
        return value

    @property
    def database(self) -> str:
        """The database's URL, the embedded one by default."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.resolve()}/jiesu.sqlite3"

    @property
    def catalogue(self) -> Path:
        """The folder with the catalogue that clerks edit."""
        return self.catalogue_dir or self.data_dir / "catalogue"


def read_settings() -> Settings:
    """Return the settings; raise `SettingsError` with one line for each that is wrong."""
    given = {**dotenv_values(".env"), **os.environ}
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in given:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; see docs/settings.md"
            raise SettingsError(f"{name} is not a setting{hint}")
    try:
        return Settings()
    except SourceError as error:
        # Of the settings that are tables only the name is told: the rest would quote secrets.
        named = _FIELD.search(str(error))
        name = f"{PREFIX}{named[1].upper()}" if named else "a setting"
        raise SettingsError(f'{name}: give it as JSON, {{"name": "secret"}}') from None
    except ValidationError as error:
        lines = [
            f"{PREFIX}{': '.join([str(item['loc'][0]).upper(), *map(str, item['loc'][1:])])}: "
            f"{item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None
