"""What there is, for `homeport status`: clusters, instances, services, tasks with their address, images. Only reads."""

from __future__ import annotations

from typing import Any

from emulator.admin.explain_capacity import capacity_providers
from emulator.admin.explain_connect import connections
from emulator.admin.unheard import unheard_ports
from emulator.admin.vantage import Vantages
from emulator.control.plane import ControlPlane
from emulator.domain.capacity.container_instance import INSTANCE_TYPE, ContainerInstance, Load
from emulator.domain.fault_words import target_words, told
from emulator.domain.networks.reach import Vantage, addresses
from emulator.domain.service_scheduler.service_tasks import running_and_pending
from emulator.domain.tasks.task import Task
from emulator.registry.naming import RegistryNaming
from emulator.registry.repository import list_tags
from emulator.store.database import Reader
from emulator.store.ecr_tables import REPOSITORIES
from emulator.store.ecs_tables import CLUSTERS, CONTAINER_INSTANCES, SERVICES, TASKS
from emulator.store.faults_table import FAULTS
from emulator.store.instance_capacity import loads
from emulator.store.logs_tables import LOG_GROUPS, LOG_STREAMS


def status(reader: Reader, naming: RegistryNaming, vantages: Vantages, plane: ControlPlane) -> dict[str, Any]:
    """All accounts and regions; stopped tasks are left out."""
    tasks = [task for task in reader.find(TASKS) if not task.stopped]
    return {
        "clusters": [
            {"name": c.name, "account": c.account, "region": c.region, "status": c.status}
            for c in reader.find(CLUSTERS)
        ],
        "instances": _instances(reader),
        "capacityProviders": capacity_providers(reader),
        "services": [
            {
                "name": s.name,
                "cluster": s.cluster,
                "status": s.status,
                "desired": s.desired_count,
                **dict(zip(("running", "pending"), running_and_pending(_of(tasks, s.name, s.cluster)), strict=True)),
                "because": s.because,
                "aliases": connections(reader, plane, s),
            }
            for s in reader.find(SERVICES)
            if s.status != "INACTIVE"
        ],
        "tasks": [_task(task, vantages.of(reader, task), unheard_ports(reader, plane, task)) for task in tasks],
        "faults": [
            f"{told(fault)}, for {target_words(fault)}" for fault in reader.find(FAULTS) if fault.ended_at is None
        ],
        "repositories": [
            {
                "uri": naming.repository_uri(r.account, r.region, r.name),
                "tags": list_tags(reader, r),
            }
            for r in reader.find(REPOSITORIES)
        ],
    }


def _of(tasks: list[Task], service: str, cluster: str) -> list[Task]:
    return [task for task in tasks if task.service == service and task.cluster == cluster]


def _instances(reader: Reader) -> list[dict[str, Any]]:
    """Container instances with what is left of them; those deregistered are left out."""
    instances = [i for i in reader.find(CONTAINER_INSTANCES) if i.status != "INACTIVE"]
    taken: dict[str, Load] = {}
    for one in {i.cluster_arn: i for i in instances}.values():
        taken.update(loads(reader, one))
    return [_instance(i, taken.get(i.arn, Load())) for i in instances]


def _instance(instance: ContainerInstance, load: Load) -> dict[str, Any]:
    return {
        "id": instance.id,
        "ec2InstanceId": instance.ec2_instance_id,
        "cluster": instance.cluster,
        "status": instance.status,
        "agentConnected": instance.agent_connected,
        "engine": instance.engine,
        "type": instance.attribute(INSTANCE_TYPE),
        "zone": instance.zone,
        "cpu": instance.cpu,
        "cpuLeft": instance.cpu - load.cpu,
        "memory": instance.memory_mib,
        "memoryLeft": instance.memory_mib - load.memory_mib,
        "running": load.running,
        "pending": load.pending,
    }


def _task(task: Task, seen: Vantage, unheard: list[str]) -> dict[str, Any]:
    return {
        "id": task.id,
        "cluster": task.cluster,
        "group": task.group,
        "lastStatus": task.last_status,
        "health": task.health_status,
        "engine": task.engine,
        "address": task.eni.private_ip if task.eni else None,
        "reach": addresses(task, seen),
        "containers": [{"name": c.name, "status": c.last_status, "engineId": c.runtime_id} for c in task.containers],
        "because": task.because,
        "warnings": [*task.warnings, *unheard],
    }


def log_streams(reader: Reader, of: str) -> tuple[str, list[str] | None] | None:
    """Ids of group and streams that a group's name, `task/<id>` or `service/<name>` means; None for nothing."""
    kind, _, name = of.partition("/")
    if kind == "task":
        wanted = [t for t in reader.find(TASKS) if t.id.startswith(name)] if name else []
    elif kind == "service":
        wanted = [t for t in reader.find(TASKS) if t.service == name]
    else:
        group = next((g for g in reader.find(LOG_GROUPS) if g.name == of), None)
        return None if group is None else (group.id, None)
    names = {c.log_stream for task in wanted for c in task.containers if c.log_stream}
    streams = [s for s in reader.find(LOG_STREAMS) if s.name in names]
    return (streams[0].group_id, [s.id for s in streams]) if streams else None
