"""The controller of VPCs: the bridge of a VPC that was deleted goes, too. The first task in a VPC makes its bridge."""

from __future__ import annotations

from emulator.clock import Clock
from emulator.control.networks.networks import Networks
from emulator.control.work import Work
from emulator.store.database import Database
from emulator.store.ecs_tables import VPC_RANGES
from emulator.store.vpc_queries import vpcs

LOOK_AGAIN_S = 10.0


class VpcController:
    """Key: `account/region/vpc-id`."""

    def __init__(self, clock: Clock, database: Database, work: Work, networks: Networks) -> None:
        self._clock = clock
        self._database = database
        self._work = work
        self._networks = networks

    def reconcile(self, key: str) -> float | None:
        account, region, vpc_id = key.split("/")
        with self._database.read() as reader:
            there = any(vpc.id == vpc_id for vpc in vpcs(reader, account, region))
            bridged = reader.get(VPC_RANGES, self._networks.name_of(account, region, vpc_id)) is not None
        if there or not bridged:
            return None
        self._work.submit("stop", lambda: self._networks.remove_vpc(account, region, vpc_id))
        return self._clock.now() + LOOK_AGAIN_S
