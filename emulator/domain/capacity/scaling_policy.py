"""Scaling policies of Auto Scaling groups that are executed by hand: simple and step scaling. Pure.

Sources: EC2 Auto Scaling API model (PutScalingPolicy, ExecutePolicy, StepAdjustment); Amazon EC2 Auto Scaling user
guide, "Step and simple scaling policies": how percentages are rounded, which step a breach falls into.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from emulator.domain.capacity.autoscaling_errors import ValidationError

SIMPLE: Final = "SimpleScaling"
STEP: Final = "StepScaling"
ADJUSTMENTS: Final = ("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity")
PERCENT: Final = "PercentChangeInCapacity"
MAX_STEPS: Final = 20

Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """`steps`: StepAdjustments as given. `adjustment`: ScalingAdjustment of a simple one. `echoed`: what is shown."""

    account: str
    region: str
    scaling_group: str
    name: str
    arn: str
    kind: str
    adjustment_type: str
    adjustment: int | None = None
    magnitude: int | None = None
    cooldown_s: int | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    enabled: bool = True
    echoed: dict[str, Any] = field(default_factory=dict)


def check_steps(steps: Sequence[Step]) -> None:
    """ValidationError unless the intervals follow on each other (wordings unconfirmed)."""
    if not steps:
        raise ValidationError("At least one StepAdjustment must be specified.")
    if len(steps) > MAX_STEPS:
        raise ValidationError(f"At most {MAX_STEPS} StepAdjustments can be specified.")
    bounds = sorted(_bounds(step) for step in steps)
    if any(lower >= upper for lower, upper in bounds):
        raise ValidationError("The lower bound of a StepAdjustment must be less than its upper bound.")
    for (_, upper), (lower, _) in pairwise(bounds):
        if upper != lower:
            raise ValidationError("StepAdjustment intervals can neither overlap nor have a gap between them.")


def _bounds(step: Step) -> tuple[float, float]:
    lower, upper = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
    return (-math.inf if lower is None else lower, math.inf if upper is None else upper)


def step_for(policy: ScalingPolicy, value: float, threshold: float) -> int:
    """The adjustment of the step that the breach falls into. ValidationError when there is none."""
    breach = value - threshold
    for step in policy.steps:
        lower, upper = _bounds(step)
        # Above the threshold the lower bound belongs to a step, below it the upper one.
        inside = lower <= breach < upper if breach >= 0 else lower < breach <= upper
        if inside:
            return int(step["ScalingAdjustment"])
    raise ValidationError(f"No step adjustment found for metric value {value} and breach threshold {threshold}")


def desired_after(policy: ScalingPolicy, adjustment: int, desired: int) -> int:
    """The capacity that the policy asks for; the group's bounds are not its."""
    if policy.adjustment_type == "ExactCapacity":
        return adjustment
    change = adjustment
    if policy.adjustment_type == PERCENT:
        exact = desired * adjustment / 100
        change = math.trunc(exact)
        if change == 0 and exact:
            change = 1 if exact > 0 else -1
    if policy.magnitude and change and abs(change) < policy.magnitude:
        change = policy.magnitude if change > 0 else -policy.magnitude
    return desired + change
