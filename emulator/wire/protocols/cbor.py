"""Smithy RPC v2 CBOR: one POST to `/service/<target>/operation/<name>`, CBOR both ways.

Newer SDKs of Go, JavaScript and Rust speak it to services whose models list it. Values are those of the JSON protocols,
but for timestamps (tag 1, seconds) and blobs (byte strings). Source: the specification at smithy.io.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from emulator.wire.errors import SerializationException, WireError
from emulator.wire.request import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from botocore.model import Shape

NAME: Final = "smithy-rpc-v2-cbor"
"""As models list it."""
_HEADER: Final = "rpc-v2-cbor"
_PATH: Final = re.compile(r"/service/([^/]+)/operation/([^/]+)")


def is_spoken(request: HttpRequest) -> bool:
    return request.header("Smithy-Protocol") == _HEADER


def named(request: HttpRequest) -> tuple[str, str] | None:
    """Target prefix and operation; None when the path is not of the protocol."""
    found = _PATH.fullmatch(request.path)
    return (found[1], found[2]) if found else None


def parse(body: bytes) -> Any:
    """The body as the JSON protocols have it; an empty body is an empty request."""
    if not body:
        return {}
    import cbor2  # here and below at the first use: most emulators never meet it

    try:
        return _plain(cbor2.loads(body))
    except (cbor2.CBORDecodeError, ValueError, RecursionError, OverflowError, UnicodeError) as error:
        raise SerializationException("The request body could not be read as CBOR.") from error


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case datetime():
            return value.timestamp()
        case bytes():
            return base64.b64encode(value).decode()
        case None | bool() | int() | float() | str():
            return value
    raise SerializationException("The request body has a value that is of none of AWS's types.")


def serialize(answer: dict[str, Any], shape: Shape | None, request_id: str) -> HttpResponse:
    """`answer` as it was written for JSON."""
    import cbor2

    return HttpResponse(200, cbor2.dumps(answer if shape is None else _shaped(answer, shape)), _headers(request_id))


def _shaped(value: Any, shape: Shape) -> Any:
    match shape.type_name:
        case "structure" if not shape.metadata.get("document"):
            members = {m.serialization.get("name", name): m for name, m in shape.members.items()}
            return {name: _shaped(item, members[name]) for name, item in value.items()}
        case "list":
            return [_shaped(item, shape.member) for item in value]
        case "map":
            return {name: _shaped(item, shape.value) for name, item in value.items()}
        case "timestamp":
            import cbor2

            return cbor2.CBORTag(1, float(value))
        case "blob":
            return base64.b64decode(value)
    return value


def serialize_error(error: WireError, request_id: str) -> HttpResponse:
    import cbor2

    body = {"__type": error.code, error.message_member: error.message, **error.members}
    return HttpResponse(error.status, cbor2.dumps(body), _headers(request_id))


def _headers(request_id: str) -> list[tuple[str, str]]:
    return [("Content-Type", "application/cbor"), ("smithy-protocol", _HEADER), ("x-amzn-RequestId", request_id)]
