"""Fixtures: an emulator in this process on a standing clock, boto3 clients that speak to it over a real socket-less
WSGI call, and every answer checked against botocore's output shape."""

from __future__ import annotations

import base64
import copy
import functools
import io
import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config as BotoConfig
from hypothesis import HealthCheck, settings

from emulator import coverage
from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from tests.strict_wire import check_answer

Aws = Callable[..., Any]

# How long an example takes says how busy the machine is, nothing of what is tested; pytest-timeout ends what hangs.
# CI takes hypothesis's own profile for it, which is as patient, and the same examples each time.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", settings.get_profile("patient"), max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "patient"))

_SESSION = boto3.session.Session()  # reads each service's model once


SEEN: set[tuple[str, str]] = set()
"""What the gateway answered in this run: ("ecs:CreateCluster", "success" | "error")."""

REQUESTS: dict[str, list[dict[str, Any]]] = {}
"""The first few requests of each operation in this run, as the tests said them."""
MOST_KEPT = 12

_NO_EFFECT = frozenset({"NotEmulatedYet", "InternalFailure", "UnknownOperationException"})


def observe(service: str, operation: str, code: str | None) -> None:
    """Listens to every emulator of the test run, for the coverage table."""
    if code is None:
        SEEN.add((f"{service}:{operation}", "success"))
    elif code not in _NO_EFFECT:
        SEEN.add((f"{service}:{operation}", "error"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--check-coverage", action="store_true", help="fail when the table claims what this run did not see"
    )
    parser.addoption("--write-coverage", action="store_true", help="keep what a whole run saw, for the coverage table")
    parser.addoption("--keep-requests", metavar="FILE", help="write what the tests say (conformance/campaign.py)")
    parser.addoption("--soak", action="store_true", help="death at every moment instead of some, and fifty real kills")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A worker of several hands on what it saw; who runs the tests alone keeps it."""
    if kept := session.config.getoption("--keep-requests"):
        Path(kept).write_text(json.dumps(REQUESTS, default=_plain))
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["seen"] = sorted(SEEN)
    elif session.config.getoption("--write-coverage") and exitstatus == 0:
        coverage.save(SEEN)
    elif session.config.getoption("--check-coverage") and exitstatus == 0:
        kept = {(operation, outcome) for operation, seen in coverage.observations().items() for outcome in seen}
        if lost := sorted(kept - SEEN):
            print(f"\nthe coverage table claims what no test saw: {lost}; run `make docs`")
            session.exitstatus = 1


def _plain(value: Any) -> Any:
    """What JSON has no word for, as the JSON protocols write it."""
    if isinstance(value, datetime):
        return value.timestamp()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker has ended: take over what it saw."""
    SEEN.update((operation, outcome) for operation, outcome in getattr(node, "workeroutput", {}).get("seen", []))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data_dir=tmp_path / "data", engine="simulated", seed=1, registry_port=None)


@pytest.fixture
def emulator(config: Config, clock: VirtualClock) -> Iterator[Emulator]:
    """On the simulated engine and a standing clock; `emulator.plane.settle()` lets everything due happen."""
    emulator = build(config, clock=clock, threaded=False, observer=observe)
    emulator.start()
    yield emulator
    emulator.close()


class _Raw:
    """What botocore reads a body from."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def stream(self, amount: int = 65536, decode_content: bool = False) -> Iterator[bytes]:
        while piece := self._body.read(amount):
            yield piece

    def read(self, amount: int | None = None) -> bytes:
        return self._body.read(-1 if amount is None else amount)


def call_wsgi(app: Any, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one WSGI call."""
    caught: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        caught["status"], caught["headers"] = int(status.split()[0]), dict(headers)

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    return caught["status"], caught["headers"], body


def make_environ(method: str, path: str, body: bytes, headers: dict[str, str], query: str = "") -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "4566",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost:4566",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


@pytest.fixture
def aws(emulator: Emulator) -> Aws:
    """`aws("ecs")` is a boto3 client of the emulator; `aws("ecs", region=..., access_key=...)` another's."""
    return aws_of(emulator)


def aws_of(emulator: Emulator) -> Aws:
    """Makes boto3 clients of an emulator in this process; the same one when asked again."""

    @functools.cache
    def client(
        service: str,
        region: str = "us-east-1",
        access_key: str = "test",
        secret_key: str = "test",
        session_token: str | None = None,
    ) -> Any:
        made = _SESSION.client(
            service,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=session_token,
            endpoint_url="http://localhost:4566",
            config=BotoConfig(retries={"max_attempts": 0}, parameter_validation=False),
        )
        made.meta.events.register("before-send", lambda request, **_: _send(emulator, made, request))
        made.meta.events.register("before-parameter-build", _keep_request)
        return made

    return client


def _keep_request(params: dict[str, Any], model: Any, **_: Any) -> None:
    said = REQUESTS.setdefault(f"{model.service_model.service_name}:{model.name}", [])
    if len(said) < MOST_KEPT:
        said.append(copy.deepcopy(params))


def _send(emulator: Emulator, client: Any, request: Any) -> AWSResponse:
    headers = {k: v.decode() if isinstance(v, bytes) else str(v) for k, v in request.headers.items()}
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    path, _, query = request.url.partition("4566")[2].partition("?")
    status, answer_headers, answer = call_wsgi(
        emulator.wsgi, make_environ(request.method, path or "/", body, headers, query)
    )
    if status >= 500:
        raise AssertionError(f"the emulator failed with {status}: {answer.decode(errors='replace')}")
    if status == 200:
        check_answer(client.meta.service_model, headers, body, answer)
    return AWSResponse(request.url, status, {k.lower(): v for k, v in answer_headers.items()}, _Raw(answer))


@pytest.fixture(autouse=True)
def _show_emulator_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="homeport")
