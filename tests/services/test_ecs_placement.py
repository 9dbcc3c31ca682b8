"""RunTask and StartTask on container instances: where tasks go, what they take, why they do not go somewhere."""

from __future__ import annotations

from collections import Counter
from typing import Any

from emulator.app import Emulator
from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.services.ecs_scene import prepare, refuses
from tests.services.instance_scene import (
    EVERYWHERE,
    SUBNETS,
    ec2_definition,
    provide_image,
    register,
    resources,
    run_on_ec2,
)


def scene(ecs: Any, count: int = 2, **definition: Any) -> list[str]:
    """Cluster `c` with instances in zones a, b, c in turn, and the definition `job`; the instances' ARNs."""
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(**ec2_definition(**definition))
    return [register(ecs, n, zone="abc"[n % 3])["containerInstanceArn"] for n in range(count)]


def where(answer: dict[str, Any]) -> Counter[str]:
    return Counter(task["containerInstanceArn"] for task in answer["tasks"])


def described(ecs: Any, arn: str) -> dict[str, Any]:
    [shown] = ecs.describe_container_instances(cluster="c", containerInstances=[arn])["containerInstances"]
    return dict(shown)


def test_a_task_takes_of_its_instance_until_it_has_stopped(aws: Aws, emulator: Emulator, clock: VirtualClock) -> None:
    provide_image(emulator)
    ecs = aws("ecs")
    [arn] = scene(ecs, 1)
    [task] = run_on_ec2(ecs)["tasks"]
    assert (task["launchType"], task["containerInstanceArn"]) == ("EC2", arn)
    assert task["availabilityZone"] == "us-east-1a"
    assert "platformVersion" not in task and "ephemeralStorage" not in task
    details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
    assert details["subnetId"] == SUBNETS[0]
    shown = described(ecs, arn)
    assert (shown["pendingTasksCount"], shown["runningTasksCount"]) == (1, 0)
    assert resources(shown) == {**resources(shown, "registeredResources"), "CPU": 1792, "MEMORY": 7371}
    emulator.plane.settle()
    shown = described(ecs, arn)
    assert (shown["pendingTasksCount"], shown["runningTasksCount"]) == (0, 1)
    assert ecs.list_tasks(cluster="c", containerInstance=arn)["taskArns"] == [task["taskArn"]]
    [cluster] = ecs.describe_clusters(clusters=["c"], include=["STATISTICS"])["clusters"]
    assert {"name": "runningEC2TasksCount", "value": "1"} in cluster["statistics"]
    ecs.stop_task(cluster="c", task=task["taskArn"])
    clock.advance(60)
    emulator.plane.settle()
    shown = described(ecs, arn)
    assert resources(shown) == resources(shown, "registeredResources")
    assert shown["version"] == 3
    assert ecs.list_tasks(cluster="c", containerInstance=arn)["taskArns"] == []
    with refuses("InvalidParameterException", "The referenced container instance was not found."):
        ecs.list_tasks(cluster="c", containerInstance="0" * 32)


def test_what_fits_is_placed_and_each_instance_says_why_it_took_no_more(aws: Aws) -> None:
    ecs = aws("ecs")
    arns = scene(ecs, 2, container={"cpu": 900})
    answer = run_on_ec2(ecs, count=10)
    assert where(answer) == dict.fromkeys(arns, 2)
    assert sorted(answer["failures"], key=lambda f: f["arn"]) == [
        {"arn": arn, "reason": "RESOURCE:CPU"} for arn in sorted(arns)
    ]


def test_interfaces_are_counted_by_instance_type(aws: Aws) -> None:
    ecs = aws("ecs")
    [arn] = scene(ecs, 1, container={"cpu": 1, "memory": 4})
    answer = run_on_ec2(ecs, count=3)
    assert len(answer["tasks"]) == 2
    assert answer["failures"] == [{"arn": arn, "reason": "RESOURCE:ENI"}]
    ecs.put_account_setting_default(name="awsvpcTrunking", value="enabled")
    trunked = register(ecs, 7)["containerInstanceArn"]
    assert where(run_on_ec2(ecs, count=10)) == {trunked: 10}


def test_strategies_and_constraints(aws: Aws) -> None:
    ecs = aws("ecs")
    arns = scene(ecs, 3, container={"cpu": 1, "memory": 4})
    spread = [{"type": "spread", "field": "attribute:ecs.availability-zone"}]
    assert where(run_on_ec2(ecs, count=3, placementStrategy=spread)) == dict.fromkeys(arns, 1)
    one_each = run_on_ec2(ecs, count=4, placementConstraints=[{"type": "distinctInstance"}], group="other")
    assert where(one_each) == dict.fromkeys(arns, 1)
    assert {f["reason"] for f in one_each["failures"]} == {"DistinctInstance placement constraint unsatisfied."}
    ecs.create_cluster(clusterName="d")
    in_b = [{"type": "memberOf", "expression": "attribute:ecs.availability-zone == us-east-1d"}]
    none = run_on_ec2(ecs, placementConstraints=in_b)
    assert none["tasks"] == []
    assert {f["reason"] for f in none["failures"]} == {"MemberOf placement constraint unsatisfied."}


