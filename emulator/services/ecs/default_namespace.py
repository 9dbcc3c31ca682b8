"""serviceConnectDefaults of a cluster: the Cloud Map namespace of its services with Service Connect that name none."""

from __future__ import annotations

import re
from typing import Final

from api_models._generated import ecs as m
from emulator.domain.arn import parse_arn
from emulator.domain.ecs_errors import NamespaceNotFoundException
from emulator.domain.errors import InvalidParameterException
from emulator.store import discovery
from emulator.wire.call import Call

_NAME: Final = re.compile(r"[^<>\"/\s]{1,1024}")
"""ECS API model (ClusterServiceConnectDefaultsRequest): up to 1,024 characters, none of `<`, `>`, `"` and `/`."""


def default_namespace(call: Call, defaults: m.ClusterServiceConnectDefaultsRequest | None) -> dict[str, str] | None:
    """`{"namespace": ARN}`; None for no namespace, which an empty name says. A name that is new is that of an HTTP
    namespace made now; an ARN must be that of a namespace. Wordings are unconfirmed."""
    reference = defaults["namespace"] if defaults else None
    if not reference:
        return None
    account, region = call.account, call.region
    if parse_arn(reference) is not None:
        found = discovery.find_namespace(call.tx, account, region, reference)
        if found is None:
            raise NamespaceNotFoundException("The specified namespace was not found.")
        return {"namespace": found.arn}
    if _NAME.fullmatch(reference) is None:
        raise InvalidParameterException(
            'The namespace name can have up to 1024 characters, and none of < > " / or spaces.'
        )
    made = discovery.ensure_http_namespace(call.tx, call.ids, account, region, call.partition, reference, call.now)
    return {"namespace": made.arn}
