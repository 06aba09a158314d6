"""The fields that our own JSON channels share, unlocked one by one at the edge."""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from channels.errors import FieldFault, MalformedAppeal, Unparsable
from channels.message import Place, Reporter


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("nul")
    return value


def speaks(text: str) -> bool:
    """Whether anything of a text is visible: not only spaces, controls or invisible marks."""
    return any(unicodedata.category(char)[0] not in "ZC" for char in text)


def _visible(value: str) -> str:
    if not speaks(value):
        raise ValueError("invisible")
    return value


Words = Annotated[str, AfterValidator(_no_nul)]
SpokenText = Annotated[Words, AfterValidator(_visible)]
ShortText = Annotated[Words, Field(min_length=1, max_length=200)]


class StrictBody(BaseModel):
    """A body of our own interfaces: unknown fields and coerced types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ReporterBody(StrictBody):
    """Who reports; every field may be left out, an appeal may be anonymous."""

    name: ShortText | None = Field(None, title="姓名 name")
    phone: ShortText | None = Field(None, title="电话 phone", examples=["13000000000"])
    identity_number: ShortText | None = Field(None, title="身份证号 identity number")
    address: ShortText | None = Field(None, title="地址 the reporter's own address")

    def to_reporter(self) -> Reporter:
        """Return the reporter as the message carries it."""
        return Reporter(**self.model_dump())


class PlaceBody(StrictBody):
    """Where the matter lies."""

    address: ShortText | None = Field(None, title="地点 where it is")
    longitude: float | None = Field(None, ge=-180, le=180, title="经度 degrees east, WGS 84")
    latitude: float | None = Field(None, ge=-90, le=90, title="纬度 degrees north, WGS 84")

    def to_place(self) -> Place:
        """Return the place as the message carries it."""
        return Place(**self.model_dump())


_REMOTE_URL = r"https?://[^\s/]+/\S*"


def is_remote_url(text: str) -> bool:
    """Whether it is a URL from which a medium may be fetched."""
    return re.fullmatch(_REMOTE_URL, text) is not None


class MediumBody(StrictBody):
    """A file that lies with the sender until it is fetched."""

    url: Words = Field(
        max_length=2000,
        pattern=f"^{_REMOTE_URL}$",
        title="where it lies, for a day",
    )
    name: ShortText = Field("attachment", title="its name")


_REMEDIES: dict[str, tuple[str, str]] = {
    "nul": ("remove the NUL character (\\u0000)", "请去掉空字符(\\u0000)"),
    "invisible": ("write something that can be read", "请填写内容"),
    "blank": (
        "say in words what happened, or attach a file",
        "请用文字说明情况,或附上文件",
    ),
    "json_invalid": ("send well-formed JSON in UTF-8", "请发送格式正确的 UTF-8 编码 JSON"),
    "extra_forbidden": ("remove this field: it is not known here", "请去掉此字段:本接口没有该字段"),
    "missing": ("add this field", "请补上此字段"),
    "string_type": ("send a string", "此字段应为字符串"),
    "string_unicode": (
        "send valid Unicode: lone surrogates are not text",
        "请发送有效的 Unicode 文本:不能含孤立的代理码元",
    ),
    "string_too_short": ("do not send an empty value; leave the field out", "请勿留空,可不填此项"),
    "string_too_long": (
        "shorten the value to {max_length} characters",
        "请缩短到 {max_length} 个字符以内",
    ),
    # So pydantic calls it where another check comes first.
    "too_short": ("do not send an empty value; leave the field out", "请勿留空,可不填此项"),
    "too_long": (
        "shorten the value to {max_length} characters",
        "请缩短到 {max_length} 个字符以内",
    ),
    "model_type": ("send a JSON object", "此处应为 JSON 对象"),
    "model_attributes_type": ("send a JSON object", "此处应为 JSON 对象"),
    "float_type": ("send a number", "此字段应为数字"),
    "finite_number": ("send a finite number", "此字段应为有限的数字"),
    "repeated": ("send this field once", "请勿重复此字段"),
}
_FIELD_NAME = re.compile(r"(?:/(?:[A-Za-z_][A-Za-z0-9_]{0,40}|\d{1,4}))+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FALLBACK = ("correct the value: {msg}", "请更正此字段的值")
Body = TypeVar("Body", bound=BaseModel)


def read_strictly(model: type[Body], body: bytes) -> Body:
    """Return the model of a JSON body; raise `MalformedAppeal` naming every bad field.

    A field that is given twice is refused: which of the two did the sender mean?
    """
    try:
        found = model.model_validate_json(body)
    except ValidationError as error:
        raise MalformedAppeal(*json_faults(error, body)) from None
    document = _PAIRS.decode(body.decode())
    if repeated := dict.fromkeys(_repeated(document)):
        remedy = _REMEDIES["repeated"]
        raise MalformedAppeal(*(FieldFault(pointer, *remedy) for pointer in repeated))
    return found


def fields_of(error: MalformedAppeal) -> str:
    """Return the bad fields for a reason kept in plain: a foreign key may be a citizen's."""
    return ", ".join(dict.fromkeys(_plain(fault.field) for fault in error.faults))


