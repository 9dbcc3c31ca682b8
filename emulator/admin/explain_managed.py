"""Why a capacity provider of managed instances has the hosts that it has: for `homeport explain`.

It asks the decider that acts (domain/capacity/managed_instances.py), so it cannot tell another story.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from emulator.control.capacity.managed_instances import ManagedPlan
from emulator.control.capacity.provider_hosts import Host
from emulator.control.plane import ControlPlane
from emulator.domain.capacity.capacity_provider import CapacityProvider
from emulator.domain.capacity.instance_requirements import permitted_types
from emulator.domain.capacity.managed_instances import NEVER
from emulator.domain.capacity.managed_provider import scale_in_after
from emulator.events import journal
from emulator.store.database import Reader
from emulator.store.instance_capacity import load_of, waiting_tasks

_RECENT: Final = 30


def of_provider(reader: Reader, plane: ControlPlane, provider: CapacityProvider, now: float) -> dict[str, Any]:
    """`words` for people."""
    plan = plane.capacity_providers.managed_plan(reader, provider)
    waiting = waiting_tasks(reader, provider.account, provider.region, provider.cluster, provider.name)
    reasons = Counter(task.unplaced_reason or "not looked at yet" for task in waiting)
    actions = _actions(plan) if plan else []
    next_look = plan.next_look if plan else None
    words = [
        f"It is {provider.status}. Its hosts are Amazon ECS Managed Instances of the cluster {provider.cluster}.",
        _settings(provider),
        *(f"{count} tasks wait for it: {reason}." for reason, count in reasons.items()),
        *(_helpless(plan) if plan else []),
        *(_of_host(reader, host, provider, now) for host in (plan.hosts if plan else ())),
        *(f"Next: {action}." for action in actions),
    ]
    told = [{"at": e.at, "kind": e.kind, **e.detail} for e in journal.entries(reader, subject=provider.arn)]
    return {
        "subject": provider.arn,
        "words": words,
        "because": "",
        "actions": actions,
        "reservation": None,
        "nextLook": next_look,
        "history": told[-_RECENT:],
    }


def _settings(provider: CapacityProvider) -> str:
    settings = provider.managed or {}
    template = settings.get("instanceLaunchTemplate") or {}
    types = permitted_types(template.get("instanceRequirements"))
    after = scale_in_after(settings)
    goes = "idle ones stay" if after == NEVER else f"an idle one goes after {after:.0f} s"
    return f"It may launch {len(types)} instance types, {template.get('capacityOptionType')}; {goes}."


def _helpless(plan: ManagedPlan) -> list[str]:
    if not plan.helpless:
        return []
    return [f"But no instance type that it may launch takes {len(plan.helpless)} of the waiting tasks."]


def _actions(plan: ManagedPlan) -> list[str]:
    new = [
        f"a host {each.offer.kind.name} in {each.offer.zone} is launched for {len(each.tasks)} tasks"
        for each in plan.new
    ]
    ending = [f"host {host} ends: {because}" for host, because in plan.endings.ending.items()]
    draining = [f"host {host} is drained: {because}" for host, because in plan.endings.draining.items()]
    return [*new, *draining, *ending]


def _of_host(reader: Reader, host: Host, provider: CapacityProvider, now: float) -> str:
    instance = host.instance
    named = f"Host {instance.id} ({instance.kind}, {instance.zone})"
    if host.host is None:
        return f"{named} boots for {len(instance.expects)} tasks."
    load = load_of(reader, host.host)
    text = f"{named} is {host.host.status}, with {load.running + load.pending} tasks"
    since, after = instance.idle_since, scale_in_after(provider.managed or {})
    if since is None or host.busy:
        return f"{text}."
    goes = "" if after == NEVER else f"; it goes in {max(0.0, since + after - now):.0f} s"
    return f"{text}, idle for {now - since:.0f} s{goes}."
