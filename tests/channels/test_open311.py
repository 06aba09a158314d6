"""Open311 GeoReport v2 as its specification has it, over a gateway that runs."""

import json
import re
import uuid
from collections.abc import Iterator
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from channels.errors import MalformedAppeal
from channels.open311.adapter import read_form, services_of, to_message
from channels.open311.documents import written
from tests.web.test_odd_words import decided
from tests.web.wire import Reply, Served, serving

KEY = "a key of the tests"
ROOT = "/open311/v2"
SERVICES = services_of([("street-light", "路灯", "城乡建设")])
FORM = {
    "api_key": KEY,
    "service_code": "street-light",
    "lat": "39.8652",
    "long": "116.4356",
    "description": "楼前的路灯三天不亮",
}
#: The example of the specification, as it stands there, with a service and a key of ours.
EXAMPLE = (
    f"api_key={KEY.replace(' ', '+')}&jurisdiction_id=beijing.gov.cn&service_code=street-light"
    "&lat=37.76524078&long=-122.4212043&address_string=1234+5th+street&email=smit333%40sfgov.edu"
    "&device_id=tt222111&account_id=123456&first_name=john&last_name=smith&phone=111111111"
    "&description=A+large+sinkhole+is+destroying+the+street"
    "&media_url=http%3A%2F%2Ffarm3.static.flickr.com%2F2002%2F2212426634_5ed477a060.jpg"
    "&attribute[WHISPAWN]=123456&attribute[WHISDORN]=COISL001"
)

