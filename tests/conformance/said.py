"""Requests and answers of any protocol, as bytes: what tests of bad input say, without a client that would refuse."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from api_models import ApiModel
from emulator.app import Emulator
from tests.conftest import call_wsgi, make_environ

Fields = list[tuple[str, str]]


def signed(service: str) -> dict[str, str]:
    scope = f"Credential=test/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}


def json_call(emulator: Emulator, api: ApiModel, operation: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    said = {
        **signed(api.name),
        "X-Amz-Target": f"{api.target_prefix}.{operation}",
        "Content-Type": f"application/x-amz-json-{api.model.metadata.get('jsonVersion', '1.1')}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    status, _, answer = call_wsgi(emulator.wsgi, make_environ("POST", "/", body, said))
    return status, answer


def query_call(emulator: Emulator, api: ApiModel, body: bytes, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    said = {**signed(api.model.signing_name), "Content-Type": "application/x-www-form-urlencoded", **named}
    status, _, answer = call_wsgi(emulator.wsgi, make_environ("POST", "/", body, said))
    return status, answer


def form(api: ApiModel, operation: str, request: Any) -> bytes:
    """A Query or EC2 Query request, of whatever values."""
    shape = api.operation(operation).input_shape
    fields = ec2_fields("", request, shape) if api.protocol == "ec2" else query_fields("", request, shape)
    said = [("Action", operation), ("Version", str(api.model.api_version)), *fields]
    return urlencode(said, errors="surrogatepass").encode()


def query_fields(prefix: str, value: Any, shape: Any = None) -> Fields:
    if isinstance(value, dict):
        if getattr(shape, "type_name", "") == "map":
            return [
                field
                for number, (key, item) in enumerate(value.items(), 1)
                for field in (
                    (f"{prefix}.entry.{number}.key", str(key)),
                    *query_fields(f"{prefix}.entry.{number}.value", item, shape.value),
                )
            ]
        members = getattr(shape, "members", {})
        return [f for name, item in value.items() for f in query_fields(_under(prefix, name), item, members.get(name))]
    if isinstance(value, list):
        inner = getattr(shape, "member", None)
        return [f for n, item in enumerate(value, 1) for f in query_fields(f"{prefix}.member.{n}", item, inner)]
    return [] if value is None else [(prefix, _text(value))]


def ec2_fields(prefix: str, value: Any, shape: Any) -> Fields:
    """EC2 Query: lists without `member`, members by their capitalised XML name."""
    if isinstance(value, dict):
        members = getattr(shape, "members", {})
        return [
            field
            for name, item in value.items()
            for field in ec2_fields(_under(prefix, _ec2_name(members.get(name), name)), item, members.get(name))
        ]
    if isinstance(value, list):
        inner = getattr(shape, "member", None)
        return [f for number, item in enumerate(value, 1) for f in ec2_fields(f"{prefix}.{number}", item, inner)]
    return [] if value is None else [(prefix, _text(value))]


def _ec2_name(shape: Any, name: str) -> str:
    own = shape.serialization.get("queryName") or shape.serialization.get("name") or name if shape else name
    return str(own[:1].upper() + own[1:])


def _under(prefix: str, name: str) -> str:
    return f"{prefix}.{name}".lstrip(".")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def error_code(api: ApiModel, answer: bytes) -> str | None:
    """The code of a refusal in the shape of the API's protocol; None when it has none."""
    try:
        if api.protocol == "json":
            found = json.loads(answer).get("__type")
        else:
            found = ElementTree.fromstring(answer).findtext(".//{*}Error/{*}Code")
    except (ValueError, ElementTree.ParseError, AttributeError):
        return None
    return found if isinstance(found, str) and found else None


def told(api: ApiModel, answer: bytes) -> Iterator[tuple[str, str]]:
    """(member, text) of all that an answer says, however deep."""
    if api.protocol == "json":
        yield from _told("", json.loads(answer or b"{}"))
        return
    for element in ElementTree.fromstring(answer).iter():
        if element.text and element.text.strip():
            yield element.tag.rpartition("}")[2], element.text


def _told(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _told(key, item)
    elif isinstance(value, list):
        for item in value:
            yield from _told(name, item)
    elif isinstance(value, str):
        yield name, value
