"""Writing a group's scaling activities: each launch and termination, in order."""

from __future__ import annotations

import json
from dataclasses import replace

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup, ScalingActivity
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.store.autoscaling_tables import ACTIVITIES
from emulator.store.database import Reader, Transaction


def activities_of(
    reader: Reader, account: str, region: str, group: str, limit: int | None = None
) -> list[ScalingActivity]:
    """Newest first."""
    return reader.find(ACTIVITIES, limit=limit, descending=True, account=account, region=region, scaling_group=group)


def new_activity(
    tx: Transaction,
    group: AutoScalingGroup,
    description: str,
    cause: str,
    now: float,
    activity_id: str,
    instance: Ec2Instance | None = None,
    *,
    failure: str | None = None,
) -> ScalingActivity:
    """One that begins now; with `failure` it has ended at once."""
    before = activities_of(tx, group.account, group.region, group.name, limit=1)
    place = {"Subnet ID": instance.subnet_id, "Availability Zone": instance.zone} if instance else {}
    activity = ScalingActivity(
        account=group.account,
        region=group.region,
        scaling_group=group.name,
        group_arn=group.arn,
        id=activity_id,
        number=before[0].number + 1 if before else 1,
        description=description,
        cause=cause,
        started_at=now,
        status="Failed" if failure else "InProgress",
        ended_at=now if failure else None,
        instance_id=instance.id if instance else "",
        status_message=failure,
        details=json.dumps(place),
    )
    tx.insert(ACTIVITIES, activity)
    return activity


def finish_activity(
    tx: Transaction, instance: Ec2Instance, now: float, *, cancelled: str | None = None
) -> list[ScalingActivity]:
    """What is under way for the instance has been done, or was `cancelled` for that reason; which activities ended."""
    status = "Cancelled" if cancelled else "Successful"
    ended = []
    for activity in tx.find(ACTIVITIES, instance_id=instance.id):
        if activity.status == "InProgress":
            ended.append(replace(activity, status=status, ended_at=now, status_message=cancelled))
            tx.put(ACTIVITIES, ended[-1])
    return ended
