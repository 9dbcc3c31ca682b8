"""What a caller of ECS needs: actions, resources and condition keys (Service Authorization Reference, Amazon ECS)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from emulator.domain.arn import parse_arn
from emulator.domain.capacity.capacity_provider import CapacityProvider, provider_name
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ContainerInstance
from emulator.domain.iam.policy_conditions import Context, resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.domain.service_scheduler.service import Service
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.domain.tasks.task import Task
from emulator.services.access import pass_role, request_tags, tag_keys
from emulator.services.ecs import lookup
from emulator.services.ecs.account_values import effective_value
from emulator.store.ecs_tables import (
    CAPACITY_PROVIDERS,
    CLUSTERS,
    CONTAINER_INSTANCES,
    SERVICES,
    TASK_DEFINITIONS,
    TASKS,
)
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call

_TASKS: Final = "ecs-tasks.amazonaws.com"
Request = Mapping[str, Any]


def _anything(call: Call, request: Request) -> Iterable[Access]:
    """An action that has no resource."""
    yield Access(f"ecs:{call.operation}")


def _in_cluster(call: Call, request: Request) -> Iterable[Access]:
    """A list: no resource, but a cluster to look in."""
    yield Access(f"ecs:{call.operation}", context=_cluster_key(call, request))


def _in_namespace(call: Call, request: Request) -> Iterable[Access]:
    yield Access("ecs:ListServicesByNamespace", context={"ecs:namespace": (request["namespace"],)})


def _setting(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"ecs:{call.operation}", context={"ecs:account-setting": (request["name"],)})


def _cluster(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, _cluster_arn(call, request.get("cluster")), _providers(call, request))


def _clusters(call: Call, request: Request) -> Iterable[Access]:
    for reference in request.get("clusters") or [None]:
        yield _on(call, _cluster_arn(call, reference))


def _create_cluster(call: Call, request: Request) -> Iterable[Access]:
    arn = _cluster_arn(call, request.get("clusterName"))
    yield Access("ecs:CreateCluster", arn, {**_given_tags(request), **_providers(call, request)})
    yield from _tagging(call, request, arn)


def _service(call: Call, request: Request) -> Iterable[Access]:
    context = {**_cluster_key(call, request), **_providers(call, request), **_launch_keys(call, request)}
    yield _on(call, _member_arn(call, request, "service", request["service"]), context)


def _services(call: Call, request: Request) -> Iterable[Access]:
    for reference in request["services"]:
        yield _on(call, _member_arn(call, request, "service", reference), _cluster_key(call, request))


def _service_parts(call: Call, request: Request) -> Iterable[Access]:
    """Service deployments and service revisions: each by its ARN."""
    for member in ("serviceDeploymentArns", "serviceRevisionArns"):
        for reference in request.get(member) or ():
            yield _on(call, reference)
    if request.get("serviceDeploymentArn"):
        yield _on(call, request["serviceDeploymentArn"])


def _task_set(call: Call, request: Request) -> Iterable[Access]:
    """Each task set by its ARN; a new one, and all of a service, by an asterisk."""
    service = _member_arn(call, request, "service", request["service"])
    prefix = service.replace(":service/", ":task-set/", 1)
    context = {**_cluster_key(call, request), "ecs:service": (service,)}
    if call.operation == "CreateTaskSet":
        asked = {**context, **_providers(call, request), **_launch_keys(call, request), **_given_tags(request)}
        yield Access("ecs:CreateTaskSet", f"{prefix}/*", asked)
        yield from _tagging(call, request, f"{prefix}/*")
        return
    for reference in request.get("taskSets") or [request.get("taskSet") or "*"]:
        yield _on(call, reference if reference.startswith("arn:") else f"{prefix}/{reference}", context)


def _create_service(call: Call, request: Request) -> Iterable[Access]:
    arn = _member_arn(call, request, "service", request["serviceName"])
    context = {**_cluster_key(call, request), **_providers(call, request), **_launch_keys(call, request)}
    yield Access("ecs:CreateService", arn, {**context, **_given_tags(request)})
    yield from _tagging(call, request, arn)
    if request.get("role"):
        yield pass_role(call, request["role"], "ecs.amazonaws.com")


def _task(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, _member_arn(call, request, "task", request["task"]), _cluster_key(call, request))


def _tasks(call: Call, request: Request) -> Iterable[Access]:
    for reference in request.get("tasks") or ["*"]:
        yield _on(call, _member_arn(call, request, "task", reference), _cluster_key(call, request))


def _instances(call: Call, request: Request) -> Iterable[Access]:
    """One container instance, or several."""
    named = request.get("containerInstances")
    for reference in [request["containerInstance"]] if named is None else named or ["*"]:
        yield _on(call, _member_arn(call, request, "container-instance", reference), _cluster_key(call, request))


def _targets(call: Call, request: Request) -> Iterable[Access]:
    """The instances whose attributes change."""
    targets = dict.fromkeys(str(attribute.get("targetId") or "*") for attribute in request["attributes"])
    for reference in targets or ["*"]:
        yield _on(call, _member_arn(call, request, "container-instance", reference), _cluster_key(call, request))


def _create_provider(call: Call, request: Request) -> Iterable[Access]:
    arn = call.arn(f"capacity-provider/{request['name']}")
    yield Access("ecs:CreateCapacityProvider", arn, _given_tags(request))
    yield from _tagging(call, request, arn)
    yield from _infrastructure_role(call, request)


def _infrastructure_role(call: Call, request: Request) -> Iterable[Access]:
    """The role with which ECS would launch managed instances is passed to it."""
    role = (request.get("managedInstancesProvider") or {}).get("infrastructureRoleArn")
    if role:
        yield pass_role(call, role, "ecs.amazonaws.com")


def _provider(call: Call, request: Request) -> Iterable[Access]:
    """One capacity provider, or several; all of them when none is named."""
    one = request.get("name") or request.get("capacityProvider")
    for reference in [one] if one else request.get("capacityProviders") or ["*"]:
        yield _on(call, call.arn(f"capacity-provider/{provider_name(reference)}"))
    yield from _infrastructure_role(call, request)


def _register_instance(call: Call, request: Request) -> Iterable[Access]:
    arn = _cluster_arn(call, request.get("cluster"))
    yield _on(call, arn, _given_tags(request))
    yield from _tagging(call, request, f"{arn.replace(':cluster/', ':container-instance/')}/*")


def _execute_command(call: Call, request: Request) -> Iterable[Access]:
    task = _member_arn(call, request, "task", request["task"])
    context = {**_cluster_key(call, request), "ecs:task": (task,)}
    if request.get("container"):
        context["ecs:container-name"] = (request["container"],)
    yield _on(call, _cluster_arn(call, request.get("cluster")), context)
    yield _on(call, task, context)


def _run_task(call: Call, request: Request) -> Iterable[Access]:
    """The revision that would run, where StartTask would have it, and the roles that its tasks would have."""
    definition = lookup.find_task_definition(call, request["taskDefinition"])
    arn = definition.arn if definition else _definition_arn(call, request["taskDefinition"])
    context = {**_cluster_key(call, request), **_providers(call, request), **_given_tags(request)}
    context["ecs:enable-execute-command"] = (_flag(request.get("enableExecuteCommand")),)
    if request.get("containerInstances"):
        named = request["containerInstances"]
        instances = (_member_arn(call, request, "container-instance", reference) for reference in named)
        context["ecs:container-instances"] = tuple(instances)
    context["ecs:enable-ebs-volumes"] = (_flag(request.get("volumeConfigurations")),)
    yield _on(call, arn, context)
    prefix = _cluster_arn(call, request.get("cluster")).replace(":cluster/", ":task/")
    yield from _tagging(call, request, f"{prefix}/*")
    overrides, body = request.get("overrides") or {}, definition.body if definition else {}
    for member in ("taskRoleArn", "executionRoleArn"):
        if role := overrides.get(member) or body.get(member):
            yield pass_role(call, role, _TASKS)


def _register(call: Call, request: Request) -> Iterable[Access]:
    arn = call.arn(f"task-definition/{request['family']}:*")
    context: dict[str, tuple[str, ...]] = {
        "ecs:compute-compatibility": tuple(request.get("requiresCompatibilities") or ("EC2",)),
        "ecs:privileged": (_flag(any(c.get("privileged") for c in request["containerDefinitions"])),),
        **_sizes(request),
    }
    yield Access("ecs:RegisterTaskDefinition", arn, {**context, **_given_tags(request)})
    yield from _tagging(call, request, arn)
    for member in ("taskRoleArn", "executionRoleArn"):
        if request.get(member):
            yield pass_role(call, request[member], _TASKS)


def _definitions(call: Call, request: Request) -> Iterable[Access]:
    for reference in request["taskDefinitions"]:
        yield _on(call, _definition_arn(call, reference))


def _tag(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, request["resourceArn"], _given_tags(request))


def _untag(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, request["resourceArn"], tag_keys(request["tagKeys"]))


def _tags_shown(call: Call, request: Request) -> Iterable[Access]:
    yield _on(call, request["resourceArn"])


def _on(call: Call, arn: str, context: Context | None = None) -> Access:
    """The operation's own action on a resource, with the tags of the resource if it is there."""
    tags = {tag["key"]: tag["value"] for tag in _tags_of(call, arn)}
    return Access(f"ecs:{call.operation}", arn, {**(context or {}), **resource_tags("ecs", tags)})


