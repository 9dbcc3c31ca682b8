"""What a service's operations write into its history: the revision and the service deployment that begin, the one
that ends."""

from __future__ import annotations

from emulator.domain.service_scheduler import service_deployment as history
from emulator.domain.service_scheduler.service import Service
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.store.ecs_tables import SERVICE_DEPLOYMENTS, SERVICE_REVISIONS
from emulator.wire.call import Call


def keep_history(call: Call, service: Service, definition: TaskDefinition) -> None:
    """A new PRIMARY deployment's revision, and the service deployment that brings it about."""
    primary = service.primary
    images = [[c["name"], c["image"]] for c in definition.body["containerDefinitions"]]
    call.tx.put(SERVICE_REVISIONS, history.revision_of(service, primary, images, call.now))
    call.tx.put(SERVICE_DEPLOYMENTS, history.begin_service_deployment(service, primary, call.now))


def stop_rollout(call: Call, service: Service, reason: str) -> None:
    """Something else takes the place of the service deployment under way, if there is one."""
    if service.has_task_sets:
        return
    id_ = service.primary.service_deployment_id
    under_way = call.tx.get(SERVICE_DEPLOYMENTS, service.account, service.region, service.cluster, service.name, id_)
    if under_way is not None and not under_way.ended:
        call.tx.put(SERVICE_DEPLOYMENTS, history.stopped(under_way, reason, call.now))
