"""The hosts of a capacity provider as its controller sees them: EC2 instance, container instance, whether it is busy.

Who launches and ends them is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.domain.capacity.container_instance import ContainerInstance, Load
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.store.database import Reader
from emulator.store.ecs_tables import SERVICES
from emulator.store.instance_capacity import loads

Known = tuple[Ec2Instance, ContainerInstance | None]
"""An instance of the provider, and what its agent has registered."""


@dataclass(frozen=True, slots=True)
class Host:
    """A live instance; `host` None until its agent has registered."""

    instance: Ec2Instance
    host: ContainerInstance | None = None
    busy: bool = False


class NoIds:
    """A host that is only imagined needs no id."""

    def hex(self, digits: int = 32) -> str:
        return "0" * digits


def hosts_of(reader: Reader, known: Sequence[Known]) -> list[Host]:
    """The live ones. A host is busy that has tasks other than daemons', wherever it has registered."""
    taken: dict[str, dict[str, Load]] = {}
    daemons: dict[str, set[str]] = {}
    hosts = []
    for instance, host in known:
        if not instance.live:
            continue
        if host is not None and host.cluster_arn not in taken:
            taken[host.cluster_arn] = loads(reader, host)
            services = reader.find(SERVICES, account=host.account, region=host.region, cluster=host.cluster)
            daemons[host.cluster_arn] = {f"service:{service.name}" for service in services if service.is_daemon}
        load = taken[host.cluster_arn].get(host.arn) if host else None
        busy = host is not None and load is not None and bool(load.groups.keys() - daemons[host.cluster_arn])
        hosts.append(Host(instance, host, busy))
    return hosts
