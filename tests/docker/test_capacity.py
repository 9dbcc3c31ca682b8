"""Capacity providers on the real engine: real containers wait for hosts, run on them, and move when one drains."""

from __future__ import annotations

import sys

import pytest

from tests.docker.homeport import ROOT, Homeport
from tests.docker.walkthrough import follow

pytestmark = pytest.mark.docker


def test_the_example_runs_as_written(own_homeport: Homeport) -> None:
    command = f"PYTHONPATH={ROOT} {sys.executable} -m emulator clock --endpoint {own_homeport.url}"
    assert follow(own_homeport, "capacity-provider", within_s=240, **{"homeport clock": command}) == 5
    containers = own_homeport.client("ecs").list_tasks(cluster="capacity", serviceName="web")["taskArns"]
    assert len(containers) == 2
    assert all(own_homeport.containers(task)["app"]["State"]["Running"] for task in containers)
