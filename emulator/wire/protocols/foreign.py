"""How to refuse callers of services that are not here, in protocols that nothing here speaks: so that what their user
reads is `not emulated yet`. REST-JSON reads the errors of AWS JSON, and is not among them.

Source: botocore's parser for `rest-xml`.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from emulator.wire.errors import WireError
from emulator.wire.protocols import query
from emulator.wire.request import HttpRequest, HttpResponse

_REST_XML = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/,\s]+/(s3|s3express|cloudfront|route53)/aws4_request")


def foreign_error(error: WireError, request: HttpRequest, request_id: str) -> HttpResponse | None:
    """None for a request of one of the protocols that are spoken here."""
    found = _REST_XML.search(request.header("Authorization") or "")
    if found is None:
        return None
    if not found[1].startswith("s3"):
        return query.serialize_error(error, "", request_id)
    root = ElementTree.Element("Error")  # S3 puts none around it
    ElementTree.SubElement(root, "Code").text = error.code
    ElementTree.SubElement(root, "Message").text = query.clean(error.message)
    ElementTree.SubElement(root, "RequestId").text = request_id
    return query.xml(error.status, root, request_id)
