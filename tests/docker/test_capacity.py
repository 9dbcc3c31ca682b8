"""Capacity providers on the real engine: real containers wait for hosts, run on them, move when one drains or goes."""

from __future__ import annotations

import pytest

from tests.docker.homeport import Homeport
from tests.docker.walkthrough import follow

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


def test_the_lab_runs_as_written(own_homeport: Homeport) -> None:
    assert follow(own_homeport, "capacity-lab", within_s=540) == 7
