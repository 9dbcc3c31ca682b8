"""AWS Systems Manager: Parameter Store. SecureStrings are sealed before they are stored."""

from emulator.services.ssm import history, parameters, reading, tags

MODULES = (parameters, reading, history, tags)
