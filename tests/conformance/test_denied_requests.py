"""Who may nothing gets nothing: every operation refuses a user without policies, and no input breaks the asking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from emulator.app import SERVICES, Emulator, build, load_service
from emulator.clock import VirtualClock
from emulator.config import Config
from tests.conformance.corpus import cases, minimal
from tests.conftest import aws_of, call_wsgi, make_environ

FOR_ANYBODY = {"sts:GetCallerIdentity", "sts:GetSessionToken"}
MOST_CASES = 40


@pytest.fixture
def enforcing(config: Config, clock: VirtualClock) -> Iterator[Emulator]:
    emulator = build(replace(config, enforce_iam=True), clock=clock, threaded=False)
    emulator.start()
    yield emulator
    emulator.close()


@pytest.fixture
def powerless(enforcing: Emulator) -> str:
    """The access key of a user without policies."""
    iam = aws_of(enforcing)("iam")
    iam.create_user(UserName="powerless")
    return str(iam.create_access_key(UserName="powerless")["AccessKey"]["AccessKeyId"])


def _call(emulator: Emulator, key: str, name: str, operation: str, request: object) -> tuple[int, str]:
    api = load_service(name).api
    scope = f"Credential={key}/20260101/us-east-1/{name}/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
    if api.protocol == "json":
        body = json.dumps(request).encode()
        headers |= {"X-Amz-Target": f"{api.target_prefix}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    else:
        body = urlencode({"Action": operation, **_flat(request, api.protocol)}).encode()
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, answer = call_wsgi(emulator.wsgi, make_environ("POST", "/", body, headers))
    return status, answer.decode(errors="replace")


def _flat(value: object, protocol: str, path: str = "") -> dict[str, object]:
    if isinstance(value, dict):
        pairs = [(f"{path}.{name}".lstrip("."), item) for name, item in value.items()]
    elif isinstance(value, list):
        member = "" if protocol == "ec2" else "member."
        pairs = [(f"{path}.{member}{number}", item) for number, item in enumerate(value, 1)]
    else:
        return {path: str(value).lower() if isinstance(value, bool) else value}
    return {name: text for deeper, item in pairs for name, text in _flat(item, protocol, deeper).items()}


@pytest.mark.parametrize("name", SERVICES)
def test_every_operation_refuses_who_may_nothing(enforcing: Emulator, powerless: str, name: str) -> None:
    service = load_service(name)
    open_to_all = []
    for operation in sorted(service.implemented):
        shape = service.api.operation(operation).input_shape
        status, answer = _call(enforcing, powerless, name, operation, {} if shape is None else minimal(shape))
        assert status < 500, f"{operation}: {answer}"
        if status == 200:
            open_to_all.append(f"{name}:{operation}")
    assert set(open_to_all) <= FOR_ANYBODY


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SERVICES)
def test_no_input_breaks_the_asking(enforcing: Emulator, powerless: str, name: str) -> None:
    service = load_service(name)
    for operation in sorted(service.implemented):
        found = list(cases(service.api.operation(operation)))
        for what, request in found[:: max(1, -(-len(found) // MOST_CASES))]:
            status, answer = _call(enforcing, powerless, name, operation, request)
            assert status < 500, f"{operation}: {what}: {answer}"
            assert status != 200 or f"{name}:{operation}" in FOR_ANYBODY, f"{operation}: {what}: {answer}"
