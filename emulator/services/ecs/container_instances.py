"""Container instances: registered, listed, described, drained, deregistered. Rows only.

An instance is a virtual host: its tasks run on the engine that it names. Whoever it is registered by, Homeport is its
agent. Messages as observed on AWS unless marked unconfirmed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

from api_models._generated import ecs as m
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ContainerInstance, InstanceStatus, Load, deregistered
from emulator.domain.capacity.container_instance_shape import container_instance_shape
from emulator.domain.capacity.placement import facts_of
from emulator.domain.capacity.query_language import parse_query
from emulator.domain.capacity.virtual_host import AGENT_HASH, AGENT_VERSION
from emulator.domain.ecs_errors import MissingVersionException, NoUpdateAvailableException
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.tasks.task_progress import stop
from emulator.events.instance_changes import add_instance, write_instance
from emulator.events.task_changes import write_task
from emulator.services.ecs import lookup
from emulator.services.ecs.instance_registration import home_cluster, registered
from emulator.services.lookup import Failure, check_batch, found_and_missing
from emulator.services.noting import note
from emulator.store.ecs_tables import CONTAINER_INSTANCES, TASKS
from emulator.store.faults_table import as_connected
from emulator.store.instance_capacity import load_of, loads, wake_services
from emulator.wire.call import Call

_MAX_DESCRIBED: Final = 100
_MAX_UPDATED: Final = 10
FORCED: Final = "Container instance deregistration forced by user."


def register_container_instance(
    call: Call, request: m.RegisterContainerInstanceRequest
) -> m.RegisterContainerInstanceResponse:
    """The same EC2 instance, or an ARN that was given before, is registered again: it stays what it is."""
    cluster = home_cluster(call, request.get("cluster"))
    instance, kind = registered(call, cluster, request)
    instance = as_connected(call.tx, instance)
    if kind == "container_instance.registered":
        add_instance(call.tx, instance, call.now)
    else:
        instance = write_instance(call.tx, instance, call.now)
    wake_services(call.tx, instance)
    note(call, kind, instance.arn, {"ec2InstanceId": instance.ec2_instance_id, "by": call.caller.arn})
    return {"containerInstance": _shape(call, instance)}


def deregister_container_instance(
    call: Call, request: m.DeregisterContainerInstanceRequest
) -> m.DeregisterContainerInstanceResponse:
    """Forced, the tasks of the virtual host end with it. An INACTIVE one stays what it is."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    instance = lookup.existing_instance(call, cluster, request["containerInstance"])
    if instance.status == "INACTIVE":
        return {"containerInstance": _shape(call, instance)}
    tasks = [t for t in call.tx.find(TASKS, **_here(cluster), container_instance_arn=instance.arn) if not t.stopped]
    if tasks and not request.get("force"):
        raise InvalidParameterException("Found running tasks on the instance.")
    for task in tasks:
        if task.desired_status == "RUNNING":
            write_task(call.tx, task, stop(task, "InfrastructureHealth", FORCED, call.now), call.now)
    gone = write_instance(call.tx, deregistered(instance, call.now), call.now)
    wake_services(call.tx, gone)
    note(call, "container_instance.deregistered", gone.arn, {"tasks": len(tasks), "by": call.caller.arn})
    return {"containerInstance": _shape(call, gone)}


def describe_container_instances(
    call: Call, request: m.DescribeContainerInstancesRequest
) -> m.DescribeContainerInstancesResponse:
    cluster = lookup.active_cluster(call, request.get("cluster"))
    references = request["containerInstances"]
    found, failures = _found(call, cluster, references, _MAX_DESCRIBED)
    include = request.get("include", ())
    taken = _loads(call, found)
    shapes = [container_instance_shape(i, taken.get(i.arn, Load()), include, now=call.now) for i in found]
    return {"containerInstances": cast(list[m.ContainerInstance], shapes), "failures": failures}


def _found(
    call: Call, cluster: Cluster, references: list[str], most: int
) -> tuple[list[ContainerInstance], list[Failure]]:
    """ClientException for none, or for more than `most`."""
    if not references:
        raise ClientException("Container Instances cannot be empty.")
    check_batch(references, most, "Container Instances")
    return found_and_missing(
        references,
        find=lambda reference: lookup.find_instance(call, cluster, reference),
        arn_of=lambda reference: lookup.member_arn(cluster, reference, "container-instance"),
    )


