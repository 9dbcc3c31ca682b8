"""AWS JSON 1.0 and 1.1: one POST to `/`, the operation in X-Amz-Target, JSON both ways."""

from __future__ import annotations

from typing import Any

import msgspec

from emulator.wire.errors import SerializationException, WireError
from emulator.wire.request import HttpResponse

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def parse(body: bytes) -> Any:
    """The body as plain values; an empty body is an empty request."""
    if not body or body.isspace():
        return {}
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SerializationException("The request body could not be read as JSON.") from error


def serialize(answer: dict[str, Any], request_id: str, version: str) -> HttpResponse:
    return HttpResponse(200, _encode(answer), _headers(request_id, version))


def serialize_error(error: WireError, request_id: str, version: str) -> HttpResponse:
    body = {"__type": error.code, error.message_member: error.message, **error.members}
    headers = _headers(request_id, version)
    headers.append(("x-amzn-ErrorType", error.code))
    return HttpResponse(error.status, _encode(body), headers)


def _headers(request_id: str, version: str) -> list[tuple[str, str]]:
    return [("Content-Type", f"application/x-amz-json-{version}"), ("x-amzn-RequestId", request_id)]