def test_constraints_of_the_definition_hold_too(aws: Aws) -> None:
    ecs = aws("ecs")
    arns = scene(ecs, 2, placementConstraints=[{"type": "memberOf", "expression": "attribute:stack == prod"}])
    assert run_on_ec2(ecs)["tasks"] == []
    ecs.put_attributes(cluster="c", attributes=[{"name": "stack", "value": "prod", "targetId": arns[1]}])
    assert where(run_on_ec2(ecs, count=2)) == {arns[1]: 2}


def test_the_zone_of_a_subnet_and_the_abilities_of_an_instance(aws: Aws) -> None:
    ecs = aws("ecs")
    arns = scene(ecs, 2)
    in_b = {"awsvpcConfiguration": {"subnets": [SUBNETS[1]]}}
    assert where(run_on_ec2(ecs, networkConfiguration=in_b)) == {arns[1]: 1}
    in_c = run_on_ec2(ecs, networkConfiguration={"awsvpcConfiguration": {"subnets": [SUBNETS[2]]}})
    assert {f["reason"] for f in in_c["failures"]} == {"LOCATION"}
    ecs.register_task_definition(**ec2_definition("arm", runtimePlatform={"cpuArchitecture": "ARM64"}))
    assert {f["reason"] for f in run_on_ec2(ecs, taskDefinition="arm")["failures"]} == {"ATTRIBUTE"}


def test_subnets_that_nobody_made_may_be_anywhere(aws: Aws) -> None:
    ecs = aws("ecs")
    arns = scene(ecs, 3, container={"cpu": 1, "memory": 4})
    unknown = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}
    spread = [{"type": "spread", "field": "instanceId"}]
    answer = run_on_ec2(ecs, count=3, networkConfiguration=unknown, placementStrategy=spread)
    assert where(answer) == dict.fromkeys(arns, 1)
    assert sorted(t["availabilityZone"] for t in answer["tasks"]) == ["us-east-1a", "us-east-1b", "us-east-1c"]


def test_draining_instances_take_nothing(aws: Aws) -> None:
    ecs = aws("ecs")
    [arn] = scene(ecs, 1)
    ecs.update_container_instances_state(cluster="c", containerInstances=[arn], status="DRAINING")
    with refuses("InvalidParameterException", "No Container Instances were found in your cluster."):
        run_on_ec2(ecs)
    answer = start(ecs, [arn])
    assert answer["failures"] == [{"arn": arn, "reason": "INACTIVE"}]


def start(ecs: Any, instances: list[str], **members: Any) -> dict[str, Any]:
    request = {"cluster": "c", "taskDefinition": "job", "networkConfiguration": EVERYWHERE, **members}
    answer: dict[str, Any] = ecs.start_task(containerInstances=instances, **request)
    return answer


def test_start_task_on_named_instances(aws: Aws, emulator: Emulator) -> None:
    provide_image(emulator)
    ecs = aws("ecs")
    arns = scene(ecs, 2, container={"cpu": 1200})
    answer = start(
        ecs,
        [arns[0], arns[1].rpartition("/")[2], arns[0], "0" * 32],
        startedBy="me",
        tags=[{"key": "a", "value": "1"}],
        overrides={"containerOverrides": [{"name": "app", "memory": 256}]},
    )
    assert where(answer) == dict.fromkeys(arns, 1)
    assert {t["group"] for t in answer["tasks"]} == {"family:job"}
    assert answer["tasks"][0]["tags"] == [{"key": "a", "value": "1"}]
    assert answer["failures"] == [
        {"arn": arns[0], "reason": "RESOURCE:CPU"},
        {"arn": f"{arns[0].rpartition('/')[0]}/{'0' * 32}", "reason": "MISSING"},
    ]
    emulator.plane.settle()
    assert [t["lastStatus"] for t in ecs.describe_tasks(cluster="c", tasks=ecs.list_tasks(
        cluster="c", startedBy="me")["taskArns"])["tasks"]] == ["RUNNING", "RUNNING"]  # fmt: skip


def test_refused_starts(aws: Aws) -> None:
    ecs = aws("ecs")
    [arn] = scene(ecs, 1)
    with refuses("ClientException", "Container Instances cannot be empty."):
        start(ecs, [])
    with refuses("InvalidParameterException", "Container Instances cannot have more than 10 elements."):
        start(ecs, [arn] * 11)
    with refuses("ClientException", "TaskDefinition not found."):
        start(ecs, [arn], taskDefinition="nope")
    with refuses("InvalidParameterException", "Network Configuration must be provided", part=True):
        ecs.start_task(cluster="c", taskDefinition="job", containerInstances=[arn])


def test_an_external_instance_takes_no_task_with_an_interface_of_its_own(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    outside = register(ecs, attributes=[{"name": "ecs.capability.external"}])["containerInstanceArn"]
    ecs.register_task_definition(**ec2_definition())
    network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}  # which may be anywhere
    started = ecs.start_task(
        cluster="c", taskDefinition="job", containerInstances=[outside], networkConfiguration=network
    )
    assert (started["tasks"], started["failures"]) == ([], [{"arn": outside, "reason": "ATTRIBUTE"}])


def test_external_instances_take_external_tasks_alone(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    outside = register(ecs, attributes=[{"name": "ecs.capability.external"}])["containerInstanceArn"]
    ecs.register_task_definition(**ec2_definition())
    with refuses("InvalidParameterException", "No Container Instances were found in your cluster."):
        run_on_ec2(ecs)
    with refuses("InvalidParameterException", "Task definition does not support launch_type EXTERNAL."):
        run_on_ec2(ecs, launchType="EXTERNAL")
    assert outside


def test_refused_placement(aws: Aws) -> None:
    ecs = aws("ecs")
    scene(ecs, 1)
    with refuses("InvalidParameterException", "distinctInstance expression should not be specified."):
        run_on_ec2(ecs, placementConstraints=[{"type": "distinctInstance", "expression": "a"}])
    with refuses("InvalidParameterException", "Invalid expression 'a b': 'a' is not a supported subject", part=True):
        run_on_ec2(ecs, placementConstraints=[{"type": "memberOf", "expression": "a b"}])
    with refuses("InvalidParameterException", "The field of a binpack placement strategy must be", part=True):
        run_on_ec2(ecs, placementStrategy=[{"type": "binpack"}])


def bridge_definition(family: str, *ports: dict[str, int], **members: Any) -> dict[str, Any]:
    container = {"name": "app", "image": "busybox", "cpu": 64, "memory": 64, "portMappings": list(ports)}
    return {"family": family, "containerDefinitions": [container], **members}


def test_host_ports_are_taken_and_given_back(aws: Aws, emulator: Emulator, clock: VirtualClock) -> None:
    provide_image(emulator)
    ecs = aws("ecs")
    arns = scene(ecs, 2)
    ecs.register_task_definition(**bridge_definition("fixed", {"containerPort": 80, "hostPort": 18080}))
    fixed = {"taskDefinition": "fixed", "networkConfiguration": None}
    first = run_on_ec2(ecs, count=3, **fixed)
    assert where(first) == dict.fromkeys(arns, 1)
    assert {f["reason"] for f in first["failures"]} == {"RESOURCE:PORTS"}
    emulator.plane.settle()
    shown = described(ecs, arns[0])
    assert shown["runningTasksCount"] == 1
    assert resources(shown)["PORTS"][-1] == "18080"
    assert resources(shown, "registeredResources")["PORTS"] == resources(shown)["PORTS"][:-1]
    gone = next(t for t in first["tasks"] if t["containerInstanceArn"] == arns[0])
    ecs.stop_task(cluster="c", task=gone["taskArn"])
    clock.advance(60)
    emulator.plane.settle()
    assert where(run_on_ec2(ecs, count=1, **fixed)) == {arns[0]: 1}


def test_dynamic_host_ports_are_known_to_placement(aws: Aws, emulator: Emulator) -> None:
    provide_image(emulator)
    ecs = aws("ecs")
    [arn] = scene(ecs, 1)
    ecs.register_task_definition(**bridge_definition("dynamic", {"containerPort": 80}, {"containerPort": 81}))
    answer = run_on_ec2(ecs, count=2, taskDefinition="dynamic", networkConfiguration=None)
    assert where(answer) == {arn: 2}
    emulator.plane.settle()
    [*_, last] = ports = resources(described(ecs, arn))["PORTS"]
    assert len(ports) == 6 + 4
    ecs.register_task_definition(**bridge_definition("same", {"containerPort": 80, "hostPort": int(last)}))
    refused = run_on_ec2(ecs, taskDefinition="same", networkConfiguration=None)
    assert refused["failures"] == [{"arn": arn, "reason": "RESOURCE:PORTS"}]


def test_tasks_outside_ec2(aws: Aws, emulator: Emulator) -> None:
    provide_image(emulator)
    ecs = aws("ecs")
    [inside] = scene(ecs, 1)
    outside = register(ecs, 1, attributes=[{"name": "ecs.capability.external"}])["containerInstanceArn"]
    ecs.register_task_definition(**bridge_definition("anywhere", requiresCompatibilities=["EXTERNAL", "EC2"]))
    there = {"taskDefinition": "anywhere", "networkConfiguration": None}
    [task] = run_on_ec2(ecs, launchType="EXTERNAL", **there)["tasks"]
    assert (task["launchType"], task["containerInstanceArn"]) == ("EXTERNAL", outside)
    assert "availabilityZone" not in task
    assert where(run_on_ec2(ecs, count=2, **there)) == {inside: 2}
    started = ecs.start_task(cluster="c", taskDefinition="anywhere", containerInstances=[outside])["tasks"]
    assert [t["launchType"] for t in started] == ["EXTERNAL"]
    emulator.plane.settle()
    assert described(ecs, outside)["runningTasksCount"] == 2
    ecs.create_service(cluster="c", serviceName="out", taskDefinition="anywhere", desiredCount=2, launchType="EXTERNAL")
    emulator.plane.settle()
    assert described(ecs, outside)["runningTasksCount"] == 4