def _tags_of(call: Call, resource: str) -> Sequence[Mapping[str, str]]:
    """None when the resource is not there, or is another account's."""
    arn = parse_arn(resource)
    if arn is None or (arn.account, arn.region) != (call.account, call.region):
        return ()
    where = (call.account, call.region)
    record: CapacityProvider | Cluster | ContainerInstance | Service | Task | TaskDefinition | None = None
    match arn.kind, arn.path:
        case "cluster", [name]:
            record = call.reader.get(CLUSTERS, *where, name)
        case "capacity-provider", [name]:
            record = call.reader.get(CAPACITY_PROVIDERS, *where, name)
        case "service", [cluster, name]:
            record = call.reader.get(SERVICES, *where, cluster, name)
        case "container-instance", [cluster, instance_id]:
            record = call.reader.get(CONTAINER_INSTANCES, *where, cluster, instance_id)
        case "task", [cluster, task_id]:
            record = call.reader.get(TASKS, *where, cluster, task_id)
        case "task-definition", [name]:
            family, _, revision = name.partition(":")
            number = int(revision) if revision.isdigit() else 0
            record = call.reader.get(TASK_DEFINITIONS, *where, family, number)
    return record.tags if record is not None else ()


def _tagging(call: Call, request: Request, arn: str) -> Iterable[Access]:
    """Tags at creation need ecs:TagResource, unless the account has turned that off (tagResourceAuthorization)."""
    if request.get("tags") and effective_value(call, "tagResourceAuthorization") == "on":
        yield Access("ecs:TagResource", arn, {**_given_tags(request), "ecs:createaction": (call.operation,)})


def _given_tags(request: Request) -> Context:
    tags: Sequence[Mapping[str, str]] = request.get("tags") or ()
    return request_tags({str(tag.get("key")): str(tag.get("value") or "") for tag in tags}) if tags else {}


def _cluster_arn(call: Call, reference: str | None) -> str:
    reference = reference or lookup.DEFAULT_CLUSTER
    return reference if reference.startswith("arn:") else call.arn(f"cluster/{reference}")


def _cluster_key(call: Call, request: Request) -> dict[str, tuple[str, ...]]:
    return {"ecs:cluster": (_cluster_arn(call, request.get("cluster")),)}


def _member_arn(call: Call, request: Request, kind: str, reference: str) -> str:
    """The long ARN of a task or service, however it is named."""
    cluster = _cluster_arn(call, request.get("cluster"))
    given = parse_arn(reference)
    if given is not None and len(given.path) != 1:
        return reference
    name = given.path[0] if given is not None else reference
    return f"{cluster.replace(':cluster/', f':{kind}/')}/{name}"


def _definition_arn(call: Call, reference: str) -> str:
    return reference if reference.startswith("arn:") else call.arn(f"task-definition/{reference}")


def _providers(call: Call, request: Request) -> Context:
    strategy = request.get("capacityProviderStrategy") or request.get("defaultCapacityProviderStrategy") or ()
    names = [*(request.get("capacityProviders") or ()), *(str(item.get("capacityProvider")) for item in strategy)]
    arns = tuple(call.arn(f"capacity-provider/{name}") for name in dict.fromkeys(names))
    return {"ecs:capacity-provider": arns} if arns else {}


def _launch_keys(call: Call, request: Request) -> dict[str, tuple[str, ...]]:
    """What CreateService and UpdateService say about the tasks; absent members give no keys."""
    keys: dict[str, tuple[str, ...]] = {}
    if request.get("taskDefinition"):
        definition = lookup.find_task_definition(call, request["taskDefinition"])
        arn = definition.arn if definition else _definition_arn(call, request["taskDefinition"])
        keys = {"ecs:task-definition": (arn,), **_sizes(definition.body if definition else {})}
    for member, key in (
        ("enableExecuteCommand", "ecs:enable-execute-command"),
        ("enableECSManagedTags", "ecs:enable-ecs-managed-tags"),
    ):
        if member in request:
            keys[key] = (_flag(request[member]),)
    if request.get("propagateTags"):
        keys["ecs:propagate-tags"] = (request["propagateTags"],)
    network = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if network.get("subnets"):
        keys["ecs:subnet"] = tuple(network["subnets"])
        keys["ecs:auto-assign-public-ip"] = (_flag(network.get("assignPublicIp") == "ENABLED"),)
    connect = request.get("serviceConnectConfiguration") or {}
    keys["ecs:enable-service-connect"] = (_flag(connect.get("enabled")),)
    if connect.get("namespace"):
        keys["ecs:namespace"] = (connect["namespace"],)
    return keys


def _sizes(definition: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {f"ecs:task-{member}": (str(definition[member]),) for member in ("cpu", "memory") if definition.get(member)}


def _flag(value: object) -> str:
    return "true" if value else "false"


AUTHORIZATION: Authorization = {
    **dict.fromkeys(
        (
            "DeregisterTaskDefinition", "DescribeTaskDefinition", "DiscoverPollEndpoint", "ListAccountSettings",
            "ListClusters", "ListTaskDefinitionFamilies", "ListTaskDefinitions",
        ),
        _anything,
    ),
    **dict.fromkeys(
        (
            "DeleteCluster", "DeregisterContainerInstance", "ListAttributes", "ListContainerInstances",
            "PutClusterCapacityProviders", "SubmitAttachmentStateChanges",
            "SubmitContainerStateChange", "SubmitTaskStateChange", "UpdateCluster", "UpdateClusterSettings",
        ),
        _cluster,
    ),
    **dict.fromkeys(("ListServices", "ListTasks"), _in_cluster),
    **dict.fromkeys(("DeleteAccountSetting", "PutAccountSetting", "PutAccountSettingDefault"), _setting),
    **dict.fromkeys(
        ("DeleteService", "ListServiceDeployments", "UpdateService", "UpdateServicePrimaryTaskSet"), _service
    ),
    **dict.fromkeys(
        (
            "ContinueServiceDeployment", "DescribeServiceDeployments", "DescribeServiceRevisions",
            "StopServiceDeployment",
        ),
        _service_parts,
    ),
    **dict.fromkeys(("DescribeTasks", "GetTaskProtection", "UpdateTaskProtection"), _tasks),
    **dict.fromkeys(
        ("DescribeContainerInstances", "UpdateContainerAgent", "UpdateContainerInstancesState"), _instances
    ),
    **dict.fromkeys(("DeleteAttributes", "PutAttributes"), _targets),
    **dict.fromkeys(("CreateTaskSet", "DeleteTaskSet", "DescribeTaskSets", "UpdateTaskSet"), _task_set),
    **dict.fromkeys(("DeleteCapacityProvider", "DescribeCapacityProviders", "UpdateCapacityProvider"), _provider),
    "CreateCapacityProvider": _create_provider,
    "CreateCluster": _create_cluster,
    "CreateService": _create_service,
    "DeleteTaskDefinitions": _definitions,
    "DescribeClusters": _clusters,
    "DescribeServices": _services,
    "ExecuteCommand": _execute_command,
    "ListServicesByNamespace": _in_namespace,
    "ListTagsForResource": _tags_shown,
    "RegisterTaskDefinition": _register,
    "RegisterContainerInstance": _register_instance,
    "RunTask": _run_task,
    "StartTask": _run_task,
    "StopTask": _task,
    "TagResource": _tag,
    "UntagResource": _untag,
}  # fmt: skip
