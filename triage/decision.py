"""The decision on one appeal: the contract between triage and everything that follows it."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Kind(StrEnum):
    """What the citizen wants: 咨询, 求助, 投诉, 举报, 建议, 表扬."""

    INQUIRY = "inquiry"
    ASSISTANCE = "assistance"
    COMPLAINT = "complaint"
    REPORT = "report"
    SUGGESTION = "suggestion"
    PRAISE = "praise"


class Topic(StrEnum):
    """First level of the national matter taxonomy."""

    CONSTRUCTION = "城乡建设"
    PARTY_AFFAIRS = "党务政务"
    LAND = "国土资源"
    ENVIRONMENT = "环境保护"
    DISCIPLINE = "纪检监察"
    TRANSPORT = "交通运输"
    ECONOMY = "经济管理"
    TECHNOLOGY = "科技与信息产业"
    CIVIL_AFFAIRS = "民政"
    AGRICULTURE = "农村农业"
    COMMERCE = "商贸旅游"
    HEALTH = "卫生计生"
    LAW = "政法"
    EDUCATION = "教育文体"
    LABOUR = "劳动和社会保障"


class Tier(StrEnum):
    """Urgency of DB11/T 2021-2022, most urgent first."""

    EMERGENCY = "emergency"
    LIVELIHOOD = "livelihood"
    GENERAL = "general"


#: Rank of each tier; a higher number is more urgent.
URGENCY: dict[Tier, int] = {Tier.GENERAL: 0, Tier.LIVELIHOOD: 1, Tier.EMERGENCY: 2}


class Route(StrEnum):
    """Where the ticket goes next; the first of design.md that fits."""

    PERSON = "person"
    ANSWER = "answer"
    DISTRICT = "district"
    LEAD = "lead"
    DIRECT = "direct"


class ReasonKind(StrEnum):
    """Which part of the decision a reason speaks for."""

    TIER = "tier"
    MATTER = "matter"
    UNIT = "unit"
    PLACE = "place"
    DOMAIN = "domain"


#: The unit for local government's business when the place is not plain.
DISTRICT = "district"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reason(_Frozen):
    """One ground of the decision, in Chinese, and the place in the text that it rests on.

    `start` and `end` are Unicode code points of the source's text as it was given. A reason that
    rests on no single place spans the whole of the first source.
    """

    kind: ReasonKind
    text: str
    source: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Candidate(_Frozen):
    """A unit that might be the right one; `district` stands once, without the place."""

    code: str
    probability: float = Field(ge=0, le=1)


class ModelVersion(_Frozen):
    """Name and version of the model that had a part in the decision."""

    name: str
    version: str


class Decision(_Frozen):
    """What triage decided on one appeal. `unit` is null only with the route `person`."""

    kind: Kind
    topic: Topic
    matter: str | None
    tier: Tier
    route: Route
    unit: str | None
    supporting_units: tuple[str, ...]
    candidates: tuple[Candidate, ...] = Field(max_length=5)
    unit_set: tuple[str, ...]
    district: str | None
    street: str | None
    reasons: tuple[Reason, ...]
    automatic: bool
    model: ModelVersion