def list_container_instances(call: Call, request: m.ListContainerInstancesRequest) -> m.ListContainerInstancesResponse:
    """Those that are not INACTIVE, of a status, and selected by an expression, as far as asked."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    page = call.page(request, _listed(call, cluster, request), key=str)
    prefix = cluster.arn.replace(":cluster/", ":container-instance/")
    answer: m.ListContainerInstancesResponse = {"containerInstanceArns": [f"{prefix}/{i}" for i in page.items]}
    if page.next_token is not None:
        answer["nextToken"] = page.next_token
    return answer


def update_container_instances_state(
    call: Call, request: m.UpdateContainerInstancesStateRequest
) -> m.UpdateContainerInstancesStateResponse:
    cluster = lookup.active_cluster(call, request.get("cluster"))
    references = request["containerInstances"]
    status: Any = request["status"]
    if status not in ("ACTIVE", "DRAINING"):
        raise InvalidParameterException("Container instance status should be one of [ACTIVE, DRAINING]")
    found, failures = _found(call, cluster, references, _MAX_UPDATED)
    refused: list[Failure] = [{"arn": i.arn, "reason": "INACTIVE"} for i in found if i.status == "INACTIVE"]
    changed = [_with_status(call, i, status) for i in found if i.status != "INACTIVE"]
    return {"containerInstances": [_shape(call, i) for i in changed], "failures": [*failures, *refused]}


def update_container_agent(call: Call, request: m.UpdateContainerAgentRequest) -> m.UpdateContainerAgentResponse:
    """An agent that was registered with an older version gets the newest, at once: Homeport is the agent."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    instance = lookup.existing_instance(call, cluster, request["containerInstance"])
    if not instance.agent_version:
        raise MissingVersionException(  # unconfirmed wording
            "Amazon ECS is unable to determine the current version of the Amazon ECS container agent on the container "
            "instance and does not have enough information to proceed with an update."
        )
    if not parse_query(f'agentVersion < "{AGENT_VERSION}"').selects(facts_of(instance)):
        raise NoUpdateAvailableException("There is no update available for your container agent.")
    asked = write_instance(call.tx, replace(instance, agent_update_status="PENDING"), call.now)
    updated = replace(asked, agent_update_status="UPDATED", agent_version=AGENT_VERSION, agent_hash=AGENT_HASH)
    write_instance(call.tx, updated, call.now)
    note(call, "container_instance.agent_updated", updated.arn, {"from": instance.agent_version, "to": AGENT_VERSION})
    return {"containerInstance": _shape(call, asked)}


def _listed(call: Call, cluster: Cluster, request: m.ListContainerInstancesRequest) -> list[str]:
    """Ids, in order. Only an expression needs the records."""
    here = _here(cluster)
    status = request.get("status")
    if "filter" not in request:
        wanted = [status] if status else ["ACTIVE", "DRAINING"]
        return sorted(i for s in wanted for i in call.reader.column(CONTAINER_INSTANCES, "id", **here, status=s))
    query = parse_query(request["filter"])
    instances = call.reader.find(CONTAINER_INSTANCES, **here)
    taken = _loads(call, instances)
    return [
        instance.id
        for instance in instances
        if (instance.status == status if status else instance.status != "INACTIVE")
        and query.selects(facts_of(instance, taken.get(instance.arn)))
    ]


def _with_status(call: Call, instance: ContainerInstance, status: InstanceStatus) -> ContainerInstance:
    """Services look at once: tasks on a draining instance are replaced, an active one has room for others."""
    if instance.status == status:
        return instance
    changed = write_instance(call.tx, replace(instance, status=status), call.now)
    wake_services(call.tx, changed)
    note(call, "container_instance.status_changed", changed.arn, {"status": status, "by": call.caller.arn})
    return changed


def _loads(call: Call, instances: list[ContainerInstance]) -> dict[str, Load]:
    """Of a few instances one by one, of many together."""
    if len(instances) > 10:
        return loads(call.reader, instances[0])
    return {instance.arn: load_of(call.reader, instance) for instance in instances}


def _shape(call: Call, instance: ContainerInstance) -> m.ContainerInstance:
    shape = container_instance_shape(instance, load_of(call.reader, instance), ("TAGS",), now=call.now)
    return cast(m.ContainerInstance, shape)


def _here(cluster: Cluster) -> dict[str, Any]:
    return {"account": cluster.account, "region": cluster.region, "cluster": cluster.name}
