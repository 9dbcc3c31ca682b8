"""What the ends of tasks mean for their deployments or task sets: failures counted, and said when many. Pure."""

from __future__ import annotations

from dataclasses import replace

from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.circuit_breaker import with_failures
from emulator.domain.service_scheduler.deployment import IMPAIRED_AFTER, judged
from emulator.domain.service_scheduler.reconciliation import Round


def judge(round_: Round) -> None:
    """Takes in every task that ended. Of a service that ECS deploys the PRIMARY deployment alone is judged further, by
    the circuit breaker too; task sets are judged each for itself."""
    ends, targets, service = round_.note_ends(), round_.around.targets, round_.service
    deployments = []
    for deployment in service.deployments:
        own = [t for t in round_.tasks if t.deployment_id == deployment.id]
        ended = [t for t in own if t.arn in ends]
        after = judged(deployment, ended, own, round_.now, targets)
        if after.status == "PRIMARY" and not service.has_task_sets:
            after = with_failures(service, after, len(ended))
        deployments.append(after)
    round_.service = replace(round_.service, deployments=deployments)
    watched = deployments if service.has_task_sets else [round_.service.primary]
    if any(deployment.start_failures >= IMPAIRED_AFTER for deployment in watched):
        round_.tell(say.IMPAIRED, say.start_impaired(service.name))
    else:
        round_.untell(say.IMPAIRED)
