"""AWS Cloud Map: namespaces, services and their instances. Public DNS namespaces are not emulated: nothing of this
machine's could be asked for on the internet's DNS.

Handlers write operations; control carries them out a moment later.
"""

from emulator.services.servicediscovery import (
    discovery,
    health,
    instances,
    namespaces,
    operations,
    service_attributes,
    services,
    tags,
)
from emulator.services.servicediscovery.authorization import AUTHORIZATION

MODULES = (namespaces, services, service_attributes, instances, health, discovery, operations, tags)

__all__ = ["AUTHORIZATION", "MODULES"]