TEXT, MAYBE = {"type": "string"}, {"type": ["string", "null"]}
MOMENT = {
    "type": ["string", "null"],
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$",
}
SERVICE = {
    "type": "object",
    "required": ["service_code", "service_name", "metadata", "type"],
    "properties": {
        "service_code": TEXT, "service_name": TEXT, "description": MAYBE, "keywords": MAYBE,
        "group": MAYBE, "metadata": {"type": "boolean"},
        "type": {"enum": ["realtime", "batch", "blackbox"]},
    },
}  # fmt: skip
DEFINITION = {
    "type": "object",
    "required": ["service_code", "attributes"],
    "properties": {
        "service_code": TEXT,
        "attributes": {
            "type": "array",
            "items": {
                "required": ["variable", "code", "datatype", "required"],
                "properties": {
                    "variable": {"type": "boolean"}, "required": {"type": "boolean"},
                    "code": TEXT, "order": {"type": "integer"}, "description": MAYBE,
                    "datatype_description": MAYBE,
                    "datatype": {
                        "enum": ["string", "number", "datetime", "text", "singlevaluelist",
                                 "multivaluelist"],
                    },
                    "values": {
                        "type": "array",
                        "items": {"required": ["key", "name"],
                                  "properties": {"key": TEXT, "name": TEXT}},
                    },
                },
            },
        },
    },
}  # fmt: skip
REQUEST = {
    "type": "object",
    "required": ["service_request_id", "status", "service_code", "requested_datetime"],
    "properties": {
        "service_request_id": TEXT, "status": {"enum": ["open", "closed"]}, "status_notes": MAYBE,
        "service_name": MAYBE, "service_code": TEXT, "description": MAYBE, "address": MAYBE,
        "agency_responsible": MAYBE, "service_notice": MAYBE, "requested_datetime": MOMENT,
        "updated_datetime": MOMENT, "expected_datetime": MOMENT, "zipcode": MAYBE,
        "lat": {"type": ["number", "null"]}, "long": {"type": ["number", "null"]},
        "media_url": MAYBE,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def city() -> Iterator[Served]:
    """A gateway that knows one app."""
    with serving(accounts=True, JIESU_OPEN311_KEYS=json.dumps({"app": KEY})) as found:
        yield found


def post(city: Served, form: dict[str, str] | str, wanted: str = "json", **headers: str) -> Reply:
    """Send a form."""
    body = (form if isinstance(form, str) else urlencode(form)).encode()
    named = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", **headers}
    return city.call("POST", f"{ROOT}/requests.{wanted}", body, named)


def filed(city: Served, **fields: str) -> str:
    """File a request and return its number."""
    reply = post(city, FORM | fields)
    assert reply.status == 200, reply.body.decode()
    number: str = reply.document[0]["service_request_id"]
    return number


def test_services_are_the_matters_of_the_catalogue(city: Served) -> None:
    """The list is as the schema has it, with a service for whatever has none."""
    services = city.call("GET", f"{ROOT}/services.json?jurisdiction_id=beijing.gov.cn").document
    jsonschema_rs.validate({"type": "array", "items": SERVICE}, services)
    codes = [service["service_code"] for service in services]
    assert {"street-light", "other"} <= set(codes)
    assert len(codes) == len(set(codes))


def test_definitions_are_as_the_schema_has_them(city: Served) -> None:
    """Every service asks the same two things besides, neither of them required."""
    found = city.call("GET", f"{ROOT}/services/street-light.json").document
    jsonschema_rs.validate(DEFINITION, found)
    assert [item["required"] for item in found["attributes"]] == [False, False]


def test_example_of_the_specification_is_accepted(city: Served) -> None:
    """The form as the specification prints it opens a ticket that agents can read."""
    reply = post(city, EXAMPLE)
    assert reply.status == 200, reply.body.decode()
    [found] = reply.document
    assert found["account_id"] == "123456"
    assert "token" not in found
    shown = city.agent("GET", f"/api/v1/tickets/{found['service_request_id']}").document
    [message] = shown["messages"]
    assert message["channel"] == "open311"
    assert "A large sinkhole is destroying the street" in message["text"]
    assert message["place"]["address"] == "1234 5th street"


def test_query_code_of_the_notice_opens_the_status(city: Served) -> None:
    """The citizen can look where the appeal stands, as with any other receipt."""
    [found] = post(city, FORM).document
    code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{5}", found["service_notice"])
    assert code
    url = f"/api/v1/appeals/{found['service_request_id']}"
    assert city.call("GET", url, None, {"Authorization": f"Bearer {code[0]}"}).status == 200


def test_requests_show_where_they_stand_and_nothing_personal(city: Served) -> None:
    """What was written, and where, is nobody's to read here."""
    number = filed(city, description="我叫王小明,住在楼里", address_string="方庄芳古园一区")
    one = city.call("GET", f"{ROOT}/requests/{number}.json").document
    listed = city.call("GET", f"{ROOT}/requests.json?service_request_id={number}").document
    jsonschema_rs.validate({"type": "array", "items": REQUEST, "minItems": 1, "maxItems": 1}, one)
    assert [item["service_request_id"] for item in listed] == [number]
    body = city.call("GET", f"{ROOT}/requests/{number}.json").body.decode()
    assert "王小明" not in body
    assert "芳古园" not in body
    assert one[0]["description"] is None


def test_list_keeps_to_period_and_status(city: Served) -> None:
    """The newest first; open and closed apart; not what came over other channels."""
    number, other = filed(city), city.file("公厕没水")["ticket_id"]
    found = city.call("GET", f"{ROOT}/requests.json?status=open").document
    jsonschema_rs.validate({"type": "array", "items": REQUEST}, found)
    ids = [item["service_request_id"] for item in found]
    assert number in ids
    assert other not in ids
    assert city.call("GET", f"{ROOT}/requests.json?status=closed").document == []
    past = "start_date=2010-05-24T00:00:00Z&end_date=2010-06-24T00:00:00Z"
    assert city.call("GET", f"{ROOT}/requests.json?{past}").document == []
    assert city.call("GET", f"{ROOT}/requests/{other}.json").status == 404


def test_list_keeps_to_services_as_they_are_shown(city: Served) -> None:
    """A request without a matter is listed as `other`; a code that nobody knows lists nothing."""
    lit = filed(city, description="小区门口的路灯三天不亮了")
    decided(city, lit)
    shown = city.call("GET", f"{ROOT}/requests/{lit}.json").document[0]["service_code"]
    for code in (shown, "other", "no-such", "%00"):
        found = city.call("GET", f"{ROOT}/requests.json?service_code={code}").document
        assert {item["service_code"] for item in found} <= {code}
        assert (lit in [item["service_request_id"] for item in found]) is (code == shown)
    fresh = filed(city, service_code="other", description="我想反映一件事情,说不清归谁")
    code = city.call("GET", f"{ROOT}/requests/{fresh}.json").document[0]["service_code"]
    listed = city.call("GET", f"{ROOT}/requests.json?service_code={code}").document
    assert fresh in [item["service_request_id"] for item in listed]


def test_a_number_is_its_own_token(city: Served) -> None:
    """Requests have their number at once; whoever asks for a token's number gets it."""
    number = filed(city)
    found = city.call("GET", f"{ROOT}/tokens/{number}.json").document
    assert found == [{"service_request_id": number, "token": number}]


def test_xml_says_the_same_as_json(city: Served) -> None:
    """Elements are named as in the specification's examples, in UTF-8 with a declaration."""
    number = filed(city)
    # Two answers are compared: triage must not come between them.
    decided(city, number)
    reply = city.call("GET", f"{ROOT}/requests/{number}.xml")
    assert reply.headers["content-type"] == "text/xml; charset=utf-8"
    assert reply.body.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    root = ET.fromstring(reply.body)
    assert root.tag == "service_requests"
    [request] = root.findall("request")
    [document] = city.call("GET", f"{ROOT}/requests/{number}.json").document
    assert {item.tag: item.text for item in request} == document
    services = ET.fromstring(city.call("GET", f"{ROOT}/services.xml").body)
    assert services.tag == "services"
    assert services.find("service/metadata").text == "true"  # type: ignore[union-attr]
    definition = ET.fromstring(city.call("GET", f"{ROOT}/services/street-light.xml").body)
    assert definition.find("attributes/attribute/values/value/key").text == "yes"  # type: ignore[union-attr]
    assert (
        ET.fromstring(post(city, FORM, "xml").body).find("request/service_request_id") is not None
    )


def test_discovery_tells_the_endpoint(city: Served) -> None:
    """A client that knows the host alone finds the rest."""
    [endpoint] = city.call("GET", "/open311/discovery.json").document["endpoints"]
    assert endpoint["url"].endswith("/open311/v2")
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert set(endpoint["formats"]) == {"application/json", "text/xml"}


@pytest.mark.parametrize(
    ("form", "status", "named"),
    [
        ({"api_key": "wrong"}, 403, "api_key"),
        ({"service_code": "no-such"}, 404, "service_code"),
        ({"jurisdiction_id": "sfgov.org"}, 404, "jurisdiction_id"),
        ({"lat": "", "long": ""}, 400, "address_string"),
        ({"long": ""}, 400, "lat"),
        ({"lat": "north"}, 400, "lat"),
        ({"long": "200"}, 400, "long"),
        ({"lat": "nan"}, 400, "lat"),
        ({"service_code": "other", "description": ""}, 400, "description"),
        ({"attribute[ongoing]": "maybe"}, 400, "ongoing"),
        ({"phone": "1" * 600}, 400, "phone"),
    ],
)
def test_what_is_wrong_is_named(
    city: Served, form: dict[str, str], status: int, named: str
) -> None:
    """Errors are documents of the same form, and nothing is kept."""
    before = city.rows()
    reply = post(city, FORM | form)
    assert reply.status == status
    assert all(item["code"] == str(status) for item in reply.document)
    assert named in " ".join(item["description"] for item in reply.document)
    root = ET.fromstring(post(city, FORM | form, "xml").body)
    assert root.tag == "errors"
    assert root.findtext("error/code") == str(status)
    assert city.rows() == before


@pytest.mark.parametrize(
    "query",
    [
        "start_date=yesterday",
        "status=pending",
        "start_date=2026-01-01T00:00:00Z&end_date=2026-06-01T00:00:00Z",
        "end_date=2026-01-01T00:00:00",
    ],
)
def test_wrong_queries_are_told(city: Served, query: str) -> None:
    """A list that cannot be made is no empty list."""
    assert city.call("GET", f"{ROOT}/requests.json?{query}").status == 400


def test_the_same_key_is_the_same_request(city: Served) -> None:
    """With an Idempotency-Key a retry opens nothing new, and another body is refused."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first, again = post(city, FORM, **key).document, post(city, FORM, **key).document
    assert first == again
    assert post(city, FORM | {"description": "另一件事"}, **key).status == 409


def test_fields_of_the_query_are_read_like_those_of_the_form(city: Served) -> None:
    """They are checked alike, an empty one is none, and they are part of the same request."""
    body = urlencode(FORM).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    def ask(query: str, **headers: str) -> int:
        path = f"{ROOT}/requests.json?{query}"
        return city.call("POST", path, body, kind | headers).status

    assert ask("jurisdiction_id=&phone=13000000000") == 200
    assert ask("phone=%00") == 400
    assert ask("phone=1&phone=2") == 400
    key = {"Idempotency-Key": uuid.uuid4().hex}
    assert ask("phone=13000000000", **key) == 200
    assert ask("phone=13100000000", **key) == 409


def test_without_keys_nobody_files(served: Served) -> None:
    """An installation that gave no app a key still tells its services, and takes nothing."""
    assert served.call("GET", f"{ROOT}/services.json").status == 200
    assert post(served, FORM | {"api_key": ""}).status == 403


def test_what_was_chosen_and_answered_is_in_the_words() -> None:
    """Triage and agents read it all in one text."""
    form = FORM | {"attribute[since]": "上周三", "attribute[ongoing]": "yes", "last_name": "王",
                   "first_name": "小明"}  # fmt: skip
    message = to_message(form, SERVICES["street-light"], message_id=None, raw=b"", max_text=10_000)
    assert message.text == "路灯。\n楼前的路灯三天不亮\n从何时起:上周三\n还在继续。"
    assert message.reporter
    assert message.reporter.name == "王小明"


@pytest.mark.parametrize("body", [b"\xff=1", b"a=1&a=2", b"&".join([b"a=1"] * 100), b"a=%00"])
def test_forms_that_are_none_are_refused(body: bytes) -> None:
    """Not UTF-8, a field twice, too many fields, a NUL."""
    with pytest.raises(MalformedAppeal):
        read_form(body)


def test_xml_escapes_what_needs_it() -> None:
    """Names of matters come from clerks, who may write anything."""
    document = written("services", [{"service_name": "<路灯> & 电杆"}], "xml")
    assert ET.fromstring(document).findtext("service/service_name") == "<路灯> & 电杆"


def test_media_url_is_a_medium_to_fetch() -> None:
    """What the app shows by URL is kept as a medium, and alone it is enough to be heard."""
    form = {**FORM, "media_url": "https://app.example/pictures/1.jpg"}
    del form["description"]
    service = services_of([])["other"]
    found = to_message(form, service, message_id=None, raw=b"", max_text=100)
    assert [item.reference for item in found.media] == ["https://app.example/pictures/1.jpg"]
    assert found.text == ""
    with pytest.raises(MalformedAppeal, match="media_url"):
        to_message(
            {**form, "media_url": "file:///etc/passwd"}, service, message_id=None, raw=b"",
            max_text=100,
        )  # fmt: skip
