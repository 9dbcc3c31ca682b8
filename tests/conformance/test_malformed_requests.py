"""Bad input gets AWS's own error: a 4xx in the service's shape, nothing half-written, never a 5xx or a hang."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from emulator.app import SERVICES, Emulator, load_service
from tests.conformance.corpus import BODIES, cases
from tests.conformance.said import form, json_call, query_call

JSON_SERVICES = [name for name in SERVICES if load_service(name).api.protocol == "json"]
QUERY_SERVICES = [name for name in SERVICES if load_service(name).api.protocol in ("query", "ec2")]
MOST_CASES = 2000  # more than any operation has today


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
            status, answer = json_call(emulator, load_service(service).api, operation, json.dumps(request).encode())
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
            status, answer = query_call(emulator, loaded.api, form(loaded.api, operation, request))
            complaint = _complaint(status, answer, query=True)
            if complaint:
                failures.append(f"{operation}: {what}: {complaint}")
    assert not failures, "\n".join(failures[:40])


@pytest.mark.parametrize("service", JSON_SERVICES)
def test_bodies_that_are_no_request(emulator: Emulator, service: str) -> None:
    failures = []
    for operation in sorted(load_service(service).implemented):
        for body in BODIES:
            complaint = _complaint(*json_call(emulator, load_service(service).api, operation, body), query=False)
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
    for body in (*[text.encode() for text in forms], *BODIES):
        status, answer = query_call(emulator, load_service(service).api, body)
        assert status < 500, (body[:60], answer[:200])


def test_refused_writes_write_nothing(emulator: Emulator) -> None:
    """A refusal of any kind leaves every table as it was."""
    loaded = load_service("ecs")
    before = _counts(emulator)
    for operation in sorted(loaded.implemented):
        for what, request in _thinned(list(cases(loaded.api.operation(operation))))[:60]:
            status, _ = json_call(emulator, loaded.api, operation, json.dumps(request).encode())
            after = _counts(emulator)
            assert status < 400 or after == before, f"{operation}: {what}"
            before = after


def _counts(emulator: Emulator) -> dict[str, int]:
    with emulator.database.read() as reader:
        names = [str(row[0]) for row in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: int(reader.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]) for name in names}