def _plain(pointer: str) -> str:
    if not pointer:
        return "body"
    return pointer if _FIELD_NAME.fullmatch(pointer) else "an unknown field"


def unknown_field(name: str) -> FieldFault:
    """Return the fault of a field that the interface does not have."""
    return _field_fault(name, "extra_forbidden")


def repeated_field(name: str) -> FieldFault:
    """Return the fault of a field that was given twice."""
    return _field_fault(name, "repeated")


def says_nothing() -> FieldFault:
    """Return the fault of an appeal with neither words nor files."""
    return _field_fault("text", "blank")


def nul_in_field(name: str) -> FieldFault:
    """Return the fault of a field that holds a NUL character."""
    return _field_fault(name, "nul")


def _field_fault(name: str, kind: str) -> FieldFault:
    return FieldFault(f"/{_pointer(name)}", *_REMEDIES[kind])


def within(text: str, max_text: int) -> str:
    """Return what a vendor's message says; raise `Unparsable` where it is too long to be kept."""
    if len(text) > max_text:
        raise Unparsable(f"text is longer than {max_text} characters")
    return text


def too_long(max_text: int) -> FieldFault:
    """Return the fault of a `text` with more than that many characters."""
    return FieldFault(
        "/text",
        f"shorten the text to {max_text} characters; attach the rest as a file",
        f"请将内容缩短到 {max_text} 个字符以内,其余部分可作为附件",
    )


def faults_of(error: ValidationError) -> tuple[FieldFault, ...]:
    """Turn pydantic's findings into faults that name field and remedy, never the value."""
    faults = []
    for item in error.errors(include_url=False, include_input=False):
        kind = item["type"]
        context: dict[str, Any] = dict(item.get("ctx", {}))
        if kind == "value_error":
            kind = str(context.get("error"))
        if kind == "json_invalid" and "hex escape" in str(context.get("error", "")):
            kind = "string_unicode"
        english, chinese = _REMEDIES.get(kind, _FALLBACK)
        context["msg"] = item["msg"]
        pointer = "".join(f"/{_pointer(part)}" for part in item["loc"])
        faults.append(FieldFault(pointer, english.format_map(context), chinese.format_map(context)))
    return tuple(faults)


def json_faults(error: ValidationError, body: bytes) -> tuple[FieldFault, ...]:
    """Like `faults_of`, and finds the field whose text holds a lone surrogate."""
    faults = faults_of(error)
    remedy = _REMEDIES["string_unicode"]
    if len(faults) == 1 and faults[0].remedy == remedy[0]:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return faults
        return tuple(FieldFault(pointer, *remedy) for pointer in _broken(document)) or faults
    return faults


class _Pairs(list[tuple[str, object]]):
    """An object of JSON with all its pairs, repeated keys among them."""


_PAIRS = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=float)


def _repeated(value: object, pointer: str = "") -> Iterator[str]:
    """Yield the pointers of all keys that an object has twice."""
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for key, inner in value:
            here = f"{pointer}/{_pointer(key)}"
            if key in seen:
                yield here
            seen.add(key)
            yield from _repeated(inner, here)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repeated(inner, f"{pointer}/{index}")


def _broken(value: object, pointer: str = "") -> Iterator[str]:
    """Yield the pointers of all strings that are not valid Unicode."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _broken(inner, f"{pointer}/{_pointer(key)}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _broken(inner, f"{pointer}/{index}")
    elif isinstance(value, str) and not value.isascii() and _SURROGATE.search(value):
        yield pointer


def _pointer(part: int | str) -> str:
    """Escape one step of a JSON pointer (RFC 6901); a foreign key is cut to a sane length."""
    return str(part).replace("~", "~0").replace("/", "~1")[:64]
