"""Faults on demand, kept until they are cleared; they survive a crash as everything does."""

from __future__ import annotations

from dataclasses import replace

from emulator.domain.capacity.container_instance import ContainerInstance
from emulator.domain.faults import Fault, cuts_off
from emulator.store.database import Reader
from emulator.store.tables import Table

FAULTS: Table[Fault] = Table("faults", Fault, key=("id",), wakes=lambda fault: [("fault", fault.id)])

TABLES = (FAULTS,)


def lost_zones(reader: Reader) -> frozenset[str]:
    """Names of the Availability Zones that are lost, e.g. us-east-1a."""
    return frozenset(fault.zone for fault in reader.find(FAULTS) if fault.kind == "zone-loss" and not fault.ended_at)


def as_connected(reader: Reader, instance: ContainerInstance) -> ContainerInstance:
    """An instance that registers, unless a fault cuts it off: then its agent is not connected."""
    on = [fault for fault in reader.find(FAULTS) if fault.ended_at is None]
    return replace(instance, agent_connected=False) if cuts_off(on, instance) else instance
