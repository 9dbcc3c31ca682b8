"""How a capacity provider stands, and why it has the hosts that it has: for `homeport status` and `homeport explain`.

It asks the decider that acts (domain/capacity/managed_scaling.py), so it cannot tell another story.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from emulator.admin import explain_managed
from emulator.control.capacity.managed_instances import managed_hosts
from emulator.control.plane import ControlPlane
from emulator.domain.capacity.auto_scaling_group import ACTING_PROCESSES, AutoScalingGroup
from emulator.domain.capacity.capacity_provider import CapacityProvider
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.managed_scaling import Fleet, Verdict
from emulator.domain.tasks.task import Task
from emulator.events import journal
from emulator.store.autoscaling_tables import GROUPS
from emulator.store.database import Reader
from emulator.store.ec2_tables import INSTANCES
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, CLUSTERS, TASKS
from emulator.store.instance_capacity import waiting_tasks
from emulator.store.scaling_activities import activities_of

RECENT_ENTRIES = 30


def capacity_providers(reader: Reader) -> list[dict[str, Any]]:
    """Those of Auto Scaling groups, each with its group, and those of managed instances; `reservation` in percent, as
    last computed."""
    return [_standing(reader, provider) for provider in reader.find(CAPACITY_PROVIDERS) if provider.active]


def _standing(reader: Reader, provider: CapacityProvider) -> dict[str, Any]:
    group = _group(reader, provider)
    clusters = _clusters(reader, provider)
    return {
        "name": provider.name,
        "clusters": ",".join(clusters) or "-",
        "group": provider.scaling_group if provider.managed is None else "managed instances",
        "hosts": len(_hosts(reader, provider)),
        "desired": group.desired if group else 0,
        "bounds": f"{group.minimum}-{group.maximum}" if group else "-",
        "reservation": "-" if provider.reservation is None else f"{provider.reservation:.0f}%",
        "waiting": len(_waiting(reader, provider, clusters)),
    }


def of_provider(reader: Reader, plane: ControlPlane, provider: CapacityProvider, now: float) -> dict[str, Any]:
    """`words` for people; `reservation` is CapacityProviderReservation in percent."""
    if provider.managed is not None:
        return explain_managed.of_provider(reader, plane, provider, now)
    group, clusters = _group(reader, provider), _clusters(reader, provider)
    found = plane.capacity_providers.verdict(reader, provider)
    verdict = found[1] if found else None
    change = _change(group, *found) if group is not None and found else ""
    waiting = _waiting(reader, provider, clusters)
    reasons = Counter(task.unplaced_reason or "not looked at yet" for task in waiting)
    next_look = verdict.next_look if verdict else None
    words = [
        f"It is {provider.status}, {_used_by(clusters)}.",
        _of_group(provider, group, len(_hosts(reader, provider))),
        *([f"{verdict.because}."] if verdict else [_unscaled(provider, group, clusters)]),
        *([f"Next: {change}."] if change else []),
        *(f"{count} tasks wait for it: {reason}." for reason, count in reasons.items()),
        *(_of_host(reader, host) for host in _hosts(reader, provider)),
        *([f"It is looked at again in {next_look - now:.1f} s, or when something changes."] if next_look else []),
    ]
    return {
        "subject": provider.arn,
        "words": words,
        "because": verdict.because if verdict else "",
        "actions": [change] if change else [],
        "reservation": verdict.reservation if verdict else None,
        "nextLook": next_look,
        "history": _history(reader, provider, group),
    }


def _change(group: AutoScalingGroup, fleet: Fleet, verdict: Verdict) -> str:
    """What the next look does to the group; empty for nothing."""
    if "AlarmNotification" in group.processes_suspended:
        return ""
    if verdict.next_look is not None or verdict.desired in (fleet.hosts, group.desired):
        return ""
    return f"the group's desired capacity goes from {group.desired} to {verdict.desired}"


def _used_by(clusters: list[str]) -> str:
    return f"of the clusters {', '.join(clusters)}" if len(clusters) > 1 else (
        f"of the cluster {clusters[0]}" if clusters else "of no cluster"
    )  # fmt: skip


def _of_group(provider: CapacityProvider, group: AutoScalingGroup | None, hosts: int) -> str:
    if group is None:
        return f"Its Auto Scaling group {provider.group_arn} is gone."
    going = f", and it is being deleted ({group.status})" if group.status else ""
    acting = [name for name in ACTING_PROCESSES if name in group.processes_suspended]
    suspended = f"; suspended: {', '.join(acting)}" if acting else ""
    return (
        f"Its Auto Scaling group {group.name} has {hosts} hosts and wants {group.desired}, from {group.minimum} to "
        f"{group.maximum}{suspended}{going}."
    )


def _unscaled(provider: CapacityProvider, group: AutoScalingGroup | None, clusters: list[str]) -> str:
    if not provider.scales:
        return "Nobody scales it: managed scaling is off."
    if not clusters:
        return "Nobody scales it: no cluster has it."
    return "Nobody scales it: its group is not there." if group is None else "Nobody scales it: its group is going."


def _of_host(reader: Reader, host: Ec2Instance) -> str:
    tasks = [t for t in _tasks(reader, host) if not t.stopped]
    protected = ", protected from scale-in" if host.protected else ""
    return f"Host {host.id} ({host.kind}, {host.zone}) is {host.lifecycle}{protected}, with {len(tasks)} tasks."


def _tasks(reader: Reader, host: Ec2Instance) -> list[Task]:
    if host.container_instance is None:
        return []
    cluster = host.container_instance.split("/")[1]
    return reader.find(
        TASKS,
        account=host.account,
        region=host.region,
        cluster=cluster,
        container_instance_arn=host.container_instance,
    )


def _group(reader: Reader, provider: CapacityProvider) -> AutoScalingGroup | None:
    return (
        reader.get(GROUPS, provider.account, provider.region, provider.scaling_group)
        if provider.scaling_group
        else None
    )


def _hosts(reader: Reader, provider: CapacityProvider) -> list[Ec2Instance]:
    """Of its group, those on their way out among them."""
    if provider.managed is not None:
        return [host for host in managed_hosts(reader, provider) if host.state != "terminated"]
    found = reader.find(
        INSTANCES, account=provider.account, region=provider.region, scaling_group=provider.scaling_group
    )
    return [host for host in found if host.lifecycle != "Terminated"]


def _clusters(reader: Reader, provider: CapacityProvider) -> list[str]:
    found = reader.find(CLUSTERS, account=provider.account, region=provider.region)
    return [cluster.name for cluster in found if provider.name in cluster.capacity_providers]


def _waiting(reader: Reader, provider: CapacityProvider, clusters: list[str]) -> list[Task]:
    where = (provider.account, provider.region)
    return [task for name in clusters for task in waiting_tasks(reader, *where, name, provider.name)]


def _history(reader: Reader, provider: CapacityProvider, group: AutoScalingGroup | None) -> list[dict[str, Any]]:
    """The newest of what the provider decided and its group did, oldest first."""
    told = [{"at": e.at, "kind": e.kind, **e.detail} for e in journal.entries(reader, subject=provider.arn)]
    if group is not None:
        done = activities_of(reader, group.account, group.region, group.name, limit=RECENT_ENTRIES)
        told += [{"at": a.started_at, "kind": a.description, "status": a.status} for a in reversed(done)]
    return sorted(told, key=lambda entry: float(entry["at"]))[-RECENT_ENTRIES:]
