"""AWS Systems Manager: Parameter Store. SecureStrings are sealed before they are stored."""

from emulator.services.ssm import history, parameters, reading, sessions, tags
from emulator.services.ssm.authorization import AUTHORIZATION

MODULES = (parameters, reading, history, tags, sessions)

__all__ = ["AUTHORIZATION", "MODULES"]
