"""Faults on demand: what one hits, when it is over, and what is left of it after a strike. Pure.

A fault is wanted by the user and kept until it is cleared. Who asks whether it strikes, and what is done to tasks and
instances, is not known here; what it says is in fault_words.py, how it is asked for in fault_request.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

from emulator.domain.capacity.container_instance import ContainerInstance
from emulator.domain.tasks.task import Task

Kind = Literal[
    "spot-interruption", "pull", "start", "throttling", "agent-disconnect", "zone-loss", "engine-outage"
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

ENDED_KEPT_S: Final = 3600.0
"""How long a fault that is over stays in the list."""
HITS_KEPT: Final = 20
SPOT: Final = "FARGATE_SPOT"


@dataclass(frozen=True, slots=True)
class Fault:
    """Times are epoch seconds. `until` None: until it is cleared. `count` None: as often as it is met.

    What it hits is the second group; an empty member is no condition. `service`, `family`, `container`, `image`, `api`
    and `operation` may hold `*` and `?`. `hits` are the newest things that it struck: ARNs, or `service:Operation`.
    """

    id: str
    kind: Kind
    since: float
    until: float | None = None
    count: int | None = None

    task: str = ""  # an id, its beginning, or an ARN
    service: str = ""
    family: str = ""
    cluster: str = ""
    container: str = ""
    image: str = ""
    instance: str = ""  # a container instance's id or ARN, or its EC2 instance id
    zone: str = ""
    api: str = ""
    operation: str = ""

    error: str = ""  # how a pull or a start fails: one of fault_words, or a text; empty: it does not
    delay_s: float = 0.0
    rate: float = 1.0  # which share of the calls is throttled

    drained: bool = False  # the instance was ACTIVE before the notice
    met: int = 0  # calls that it could have struck, for `rate`
    strikes: int = 0
    last_struck_at: float | None = None
    hits: list[str] = field(default_factory=list)
    ended_at: float | None = None
    ended_because: str = ""


def is_active(fault: Fault, now: float) -> bool:
    return fault.ended_at is None and (fault.until is None or now < fault.until)


def next_look(fault: Fault) -> float | None:
    """When it changes by time alone: it ends, or it is forgotten."""
    return fault.until if fault.ended_at is None else fault.ended_at + ENDED_KEPT_S


def forgotten(fault: Fault, now: float) -> bool:
    return fault.ended_at is not None and now >= fault.ended_at + ENDED_KEPT_S


def ended(fault: Fault, now: float, because: str) -> Fault:
    return fault if fault.ended_at is not None else replace(fault, ended_at=now, ended_because=because)


def struck(fault: Fault, now: float, what: Iterable[str]) -> Fault:
    """After it struck each of `what` once; the last of its count ends it."""
    hits = [*what]
    strikes = fault.strikes + len(hits)
    kept = [*fault.hits, *hits][-HITS_KEPT:]
    fault = replace(fault, strikes=strikes, last_struck_at=now, hits=kept)
    if fault.count is not None and strikes >= fault.count:
        return ended(fault, now, f"it struck {strikes} times")
    return fault


# -- what it hits


def hits_task(fault: Fault, task: Task) -> bool:
    """Whether the task is one that it is about; container and image are looked at by `hits_container`."""
    named = fault.task
    return (
        (not named or task.arn == named or task.id.startswith(named))
        and _is(task.service or "", fault.service)
        and _is(task.family, fault.family)
        and (not fault.cluster or fault.cluster in (task.cluster, task.cluster_arn))
    )


def hits_container(fault: Fault, task: Task, container: str, image: str) -> bool:
    """`image` as the task definition says it; a pattern may leave the tag out."""
    if not hits_task(fault, task) or not _is(container, fault.container):
        return False
    return _is(image, fault.image) or _is(_untagged(image), fault.image)


def hits_instance(fault: Fault, instance: ContainerInstance) -> bool:
    """Whether it takes the instance from its cluster: its agent, or the zone that it stands in."""
    match fault.kind:
        case "agent-disconnect" | "spot-interruption":
            return bool(fault.instance) and fault.instance in (instance.id, instance.arn, instance.ec2_instance_id)
        case "zone-loss":
            return instance.zone == fault.zone
    return False


def cuts_off(faults: Iterable[Fault], instance: ContainerInstance) -> Fault | None:
    """Which of the faults, that act, keeps the instance's agent from being connected."""
    kinds = ("agent-disconnect", "zone-loss")
    return next((f for f in faults if f.kind in kinds and hits_instance(f, instance)), None)


def interruptible(fault: Fault, task: Task) -> bool:
    """Whether a Spot interruption stops the task: on Fargate Spot, and meant to run."""
    return task.capacity_provider == SPOT and task.desired_status == "RUNNING" and hits_task(fault, task)


def hits_call(fault: Fault, api: str, operation: str) -> bool:
    return fault.kind == "throttling" and _is(api, fault.api) and _is(operation, fault.operation)


def after_call(fault: Fault, api: str, operation: str, now: float) -> tuple[Fault, bool]:
    """The fault after a call that it is about, and whether the call is throttled.

    Of any calls in a row the share `rate` is, evenly: with 0.5 every second one. No chance is in it.
    """
    before, after = math.floor(fault.met * fault.rate + 1e-9), math.floor((fault.met + 1) * fault.rate + 1e-9)
    met = replace(fault, met=fault.met + 1)
    if after == before:
        return met, False
    return struck(met, now, [f"{api}:{operation}"]), True


def _is(name: str, pattern: str) -> bool:
    return not pattern or fnmatchcase(name, pattern)


def _untagged(image: str) -> str:
    name = image.partition("@")[0]
    before, colon, tag = name.rpartition(":")
    return before if colon and "/" not in tag else name
