"""From the fields of the page's form to an appeal."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from channels.appeal import AppealBody
from channels.body import faults_of
from channels.errors import FieldFault, MalformedAppeal

CHANNEL: Final = "web"
_REPORTER: Final = ("name", "phone")
_COORDINATES: Final = ("longitude", "latitude")


def read_fields(fields: Mapping[str, str]) -> AppealBody:
    """Return the appeal of the form's fields, all of which may be blank or missing.

    Raises `MalformedAppeal`.
    """
    given = {name: value.strip() for name, value in fields.items() if value.strip()}
    reporter = {name: given[name] for name in _REPORTER if name in given}
    place: dict[str, Any] = {"address": given["address"]} if "address" in given else {}
    if all(name in given for name in _COORDINATES):
        place |= {name: _degrees(name, given[name]) for name in _COORDINATES}
    values = {"text": given.get("text"), "reporter": reporter or None, "place": place or None}
    try:
        return AppealBody.model_validate(values)
    except ValidationError as error:
        raise MalformedAppeal(*faults_of(error)) from None


def _degrees(name: str, given: str) -> float:
    try:
        return float(given)
    except ValueError:
        fault = FieldFault(f"/place/{name}", "send degrees as a number", "请提供以度为单位的数字")
        raise MalformedAppeal(fault) from None
