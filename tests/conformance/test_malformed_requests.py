"""Bad input gets AWS's own error: a 4xx in the service's shape, nothing half-written, never a 5xx or a hang."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any
from urllib.parse import urlencode

import pytest

from emulator.app import SERVICES, Emulator, load_service
from tests.conformance.corpus import BODIES, cases
from tests.conftest import call_wsgi, make_environ

JSON_SERVICES = [name for name in SERVICES if load_service(name).api.protocol == "json"]
QUERY_SERVICES = [name for name in SERVICES if load_service(name).api.protocol in ("query", "ec2")]
MOST_CASES = 2000  # more than any operation has today


def _signed(service: str) -> dict[str, str]:
    scope = f"Credential=test/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}


def _json_call(emulator: Emulator, service: str, operation: str, body: bytes) -> tuple[int, bytes]:
    api = load_service(service).api
    headers = {
        **_signed(service),
        "X-Amz-Target": f"{api.target_prefix}.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
    }
    status, _, answer = call_wsgi(emulator.wsgi, make_environ("POST", "/", body, headers))
    return status, answer


def _query_call(emulator: Emulator, service: str, body: bytes) -> tuple[int, bytes]:
    headers = {**_signed(service), "Content-Type": "application/x-www-form-urlencoded"}
    status, _, answer = call_wsgi(emulator.wsgi, make_environ("POST", "/", body, headers))
    return status, answer


def _complaint(status: int, answer: bytes, query: bool) -> str | None:
    if status >= 500:
        return f"{status} {answer[:200]!r}"
    if status < 400:
        return None
    if query:
        code = ElementTree.fromstring(answer).find(".//{*}Code")
        return None if code is not None and code.text else f"no code in {answer[:200]!r}"
    body = json.loads(answer)
    return None if body.get("__type") else f"no __type in {answer[:200]!r}"


def _thinned(found: list[Any]) -> list[Any]:
    """At most MOST_CASES of an operation, evenly over all of them."""
    step = max(1, -(-len(found) // MOST_CASES))
    return found[::step]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", JSON_SERVICES)
def test_malformed_members_in_json(emulator: Emulator, service: str) -> None:
    failures: list[str] = []
    loaded = load_service(service)
    for operation in sorted(loaded.implemented):
        for what, request in _thinned(list(cases(loaded.api.operation(operation)))):
            status, answer = _json_call(emulator, service, operation, json.dumps(request).encode())
            complaint = _complaint(status, answer, query=False)
            if complaint:
                failures.append(f"{operation}: {what}: {complaint}")
    assert not failures, "\n".join(failures[:40])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", QUERY_SERVICES)
def test_malformed_members_in_query(emulator: Emulator, service: str) -> None:
    failures: list[str] = []
    loaded = load_service(service)
    for operation in sorted(loaded.implemented):
        for what, request in _thinned(list(cases(loaded.api.operation(operation)))):
            model = loaded.api.operation(operation)
            fields = (
                _ec2_fields("", request, model.input_shape) if loaded.api.protocol == "ec2" else _fields("", request)
            )
            form = {"Action": operation, "Version": str(loaded.api.model.api_version), **dict(fields)}
            status, answer = _query_call(emulator, service, urlencode(form).encode())
            complaint = _complaint(status, answer, query=True)
            if complaint:
                failures.append(f"{operation}: {what}: {complaint}")
    assert not failures, "\n".join(failures[:40])


def _fields(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [field for name, item in value.items() for field in _fields(f"{prefix}.{name}".lstrip("."), item)]
    if isinstance(value, list):
        return [f for number, item in enumerate(value, 1) for f in _fields(f"{prefix}.member.{number}", item)]
    return [] if value is None else [(prefix, str(value))]


def _ec2_fields(prefix: str, value: Any, shape: Any) -> list[tuple[str, str]]:
    """EC2 Query: lists without `member`, members by their capitalised XML name."""
    if isinstance(value, dict):
        members = getattr(shape, "members", {})
        return [
            field
            for name, item in value.items()
            for field in _ec2_fields(
                f"{prefix}.{_ec2_name(members.get(name), name)}".lstrip("."), item, members.get(name)
            )
        ]
    if isinstance(value, list):
        inner = getattr(shape, "member", None)
        return [f for number, item in enumerate(value, 1) for f in _ec2_fields(f"{prefix}.{number}", item, inner)]
    return [] if value is None else [(prefix, str(value))]


def _ec2_name(shape: Any, name: str) -> str:
    own = shape.serialization.get("queryName") or shape.serialization.get("name") or name if shape else name
    return str(own[:1].upper() + own[1:])


@pytest.mark.parametrize("service", JSON_SERVICES)
def test_bodies_that_are_no_request(emulator: Emulator, service: str) -> None:
    failures = []
    for operation in sorted(load_service(service).implemented):
        for body in BODIES:
            complaint = _complaint(*_json_call(emulator, service, operation, body), query=False)
            if complaint:
                failures.append(f"{operation}: {body[:30]!r}: {complaint}")
    assert not failures, "\n".join(failures[:40])


@pytest.mark.parametrize("service", QUERY_SERVICES)
def test_forms_that_are_no_request(emulator: Emulator, service: str) -> None:
    operation = sorted(load_service(service).implemented)[0]
    forms = [
        f"Action={operation}&Tags.member.x.Key=a",
        f"Action={operation}&Tags.member.-1.Key=a",
        f"Action={operation}&Tags.member=1",
        f"Action={operation}&MaxItems=ten",
        f"Action={operation}&MaxItems=",
        f"Action={operation}&" + "&".join(f"x{n}=1" for n in range(20_000)),
        f"Action={operation}&" + ".".join("a" * 1 for _ in range(5000)) + "=1",
        "Action=NoSuchThing",
        "Action=",
        "%ff%fe=%ff",
    ]
    for body in (*[form.encode() for form in forms], *BODIES):
        status, answer = _query_call(emulator, service, body)
        assert status < 500, (body[:60], answer[:200])


def test_refused_writes_write_nothing(emulator: Emulator) -> None:
    """A refusal of any kind leaves every table as it was."""
    loaded = load_service("ecs")
    before = _counts(emulator)
    for operation in sorted(loaded.implemented):
        for what, request in _thinned(list(cases(loaded.api.operation(operation))))[:60]:
            status, _ = _json_call(emulator, "ecs", operation, json.dumps(request).encode())
            after = _counts(emulator)
            assert status < 400 or after == before, f"{operation}: {what}"
            before = after


def _counts(emulator: Emulator) -> dict[str, int]:
    with emulator.database.read() as reader:
        names = [str(row[0]) for row in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: int(reader.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]) for name in names}
