"""AWS Secrets Manager: secrets, their versions and staging labels. Values are sealed before they are stored.

Rotation and replication are not emulated; they are refused.
"""

from emulator.services.secretsmanager import passwords, resource_policies, secrets, values, versions
from emulator.services.secretsmanager.authorization import AUTHORIZATION

MODULES = (secrets, values, versions, resource_policies, passwords)

__all__ = ["AUTHORIZATION", "MODULES"]
