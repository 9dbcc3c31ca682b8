"""Every operation of every service, said to by strangers: never a 5xx, never a hang, and a refusal keeps nothing.

A longer course: `--soak`, or `python -m tests.conformance.campaign`.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest

from emulator.app import SERVICES, Emulator
from tests.conformance.visit import Visit, scene
from tests.conftest import Aws

ROUNDS = 2
SOAK_ROUNDS = 60


@pytest.mark.parametrize("service", SERVICES)
def test_a_stranger_is_answered_as_by_aws(
    emulator: Emulator,
    aws: Aws,
    service: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    visit = Visit(emulator, seed=1)
    said: dict[str, list[dict[str, Any]]] = {}
    monkeypatch.setattr("tests.conftest.REQUESTS", said)
    for answer in scene(aws):
        visit.learn(answer)
    for operation, requests in said.items():
        visit.learn_request(operation, requests[0])
    for _ in range(SOAK_ROUNDS if request.config.getoption("--soak") else ROUNDS):
        for operation in visit.operations(service):
            visit.call(service, operation)
        emulator.plane.settle()
    assert not visit.failures, "\n".join(visit.failures[:20])
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []
