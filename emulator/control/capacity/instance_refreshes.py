"""The instance refresh of a group: which instances are to be replaced next, and how far it is.

What it does is decided in domain/capacity/instance_refresh.py; launching and letting go is auto_scaling_groups.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emulator.control.capacity.group_blueprint import CannotLaunch, blueprint
from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.instance_refresh import InstanceRefresh, RefreshStep, refresh_step
from emulator.events import journal
from emulator.store.autoscaling_tables import GROUPS, INSTANCE_REFRESHES
from emulator.store.database import Reader, Transaction


def active_refresh(reader: Reader, group: AutoScalingGroup) -> InstanceRefresh | None:
    here: dict[str, Any] = {"account": group.account, "region": group.region, "scaling_group": group.name}
    return next((refresh for refresh in reader.find(INSTANCE_REFRESHES, **here) if refresh.active), None)


def as_refreshed(reader: Reader, group: AutoScalingGroup) -> AutoScalingGroup:
    """The group as new instances are made while a refresh goes on."""
    refresh = active_refresh(reader, group)
    if refresh is None or refresh.template is None:
        return group
    return replace(group, template=refresh.template, launch_configuration=None, mixed=None)


def refresh_now(
    tx: Transaction, group: AutoScalingGroup, instances: Sequence[Ec2Instance], now: float
) -> tuple[tuple[Ec2Instance, ...], float | None]:
    """Whom the group lets go for it now, and when to look again."""
    refresh = active_refresh(tx, group)
    if refresh is None:
        return (), None
    if refresh.status == "Pending":
        refresh = _begun(tx, refresh, group, instances)
    step = refresh_step(refresh, group, instances, now)
    _keep(tx, refresh, group, step, now)
    return step.leaving, step.next_look


def _begun(
    tx: Transaction, refresh: InstanceRefresh, group: AutoScalingGroup, instances: Sequence[Ec2Instance]
) -> InstanceRefresh:
    """With the instances that it is to replace: all, or those that are not made as new ones would be."""
    chosen = [i for i in instances if i.live or (i.lifecycle == "Standby" and i.up)]
    if refresh.preferences["SkipMatching"]:
        try:
            plan = blueprint(tx, as_refreshed(tx, group))
        except CannotLaunch:
            plan = None
        chosen = [i for i in chosen if plan is None or (i.made_from, i.kind) != (dict(plan.made_from), plan.kind.name)]
    return replace(refresh, status="InProgress", left=[i.id for i in chosen], total=len(chosen))


def _keep(tx: Transaction, refresh: InstanceRefresh, group: AutoScalingGroup, step: RefreshStep, now: float) -> None:
    after = replace(
        refresh, status=step.status, left=list(step.left), reason=step.reason, blocked_since=step.blocked_since
    )
    if not after.active:
        after = replace(after, ended_at=now)
        journal.append(
            tx,
            at=now,
            account=group.account,
            region=group.region,
            kind="auto_scaling_group.refreshed",
            subject=group.arn,
            detail={"instanceRefresh": refresh.id, "status": after.status, "because": after.reason or ""},
        )
        if after.status == "Successful" and after.template is not None:
            made_so = replace(group, template=after.template, launch_configuration=None, mixed=None)
            tx.put(GROUPS, made_so)
    if after != refresh or tx.get(INSTANCE_REFRESHES, *_key(refresh)) != after:
        tx.put(INSTANCE_REFRESHES, after)


def _key(refresh: InstanceRefresh) -> tuple[str, str, str, str]:
    return refresh.account, refresh.region, refresh.scaling_group, refresh.id
