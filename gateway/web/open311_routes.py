"""Routes of Open311, each in both formats."""

from collections.abc import Iterator
from typing import Any, Final

from channels.open311.documents import MEDIA_TYPES
from gateway.web import georeport, georeport_status
from gateway.web.route import KEY, Route

_GEOREPORT_FORM: Final = {
    "api_key": "the app's key",
    "service_code": "a service of the list",
    "jurisdiction_id": "this city's",
    "lat": "degrees of WGS 84",
    "long": "degrees of WGS 84",
    "address_string": "where it is, in words",
    "address_id": "where it is, as the city numbers places",
    "description": "what happened",
    "first_name": "of who reports",
    "last_name": "of who reports",
    "phone": "of who reports",
    "email": "of who reports",
    "account_id": "given back as it came",
    "media_url": "a picture, sound or video to fetch",
    "attribute[since]": "since when",
    "attribute[ongoing]": "yes or no",
}


def open311_routes() -> Iterator[Route]:
    """Open311's routes, each in both formats."""
    for wanted, media_type in MEDIA_TYPES.items():
        as_wanted = georeport.answering(wanted)
        reading: dict[str, Any] = {
            "access": "public", "media_type": media_type, "refusals": (400, 404),
        }  # fmt: skip
        version = "/open311/v2"
        yield Route(
            "GET", f"/open311/discovery.{wanted}", as_wanted(georeport.discovery),
            "Open311: where this interface is", **reading,
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/services.{wanted}", as_wanted(georeport.list_services),
            "Open311: what can be reported 事项列表", **reading,
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/services/{{service_code}}.{wanted}",
            as_wanted(georeport.define_service), "Open311: what may be said besides", **reading,
        )  # fmt: skip
        yield Route(
            "POST", f"{version}/requests.{wanted}", as_wanted(georeport.file_request),
            "Open311: file a request 提交诉求", "api key", media_type=media_type,
            form=_GEOREPORT_FORM, refusals=(400, 403, 404, 408, 409, 413, 503), parameters=(KEY,),
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/requests.{wanted}", as_wanted(georeport_status.list_requests),
            "Open311: where requests stand", **reading, query=georeport_status.RequestsQuery,
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/requests/{{service_request_id}}.{wanted}",
            as_wanted(georeport_status.show_request), "Open311: where one request stands",
            **reading,
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/tokens/{{token}}.{wanted}", as_wanted(georeport_status.show_token),
            "Open311: the request of a token", **reading,
        )  # fmt: skip
