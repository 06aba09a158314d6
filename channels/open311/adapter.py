"""From the form of `POST requests` to a message; the services that a form may name."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from channels.body import is_remote_url, nul_in_field, repeated_field
from channels.errors import ChannelError, FieldFault, MalformedAppeal
from channels.message import Message, Place, RemoteMedium, Reporter

CHANNEL: Final = "open311"
#: The service for whatever has none of its own.
OTHER: Final = "other"
_MOST_FIELDS, _LONGEST_VALUE = 60, 500
_ONGOING: Final = {"yes": "还在继续", "no": "已经停止"}
_PLACE: Final = FieldFault(
    "/address_string",
    "say where it is: lat and long, or address_string, or address_id",
    "请说明地点:经纬度(lat 与 long)、address_string 或 address_id",
)


class KeyRefused(ChannelError):
    """The API key is missing or nobody's."""


class UnknownName(ChannelError):
    """A service, request or jurisdiction that is not here; the message names the field."""


@dataclass(frozen=True, slots=True)
class Service:
    """What an app offers its users to choose from; one matter of the dispatch catalogue."""

    code: str
    name: str
    group: str
    keywords: tuple[str, ...] = ()

    def described(self) -> dict[str, object]:
        """The service as GeoReport lists it."""
        return {
            "service_code": self.code,
            "service_name": self.name,
            "description": self.name,
            "metadata": True,
            "type": "realtime",
            "keywords": ",".join(self.keywords) or None,
            "group": self.group,
        }


def definition(service: Service) -> dict[str, object]:
    """What may be said besides: the same two questions for every service, none of them required."""
    since: dict[str, object] = {
        "code": "since",
        "datatype": "string",
        "description": "从何时起 since when",
    }
    ongoing: dict[str, object] = {
        "code": "ongoing",
        "datatype": "singlevaluelist",
        "description": "现在是否还在继续 whether it is going on",
        "values": [{"key": key, "name": name} for key, name in _ONGOING.items()],
    }
    return {
        "service_code": service.code,
        "attributes": [
            {
                "variable": True,
                "required": False,
                "datatype_description": None,
                "order": order,
                **attribute,
            }
            for order, attribute in enumerate((since, ongoing), start=1)
        ],
    }


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of an urlencoded form; empty ones count as not given.

    Raises `MalformedAppeal` where it is no form, too long, or says a field twice.
    """
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise MalformedAppeal(
            FieldFault(
                "",
                f"send at most {_MOST_FIELDS} fields, urlencoded, in UTF-8",
                f"请以 UTF-8 编码的 urlencoded 表单发送,最多 {_MOST_FIELDS} 个字段",
            )
        ) from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedAppeal(repeated_field(name))
        if "\x00" in value:
            raise MalformedAppeal(nul_in_field(name))
        if value.strip():
            found[name] = value.strip()
    return found


def sender(form: Mapping[str, str], keys: Mapping[str, str]) -> str:
    """Return the name of the app whose key the form holds; raise `KeyRefused`."""
    given = form.get("api_key", "").encode()
    # Every key is compared, so that the time taken tells nothing.
    found = [app for app, key in keys.items() if hmac.compare_digest(key.encode(), given)]
    if not found:
        raise KeyRefused("api_key")
    return found[0]


def to_message(
    form: Mapping[str, str],
    service: Service,
    *,
    message_id: str | None,
    raw: bytes,
    max_text: int,
) -> Message:
    """Return the message; raise `MalformedAppeal` naming every field that is not right."""
    faults: list[FieldFault] = []
    place = _place(form, faults)
    text = _text(form, service, faults)
    media = _media(form, faults)
    faults += [
        _fault(
            name, f"shorten it to {_LONGEST_VALUE} characters", f"请缩短到 {_LONGEST_VALUE} 字以内"
        )
        for name, value in form.items()
        if name != "description" and len(value) > _LONGEST_VALUE
    ]
    if len(text) > max_text:
        faults.append(
            _fault(
                "description",
                f"shorten the description to {max_text} characters",
                f"请将内容缩短到 {max_text} 个字符以内",
            )
        )
    if faults:
        raise MalformedAppeal(*faults)
    return Message(
        channel=CHANNEL,
        message_id=message_id,
        text=text,
        raw=raw,
        reporter=_reporter(form),
        place=place,
        media=media,
    )


def _media(form: Mapping[str, str], faults: list[FieldFault]) -> tuple[RemoteMedium, ...]:
    url = form.get("media_url")
    if url is None:
        return ()
    if not is_remote_url(url):
        faults.append(_fault("media_url", "send an http(s) URL", "请填 http 或 https 地址"))
        return ()
    return (RemoteMedium(url),)


def _place(form: Mapping[str, str], faults: list[FieldFault]) -> Place | None:
    degrees = {
        name: _degrees(form, name, most, faults) for name, most in (("lat", 90), ("long", 180))
    }
    if ("lat" in form) != ("long" in form):
        faults.append(_fault("lat", "send lat and long together", "lat 与 long 须一并提供"))
    address = form.get("address_string") or form.get("address_id")
    if not address and "lat" not in form and "long" not in form:
        faults.append(_PLACE)
        return None
    return Place(address=address, longitude=degrees["long"], latitude=degrees["lat"])


def _degrees(
    form: Mapping[str, str], name: str, most: float, faults: list[FieldFault]
) -> float | None:
    if name not in form:
        return None
    try:
        value = float(form[name])
    except ValueError:
        value = most + 1
    if not -most <= value <= most:
        faults.append(
            _fault(
                name,
                f"send degrees of WGS 84, {-most} to {most}",
                f"请填 WGS 84 度数,{-most} 至 {most}",
            )
        )
        return None
    return value


def _text(form: Mapping[str, str], service: Service, faults: list[FieldFault]) -> str:
    """What the citizen chose and said, in the words that triage and agents read."""
    lines = [form.get("description", "")]
    if service.code != OTHER:
        lines.insert(0, f"{service.name}。")
    if since := form.get("attribute[since]"):
        lines.append(f"从何时起:{since}")
    if ongoing := form.get("attribute[ongoing]"):
        if ongoing not in _ONGOING:
            faults.append(_fault("attribute[ongoing]", "send yes or no", "请填 yes 或 no"))
        lines.append(f"{_ONGOING.get(ongoing, '')}。")
    text = "\n".join(line for line in lines if line)
    if not text and "media_url" not in form:
        faults.append(_fault("description", "say in words what happened", "请用文字说明情况"))
    return text


def _reporter(form: Mapping[str, str]) -> Reporter | None:
    """Chinese names are written together, family name first."""
    names = [form.get("last_name"), form.get("first_name")]
    given = [name for name in names if name]
    joined = "".join(given) if not any(name.isascii() for name in given) else " ".join(given[::-1])
    reporter = Reporter(name=joined or None, phone=form.get("phone"), email=form.get("email"))
    return reporter if reporter != Reporter() else None


def _fault(name: str, remedy: str, remedy_zh: str) -> FieldFault:
    return FieldFault(f"/{name[:64]}", remedy, remedy_zh)


def services_of(
    matters: Sequence[tuple[str, str, str]],
) -> dict[str, Service]:
    """The services by code, out of ids, names and topics of matters; `other` comes last."""
    found = {code: Service(code, name, group, (name, group)) for code, name, group in matters}
    return {**found, OTHER: Service(OTHER, "其他 other", "其他")}
