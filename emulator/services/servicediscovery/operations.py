"""Operations: what was asked for, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emulator.domain.discovery.errors import OperationNotFound
from emulator.services.servicediscovery import finding
from emulator.store.discovery_tables import OPERATIONS
from emulator.wire.call import Call

Request = Mapping[str, Any]

_VALUES: Final = {
    "NAMESPACE_ID": lambda o: o.targets.get("NAMESPACE", ""),
    "SERVICE_ID": lambda o: o.targets.get("SERVICE", ""),
    "STATUS": lambda o: o.status,
    "TYPE": lambda o: o.type,
    "UPDATE_DATE": lambda o: str(o.updated_at),
}
_CONDITIONS: Final = {"STATUS": ("IN",), "TYPE": ("IN",), "UPDATE_DATE": ("BETWEEN",)}


def get_operation(call: Call, request: Request) -> dict[str, Any]:
    asked = request["OperationId"]
    own = request.get("OwnerAccount") in (None, call.account)
    found = call.reader.get(OPERATIONS, call.account, call.region, asked) if own else None
    if found is None:
        raise OperationNotFound(asked)
    shape = {
        "Id": found.id,
        "OwnerAccount": found.account,
        "Type": found.type,
        "Status": found.status,
        "CreateDate": found.created_at,
        "UpdateDate": found.updated_at,
        "Targets": dict(found.targets),
    }
    if found.status == "FAIL":
        shape |= {"ErrorCode": found.error_code, "ErrorMessage": found.error_message}
    return {"Operation": shape}


def list_operations(call: Call, request: Request) -> dict[str, Any]:
    operations = call.reader.find(OPERATIONS, account=call.account, region=call.region)
    found = finding.filtered(operations, request.get("Filters"), _VALUES, _CONDITIONS)
    page = call.page(request, found, key=lambda o: o.id)
    return {"Operations": [{"Id": o.id, "Status": o.status} for o in page.items], "NextToken": page.next_token}
