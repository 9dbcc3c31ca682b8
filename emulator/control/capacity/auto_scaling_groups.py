"""The controller of Auto Scaling groups: launches and lets go of instances until there are as many as desired.

Which zones get one and who goes is decided in domain/capacity/auto_scaling_group.py; how an instance boots and ends is
ec2_instances.py's. Instances wait for the group's lifecycle hooks (lifecycle_waits.py); where managed draining is on,
ECS has one of them, so that a host waits for its tasks before it is terminated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from emulator.clock import Clock
from emulator.control.capacity.ec2_instances import tasks_on
from emulator.control.capacity.group_blueprint import CannotLaunch, blueprint, place_of
from emulator.control.capacity.instance_refreshes import as_refreshed, refresh_now
from emulator.control.capacity.lifecycle_waits import begun, drains, ended
from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup, next_step
from emulator.domain.capacity.ec2_instance import COUNTED, Ec2Instance, Lifecycle
from emulator.domain.capacity.lifecycle_hook import CONTINUE, LAUNCHING, TERMINATING
from emulator.events import journal
from emulator.events.ec2_changes import add_ec2_instance, tell_activity, write_ec2_instance
from emulator.events.instance_changes import write_instance
from emulator.ids import Ids
from emulator.store.autoscaling_tables import ACTIVITIES, GROUPS
from emulator.store.database import Database, Transaction
from emulator.store.ec2_tables import INSTANCES
from emulator.store.instance_capacity import instance_named, wake_services
from emulator.store.lifecycle_hooks import actions_of, forget_actions, forget_settings
from emulator.store.scaling_activities import activities_of, finish_activity, new_activity

RETRY_S: Final = 60.0
LOOK_WHILE_DRAINING_S: Final = 60.0


class AutoScalingGroupController:
    """Key: `<account>/<region>/<group>`."""

    def __init__(self, clock: Clock, database: Database, ids: Ids) -> None:
        self._clock = clock
        self._database = database
        self._ids = ids

    def reconcile(self, key: str) -> float | None:
        now = self._clock.now()
        account, region, name = key.split("/", 2)
        with self._database.write() as tx:
            group = tx.get(GROUPS, account, region, name)
            if group is None:
                return None
            instances = tx.find(INSTANCES, account=account, region=region, scaling_group=name)
            return self._look(tx, group, [i for i in instances if i.lifecycle != "Terminated"], now)

    def _look(
        self, tx: Transaction, group: AutoScalingGroup, instances: Sequence[Ec2Instance], now: float
    ) -> float | None:
        if group.status is not None and not instances:
            _forget(tx, group)
            return None
        for instance in instances:
            if instance.lifecycle in COUNTED and not instance.live:
                self._note_lost(tx, group, instance, now)
        step = next_step(group, instances)
        for instance in step.leaving:
            self._let_go(tx, group, instance, now)
        waits = [
            self._leaves(tx, group, instance, now)
            if instance.lifecycle == "Terminating:Wait"
            else self._enters(tx, group, instance, now)
            for instance in instances
            if instance.lifecycle == "Terminating:Wait" or (instance.lifecycle == "Pending:Wait" and instance.live)
        ]
        if group.status is None and not step.zones and not step.leaving:
            replaced, later = refresh_now(tx, group, instances, now)
            for instance in replaced:
                self._let_go(tx, group, instance, now, because="in response to an instance refresh")
            waits.append(later)
            group = tx.get(GROUPS, group.account, group.region, group.name) or group
        due = min((at for at in waits if at is not None), default=None)
        if step.stuck:
            self._say_stuck(tx, group, step.stuck, now)
        if step.zones and group.retry_at is not None and now < group.retry_at:
            return min(group.retry_at, due or group.retry_at)
        live = sum(instance.live for instance in instances)
        if step.zones and not self._launch(tx, group, step.zones, live, now):
            return now + RETRY_S
        if group.cause and group.status is None and not step.stuck:
            # It has as many as desired now: what is missing later is missing for another reason.
            tx.put(GROUPS, replace(group, cause=""))
        return due

    def _launch(self, tx: Transaction, group: AutoScalingGroup, zones: Sequence[str], live: int, now: float) -> bool:
        """Whether it could be done."""
        cause = _why_launched(group, live, live + len(zones), now)
        try:
            plan = blueprint(tx, as_refreshed(tx, group))
        except CannotLaunch as error:
            text = f"{error}. Launching EC2 instance failed."
            description = f"Launching a new EC2 instance.  Status Reason: {text}"
            failed = new_activity(tx, group, description, cause, now, self._ids.uuid(), failure=text)
            tell_activity(tx, failed, now)
            tx.put(GROUPS, replace(group, retry_at=now + RETRY_S))
            return False
        for zone in zones:
            subnet, vpc = place_of(tx, group, zone)
            instance = Ec2Instance(
                account=group.account,
                region=group.region,
                id=f"i-{self._ids.hex(17)}",
                kind=plan.kind.name,
                image_id=plan.image_id,
                zone=zone,
                subnet_id=subnet,
                vpc_id=vpc,
                state="pending",
                launched_at=now,
                user_data=plan.user_data,
                security_groups=list(plan.security_groups),
                key_name=plan.key_name,
                profile=plan.profile,
                spot=plan.spot,
                tags=dict(plan.tags),
                reservation_id=f"r-{self._ids.hex(17)}",
                scaling_group=group.name,
                lifecycle="Pending",
                protected=group.protects_new,
                made_from=dict(plan.made_from),
            )
            add_ec2_instance(tx, instance, now)
            description = f"Launching a new EC2 instance: {instance.id}"
            new_activity(tx, group, description, cause, now, self._ids.uuid(), instance)
            _note(tx, group, instance, "ec2_instance.launched", now)
        return True

    def _let_go(
        self,
        tx: Transaction,
        group: AutoScalingGroup,
        instance: Ec2Instance,
        now: float,
        because: str = "in response to a difference between desired and actual capacity",
    ) -> None:
        first = f"At {_at(now)} {group.cause}.  " if group.cause else ""
        cause = (
            f"{first}At {_at(now)} an instance was taken out of service {because}.  At {_at(now)} instance "
            f"{instance.id} was selected for termination."
        )
        new_activity(tx, group, f"Terminating EC2 instance: {instance.id}", cause, now, self._ids.uuid(), instance)
        tx.put(INSTANCES, replace(instance, lifecycle="Terminating:Wait"))
        _note(tx, group, instance, "ec2_instance.selected_for_termination", now)

    def _enters(self, tx: Transaction, group: AutoScalingGroup, instance: Ec2Instance, now: float) -> float | None:
        """When it is to be looked at again while it waits for hooks; else it is in service, or abandoned."""
        instance = begun(tx, group, instance, LAUNCHING, self._ids, now)
        seen = ended(tx, instance, LAUNCHING, now)
        if seen.result is None:
            return seen.next_look
        forget_actions(tx, instance)
        if seen.result == CONTINUE:
            tx.put(INSTANCES, replace(instance, lifecycle="InService", hooked=None))
            self._tell_finished(tx, instance, now)
            return None
        text = f"Instance failed to complete user's Lifecycle Action: {seen.because}"
        self._tell_finished(tx, instance, now, cancelled=text)
        cause = f"At {_at(now)} an instance was taken out of service in response to a launch that was abandoned."
        new_activity(tx, group, f"Terminating EC2 instance: {instance.id}", cause, now, self._ids.uuid(), instance)
        self._shut_down(tx, instance, "Terminating", now)
        return None

    def _leaves(self, tx: Transaction, group: AutoScalingGroup, instance: Ec2Instance, now: float) -> float | None:
        """When it is to be looked at again while it waits for hooks, or ECS for its tasks; else it is shut down."""
        if group.status is not None:  # by force: without waiting
            forget_actions(tx, instance)
            self._shut_down(tx, instance, "Terminating", now)
            return None
        instance = begun(tx, group, instance, TERMINATING, self._ids, now)
        host = instance_named(tx, instance.container_instance) if instance.container_instance else None
        stays = False
        if host is not None and drains(tx, instance, TERMINATING, now):
            if host.status == "ACTIVE":
                changed = write_instance(tx, replace(host, status="DRAINING"), now)
                wake_services(tx, changed)
            stays = bool(tasks_on(tx, host))
        seen = ended(tx, instance, TERMINATING, now, drained=not stays)
        if seen.result is None:
            due = now + LOOK_WHILE_DRAINING_S if stays else seen.next_look
            return min(due, seen.next_look) if due is not None and seen.next_look is not None else due
        waited = bool(actions_of(tx, instance, TERMINATING))
        forget_actions(tx, instance)
        self._shut_down(tx, instance, "Terminating:Proceed" if waited else "Terminating", now)
        return None

    def _shut_down(self, tx: Transaction, instance: Ec2Instance, lifecycle: Lifecycle, now: float) -> None:
        reason = "Server.AutoScaling: terminated by its Auto Scaling group"
        after = replace(instance, lifecycle=lifecycle, state="shutting-down", state_reason=reason)
        write_ec2_instance(tx, instance, after, now)

    def _tell_finished(
        self, tx: Transaction, instance: Ec2Instance, now: float, *, cancelled: str | None = None
    ) -> None:
        for activity in finish_activity(tx, instance, now, cancelled=cancelled):
            tell_activity(tx, activity, now)

    def _note_lost(self, tx: Transaction, group: AutoScalingGroup, instance: Ec2Instance, now: float) -> None:
        """Somebody else terminates it; it is replaced."""
        cause = (
            f"At {_at(now)} an instance was taken out of service in response to an EC2 health check indicating it has "
            "been terminated or stopped."
        )
        new_activity(tx, group, f"Terminating EC2 instance: {instance.id}", cause, now, self._ids.uuid(), instance)
        forget_actions(tx, instance)
        tx.put(INSTANCES, replace(instance, lifecycle="Terminating"))

    def _say_stuck(self, tx: Transaction, group: AutoScalingGroup, text: str, now: float) -> None:
        """Once, as long as nothing else happens."""
        before = activities_of(tx, group.account, group.region, group.name, limit=1)
        if not before or before[0].status_message != text:
            cause = f"At {_at(now)} {group.cause or 'there were more instances than desired'}."
            new_activity(tx, group, text, cause, now, self._ids.uuid(), failure=text)


def _why_launched(group: AutoScalingGroup, before: int, after: int, now: float) -> str:
    """Without a change of what is desired, an instance is missing that was there."""
    if not group.cause:
        return f"At {_at(now)} an instance was launched in response to an unhealthy instance needing to be replaced."
    return (
        f"At {_at(now)} {group.cause}.  At {_at(now)} an instance was started in response to a difference between "
        f"desired and actual capacity, increasing the capacity from {before} to {after}."
    )


def _forget(tx: Transaction, group: AutoScalingGroup) -> None:
    tx.delete(GROUPS, group.account, group.region, group.name)
    forget_settings(tx, group)
    for activity in activities_of(tx, group.account, group.region, group.name):
        tx.delete(ACTIVITIES, group.account, group.region, group.name, activity.number)


def _at(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _note(tx: Transaction, group: AutoScalingGroup, instance: Ec2Instance, kind: str, now: float) -> None:
    detail = {"autoScalingGroup": group.name, "type": instance.kind, "zone": instance.zone}
    journal.append(
        tx, at=now, account=group.account, region=group.region, kind=kind, subject=instance.id, detail=detail
    )
