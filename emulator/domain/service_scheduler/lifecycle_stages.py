"""The lifecycle stages of a deployment, and the PAUSE hooks at which one waits for an answer. Pure.

Records and small rules: which stage follows which, when a hook has been answered or has run out. What happens in a
stage is blue_green.py's, or rolling_hooks.py's. Sources: ECS API model (ServiceDeployment, DeploymentLifecycleHook),
AWS developer guide "Pause hooks for Amazon ECS service deployments".
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Stage = Literal[
    "RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME",
    "CLEAN_UP",
]  # fmt: skip
HookStatus = Literal["AWAITING_ACTION", "SUCCEEDED", "FAILED", "TIMED_OUT"]
HookAction = Literal["CONTINUE", "ROLLBACK"]

STAGES: Final[tuple[Stage, ...]] = (
    "RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME",
    "CLEAN_UP",
)  # fmt: skip
"""In order; RECONCILE_SERVICE only comes when more than one older revision is there at the start."""
PAUSE_STAGES: Final[tuple[Stage, ...]] = (
    "RECONCILE_SERVICE", "PRE_SCALE_UP", "POST_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)  # fmt: skip
"""Where a PAUSE hook may stand."""
ROLLING_PAUSE_STAGES: Final[tuple[Stage, ...]] = ("RECONCILE_SERVICE", "PRE_SCALE_UP", "POST_SCALE_UP")
"""Where one may stand in a rolling deployment, which shifts no traffic."""
HOOK_STAGES: Final[tuple[Stage, ...]] = tuple(s for s in STAGES if s not in ("SCALE_UP", "BAKE_TIME", "CLEAN_UP"))
"""Where any hook may stand."""

DEFAULT_TIMEOUT_MINUTES: Final = 1440
LONGEST_TIMEOUT_MINUTES: Final = 20160
DEFAULT_TIMEOUT_ACTION: Final[HookAction] = "ROLLBACK"
LONGEST_STAGE_S: Final = 86400.0
"""How long a stage may take by itself; what its pauses take is not counted."""
LONGEST_DEPLOYMENT_S: Final = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Hook:
    """A PAUSE hook that a service deployment has reached. `timeout_action`: what happens at `expires_at` (epoch
    seconds) if nobody has answered; `answer`: what a user said; `ended_at`: when it stopped waiting."""

    id: str
    stage: Stage
    expires_at: float
    timeout_action: HookAction
    status: HookStatus = "AWAITING_ACTION"
    answer: HookAction | None = None
    ended_at: float | None = None

    @property
    def waits(self) -> bool:
        return self.status == "AWAITING_ACTION"


def following(stage: Stage) -> Stage:
    """The stage after this one; CLEAN_UP is the last."""
    return STAGES[min(STAGES.index(stage) + 1, len(STAGES) - 1)]


def is_past(stage: str, other: Stage) -> bool:
    """Whether `stage` comes after `other`; none comes before all."""
    return stage in STAGES and STAGES.index(stage) > STAGES.index(other)


def hooks_at(configuration: Mapping[str, Any], stage: Stage, random: Iterable[str], now: float) -> list[Hook]:
    """The PAUSE hooks of a deploymentConfiguration that begin to wait when `stage` is reached. `random`: 64
    hexadecimal digits for each hook's id."""
    asked = [h for h in configuration.get("lifecycleHooks") or () if stage in (h.get("lifecycleStages") or ())]
    return [_hook(hook, stage, digits, now) for hook, digits in zip(asked, random, strict=False)]


def of_stage(hooks: Iterable[Hook], stage: str) -> list[Hook]:
    return [hook for hook in hooks if hook.stage == stage]


def answered(hooks: Iterable[Hook], hook_id: str, action: HookAction, now: float) -> list[Hook]:
    """After a user has said CONTINUE or ROLLBACK of one of them."""
    status: HookStatus = "SUCCEEDED" if action == "CONTINUE" else "FAILED"
    return [replace(h, status=status, answer=action, ended_at=now) if h.id == hook_id else h for h in hooks]


def timed_out(hooks: Iterable[Hook], now: float) -> list[Hook]:
    """After those that wait no longer have run out."""
    return [replace(h, status="TIMED_OUT", ended_at=now) if h.waits and now >= h.expires_at else h for h in hooks]


def given_up(hooks: Sequence[Hook], now: float) -> list[Hook]:
    """After the deployment ended otherwise: nothing waits any more."""
    return [replace(h, status="FAILED", ended_at=now) if h.waits else h for h in hooks]


def failures(hooks: Iterable[Hook]) -> Iterator[str]:
    """Why hooks make the deployment turn back, a sentence each (the wording is unconfirmed)."""
    for hook in hooks:
        if hook.status == "FAILED":
            yield f"A rollback was requested for lifecycle hook {hook.id}."
        elif hook.status == "TIMED_OUT" and hook.timeout_action == "ROLLBACK":
            yield f"Lifecycle hook {hook.id} timed out."


def _hook(asked: Mapping[str, Any], stage: Stage, digits: str, now: float) -> Hook:
    """ids look like AWS's: ecs-pause-e7tK9G_WRJqNF_EOMjztDXfKenlJuEUVjsNStf4WLKw."""
    timeout = asked.get("timeoutConfiguration") or {}
    minutes = timeout.get("timeoutInMinutes") or DEFAULT_TIMEOUT_MINUTES
    return Hook(
        id=f"ecs-pause-{urlsafe_b64encode(bytes.fromhex(digits)).decode().rstrip('=')}",
        stage=stage,
        expires_at=now + 60.0 * minutes,
        timeout_action=timeout.get("action") or DEFAULT_TIMEOUT_ACTION,
    )
