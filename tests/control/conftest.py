"""The world that control tests stand on."""

from __future__ import annotations

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.control.world import World


@pytest.fixture
def world(emulator: Emulator, clock: VirtualClock, aws: Aws) -> World:
    world = World(emulator, clock, aws)
    world.cluster()
    return world
