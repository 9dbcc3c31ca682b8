"""AWS Security Token Service: who is calling, and temporary credentials that later calls are recognised by."""

from emulator.services.sts import callers, sessions
from emulator.services.sts.authorization import AUTHORIZATION

MODULES = (callers, sessions)

__all__ = ["AUTHORIZATION", "MODULES"]
