"""Every operation of every service, said to by strangers: never a 5xx, never a hang, and a refusal keeps nothing.

A longer course: `--soak`, or `python -m tests.conformance.campaign`.
"""

from __future__ import annotations

import logging

import pytest

from emulator.app import SERVICES, Emulator
from tests.conformance.visit import Visit, scene
from tests.conftest import Aws

ROUNDS = 2
SOAK_ROUNDS = 60


@pytest.mark.parametrize("service", SERVICES)
def test_a_stranger_is_answered_as_by_aws(
    emulator: Emulator, aws: Aws, service: str, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    visit = Visit(emulator, seed=1)
    for answer in scene(aws):
        visit.learn(answer)
    for _ in range(SOAK_ROUNDS if request.config.getoption("--soak") else ROUNDS):
        for operation in visit.operations(service):
            visit.call(service, operation)
        emulator.plane.settle()
    assert not visit.failures, "\n".join(visit.failures[:20])
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []
