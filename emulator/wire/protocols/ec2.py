"""EC2 Query: like AWS Query, but lists are always flat, names capitalised, and answers have no wrapper.

Source: botocore's EC2 serializer and parser; Amazon EC2 API reference, "Making API requests".
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING, Any

from emulator.wire.errors import SerializationException, WireError
from emulator.wire.protocols import query
from emulator.wire.request import HttpResponse

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape


def parse(form: query.Form, operation: OperationModel) -> Any:
    """Members by the input shape; scalars become the types that validation expects."""
    shape = operation.input_shape
    return {} if shape is None else _structure(shape, "", query.tree(form))


def _structure(shape: Shape, path: str, node: query.Node) -> dict[str, Any]:
    result = {}
    for name, member in shape.members.items():
        child = node.get(_request_name(member, name))
        if child is not None:
            result[name] = _value(member, f"{path}.{name}", child)
    return result


def _request_name(shape: Shape, name: str) -> str:
    """`queryName`, else the XML name with a capital, else the member's own."""
    asked: str = shape.serialization.get("queryName") or shape.serialization.get("name") or name
    return asked[:1].upper() + asked[1:]


def _value(shape: Shape, path: str, node: query.Node) -> Any:
    match shape.type_name:
        case "structure":
            return _structure(shape, path, node)
        case "list":
            return [_value(shape.member, path, item) for item in query.numbered(node, path)]
    text = node.get("")
    if text is None:
        raise SerializationException(f"Unexpected structure at {path.lstrip('.')}")
    return query.scalar(shape, path, str(text))


def serialize(answer: dict[str, Any], operation: OperationModel, request_id: str) -> HttpResponse:
    """`answer` has passed the output shape already."""
    root = ElementTree.Element(f"{operation.name}Response", {"xmlns": _namespace(operation)})
    ElementTree.SubElement(root, "requestId").text = request_id
    if operation.output_shape is not None:
        query.write_structure(root, operation.output_shape, answer)
    else:  # an operation without a shape still says that it was done
        ElementTree.SubElement(root, "return").text = "true"
    return query.xml(200, root, request_id)


def serialize_error(error: WireError, request_id: str) -> HttpResponse:
    root = ElementTree.Element("Response")
    details = ElementTree.SubElement(ElementTree.SubElement(root, "Errors"), "Error")
    ElementTree.SubElement(details, "Code").text = error.code
    ElementTree.SubElement(details, "Message").text = query.clean(error.message)
    ElementTree.SubElement(root, "RequestID").text = request_id
    return query.xml(error.status, root, request_id)


def _namespace(operation: OperationModel) -> str:
    version = operation.service_model.metadata["apiVersion"]
    return f"http://ec2.amazonaws.com/doc/{version}/"
