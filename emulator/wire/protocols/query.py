"""AWS Query: a form with Action and flattened members in, XML out (STS, IAM, elbv2, autoscaling)."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from emulator.wire.errors import SerializationException, WireError
from emulator.wire.request import HttpResponse

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

Form = dict[str, str]

_MAXIMUM_FIELDS = 10_000


def read_form(query: str, body: bytes) -> Form:
    """Fields of the body, else of the query string."""
    try:
        text = body.decode("utf-8") if body else query
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAXIMUM_FIELDS))
    except (UnicodeDecodeError, ValueError) as error:
        raise SerializationException("The request body could not be read as a form.") from error


def parse(form: Form, operation: OperationModel) -> Any:
    """Members by the input shape; scalars become the types that validation expects."""
    shape = operation.input_shape
    return {} if shape is None else _structure(shape, "", tree(form))


Node = dict[str, Any]


def tree(form: Form) -> Node:
    """`Tags.member.1.Key=a` as nested dicts; a node's own value stands under the empty key."""
    root: Node = {}
    for name, value in form.items():
        node = root
        for part in name.split("."):
            node = node.setdefault(part, {})
        node[""] = value
    return root


def _structure(shape: Shape, path: str, node: Node) -> dict[str, Any]:
    result = {}
    for name, member in shape.members.items():
        child = node.get(member.serialization.get("name", name))
        if child is not None:
            result[name] = _value(member, f"{path}.{name}", child)
    return result


def _value(shape: Shape, path: str, node: Node) -> Any:
    match shape.type_name:
        case "structure":
            return _structure(shape, path, node)
        case "list":
            return _list(shape, path, node)
        case "map":
            return _map(shape, path, node)
    text = node.get("")
    if text is None:
        raise SerializationException(f"Unexpected structure at {path.lstrip('.')}")
    return scalar(shape, path, str(text))


def numbered(node: Node, path: str) -> list[Node]:
    try:
        return [node[number] for number in sorted((n for n in node if n), key=int)]
    except ValueError as error:
        raise SerializationException(f"Unexpected list element termination at {path.lstrip('.')}") from error


def _list(shape: Shape, path: str, node: Node) -> list[Any]:
    if not shape.serialization.get("flattened"):
        if node.get("") == "":
            return []
        node = node.get(shape.member.serialization.get("name", "member"), {})
    return [_value(shape.member, path, item) for item in numbered(node, path)]


def _map(shape: Shape, path: str, node: Node) -> dict[str, Any]:
    if not shape.serialization.get("flattened"):
        node = node.get("entry", {})
    key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    return {
        str(item.get(key, {}).get("", "")): _value(shape.value, path, item.get(value, {}))
        for item in numbered(node, path)
    }


def scalar(shape: Shape, path: str, text: str) -> Any:
    try:
        match shape.type_name:
            case "integer" | "long":
                return int(text)
            case "float" | "double":
                return float(text)
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError) as error:
        raise SerializationException(f"'{text[:64]}' is not a valid {shape.type_name} at {path.lstrip('.')}") from error
    return text


def serialize(answer: dict[str, Any], operation: OperationModel, request_id: str) -> HttpResponse:
    """`answer` has passed the output shape already."""
    namespace = operation.metadata.get("xmlNamespace") or operation.service_model.metadata.get("xmlNamespace", "")
    root = ElementTree.Element(f"{operation.name}Response", {"xmlns": namespace})
    shape = operation.output_shape
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper")
        parent = ElementTree.SubElement(root, wrapper) if wrapper else root
        write_structure(parent, shape, answer)
    metadata = ElementTree.SubElement(root, "ResponseMetadata")
    ElementTree.SubElement(metadata, "RequestId").text = request_id
    return xml(200, root, request_id)


def serialize_error(error: WireError, namespace: str, request_id: str) -> HttpResponse:
    root = ElementTree.Element("ErrorResponse", {"xmlns": namespace} if namespace else {})
    details = ElementTree.SubElement(root, "Error")
    ElementTree.SubElement(details, "Type").text = "Receiver" if error.status >= 500 else "Sender"
    ElementTree.SubElement(details, "Code").text = error.code
    ElementTree.SubElement(details, "Message").text = clean(error.message)
    ElementTree.SubElement(root, "RequestId").text = request_id
    return xml(error.status, root, request_id)


def xml(status: int, root: ElementTree.Element, request_id: str) -> HttpResponse:
    body = ElementTree.tostring(root, encoding="utf-8")
    return HttpResponse(status, body, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)])


def write_structure(parent: ElementTree.Element, shape: Shape, value: dict[str, Any]) -> None:
    for name, member in shape.members.items():
        item = value.get(name)
        if item is not None:
            _write(parent, member.serialization.get("name", name), member, item)


def _write(parent: ElementTree.Element, name: str, shape: Shape, value: Any) -> None:
    match shape.type_name:
        case "structure":
            write_structure(ElementTree.SubElement(parent, name), shape, value)
        case "list":
            flattened = shape.serialization.get("flattened")
            inner = shape.member.serialization.get("name", name if flattened else "member")
            holder = parent if flattened else ElementTree.SubElement(parent, name)
            for item in value:
                _write(holder, inner, shape.member, item)
        case "map":
            flattened = shape.serialization.get("flattened")
            holder = parent if flattened else ElementTree.SubElement(parent, name)
            for key, item in value.items():
                entry = ElementTree.SubElement(holder, name if flattened else "entry")
                _write(entry, shape.key.serialization.get("name", "key"), shape.key, key)
                _write(entry, shape.value.serialization.get("name", "value"), shape.value, item)
        case _:
            ElementTree.SubElement(parent, name).text = _text(shape, value)


def _text(shape: Shape, value: Any) -> str:
    match shape.type_name:
        case "boolean":
            return "true" if value else "false"
        case "timestamp":
            when = datetime.fromtimestamp(value, UTC)
            return when.strftime("%Y-%m-%dT%H:%M:%S") + f".{when.microsecond // 1000:03d}Z"
        case "blob":
            return value if isinstance(value, str) else base64.b64encode(value).decode()
    return clean(str(value))


_UNPRINTABLE = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """XML 1.0 cannot carry most control characters; they become U+FFFD rather than broken XML."""
    return _UNPRINTABLE.sub("\ufffd", text)
