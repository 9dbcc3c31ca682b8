"""What RegisterTaskDefinition answers: defaults, normalised sizes, computed members, order."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.domain.task_definitions.requires_attributes import requires_attributes
from emulator.domain.task_definitions.task_definition import TaskSize, register, task_size, unsupported_features

ACCOUNT, REGION = "123456789012", "us-east-1"
ECR_IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:1"
EXECUTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"
AWSLOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "g", "awslogs-region": REGION, "awslogs-stream-prefix": "ecs"},
}
OLD, NEW = "com.amazonaws.ecs.capability.", "ecs.capability."
API = f"{OLD}docker-remote-api."


def echo(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    own = list(containers) or [{"name": "web", "image": "nginx", "memory": 128}]
    return register({"family": "web", "containerDefinitions": own, **members}, account=ACCOUNT, region=REGION)


def fargate(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    own = containers or ({"name": "web", "image": "nginx"},)
    size = {"cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]}
    return echo(*own, **{**size, **members})


def attribute_names(body: dict[str, Any]) -> list[str]:
    return [attribute["name"] for attribute in body.get("requiresAttributes", [])]


def test_the_smallest_definition_is_echoed_with_aws_defaults_in_aws_order() -> None:
    body = echo()
    assert body == {
        "containerDefinitions": [
            {
                "name": "web",
                "image": "nginx",
                "cpu": 0,
                "memory": 128,
                "portMappings": [],
                "essential": True,
                "environment": [],
                "mountPoints": [],
                "volumesFrom": [],
                "systemControls": [],
            }
        ],
        "family": "web",
        "volumes": [],
        "placementConstraints": [],
        "compatibilities": ["EXTERNAL", "EC2"],
    }
    assert list(body) == ["containerDefinitions", "family", "volumes", "placementConstraints", "compatibilities"]
    assert list(body["containerDefinitions"][0])[:4] == ["name", "image", "cpu", "memory"]


def test_a_fargate_definition_keeps_its_requirements_and_says_where_it_runs() -> None:
    body = fargate()
    assert body["requiresCompatibilities"] == ["FARGATE"]
    assert body["compatibilities"] == ["EC2", "MANAGED_INSTANCES", "FARGATE"]
    assert (body["cpu"], body["memory"], body["networkMode"]) == ("256", "512", "awsvpc")


def test_a_definition_that_fargate_refuses_is_not_called_compatible() -> None:
    body = echo(networkMode="awsvpc", cpu="256", memory="600")
    assert body["compatibilities"] == ["EC2", "MANAGED_INSTANCES"]
    assert "requiresCompatibilities" not in body


@pytest.mark.parametrize(
    ("cpu", "memory", "echoed"),
    [
        ("256", "512", ("256", "512")),
        (".25 vCPU", "0.5GB", ("256", "512")),
        ("1 vcpu", "2 GB", ("1024", "2048")),
        ("0.5vCPU", "1gb", ("512", "1024")),
    ],
)
def test_sizes_are_echoed_as_plain_numbers(cpu: str, memory: str, echoed: tuple[str, str]) -> None:
    body = fargate(cpu=cpu, memory=memory)
    assert (body["cpu"], body["memory"]) == echoed


@pytest.mark.parametrize(
    ("mode", "mapping", "echoed"),
    [
        (None, {"containerPort": 80}, {"containerPort": 80, "hostPort": 0, "protocol": "tcp"}),
        ("bridge", {"containerPort": 80, "hostPort": 8080}, {"containerPort": 80, "hostPort": 8080, "protocol": "tcp"}),
        ("awsvpc", {"containerPort": 80}, {"containerPort": 80, "hostPort": 80, "protocol": "tcp"}),
        ("host", {"containerPort": 80, "hostPort": 0}, {"containerPort": 80, "hostPort": 80, "protocol": "tcp"}),
        (
            "awsvpc",
            {"name": "web", "containerPort": 80, "protocol": "udp", "appProtocol": "http"},
            {"containerPort": 80, "hostPort": 80, "protocol": "udp", "name": "web", "appProtocol": "http"},
        ),
        ("awsvpc", {"containerPortRange": "80-90"}, {"protocol": "tcp", "containerPortRange": "80-90"}),
    ],
)
def test_ports_are_filled_by_network_mode(mode: str | None, mapping: dict[str, Any], echoed: dict[str, Any]) -> None:
    members = {} if mode is None else {"networkMode": mode}
    body = echo({"name": "web", "image": "nginx", "memory": 128, "portMappings": [mapping]}, **members)
    assert body["containerDefinitions"][0]["portMappings"] == [echoed]


def test_a_health_check_gets_its_defaults_but_no_start_period() -> None:
    body = echo(
        {"name": "web", "image": "nginx", "memory": 128, "healthCheck": {"command": ["CMD", "true"], "retries": 5}}
    )
    check = body["containerDefinitions"][0]["healthCheck"]
    assert check == {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 5}


def test_empty_lists_that_were_given_stay_and_absent_members_stay_absent() -> None:
    [container] = echo({"name": "web", "image": "nginx", "memory": 128, "ulimits": [], "environmentFiles": []})[
        "containerDefinitions"
    ]
    assert (container["ulimits"], container["environmentFiles"]) == ([], [])
    assert "secrets" not in container


@pytest.mark.parametrize(
    ("volume", "echoed"),
    [
        ({"name": "v"}, {"name": "v", "host": {}}),
        ({"name": "v", "host": {}}, {"name": "v", "host": {}}),
        ({"name": "v", "configuredAtLaunch": True}, {"name": "v", "configuredAtLaunch": True}),
        (
            {"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}},
            {"name": "v", "efsVolumeConfiguration": {"rootDirectory": "/", "fileSystemId": "fs-1"}},
        ),
        (
            {"name": "v", "dockerVolumeConfiguration": {}},
            {"name": "v", "dockerVolumeConfiguration": {"scope": "task", "driver": "local"}},
        ),
    ],
)
def test_volumes_are_echoed_with_their_defaults(volume: dict[str, Any], echoed: dict[str, Any]) -> None:
    assert echo(volumes=[volume])["volumes"] == [echoed]


def test_a_role_by_short_name_is_echoed_as_its_arn() -> None:
    body = register(
        {"family": "f", "taskRoleArn": "app", "containerDefinitions": [{"name": "c", "image": "i", "memory": 6}]},
        account=ACCOUNT,
        region="cn-north-1",
        partition="aws-cn",
    )
    assert body["taskRoleArn"] == f"arn:aws-cn:iam::{ACCOUNT}:role/app"


def test_tags_live_beside_the_body() -> None:
    assert "tags" not in echo(tags=[{"key": "team", "value": "a"}])


# Lists as AWS answered them for definitions that their owners published.
PUBLISHED = {
    "awsvpc and ECR": (
        fargate({"name": "web", "image": ECR_IMAGE}, executionRoleArn=EXECUTION_ROLE),
        [f"{OLD}ecr-auth", f"{NEW}execution-role-ecr-pull", f"{API}1.18", f"{NEW}task-eni"],
    ),
    "health check, one role for both": (
        fargate(
            {
                "name": "web",
                "image": ECR_IMAGE,
                "healthCheck": {"command": ["CMD-SHELL", "true"]},
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {**AWSLOGS["options"], "awslogs-create-group": "true"},
                },
            },
            executionRoleArn=EXECUTION_ROLE,
            taskRoleArn=EXECUTION_ROLE,
        ),
        [
            f"{OLD}logging-driver.awslogs",
            f"{API}1.24",
            f"{NEW}execution-role-awslogs",
            f"{OLD}ecr-auth",
            f"{API}1.19",
            f"{OLD}task-iam-role",
            f"{NEW}container-health-check",
            f"{NEW}execution-role-ecr-pull",
            f"{API}1.18",
            f"{NEW}task-eni",
            f"{API}1.29",
        ],
    ),
    "health check, a role of its own": (
        fargate(
            {
                "name": "web",
                "image": ECR_IMAGE,
                "healthCheck": {"command": ["CMD-SHELL", "true"]},
                "logConfiguration": AWSLOGS,
            },
            executionRoleArn=EXECUTION_ROLE,
            taskRoleArn="app",
        ),
        [
            f"{OLD}logging-driver.awslogs",
            f"{API}1.24",
            f"{NEW}execution-role-awslogs",
            f"{OLD}ecr-auth",
            f"{API}1.19",
            f"{API}1.17",
            f"{OLD}task-iam-role",
            f"{NEW}container-health-check",
            f"{NEW}execution-role-ecr-pull",
            f"{API}1.18",
            f"{NEW}task-eni",
        ],
    ),
    "ordering and parameters": (
        fargate(
            {
                "name": "rails",
                "image": ECR_IMAGE,
                "memoryReservation": 256,
                "secrets": [{"name": "DB_HOST", "valueFrom": "/staging/db/host"}],
                "healthCheck": {"command": ["CMD-SHELL", "true"], "startPeriod": 300},
                "logConfiguration": AWSLOGS,
            },
            {
                "name": "nginx",
                "image": ECR_IMAGE,
                "dependsOn": [{"containerName": "rails", "condition": "HEALTHY"}],
                "logConfiguration": AWSLOGS,
            },
            executionRoleArn=EXECUTION_ROLE,
            taskRoleArn=EXECUTION_ROLE,
        ),
        [
            f"{NEW}execution-role-awslogs",
            f"{OLD}ecr-auth",
            f"{API}1.21",
            f"{OLD}task-iam-role",
            f"{NEW}container-health-check",
            f"{NEW}execution-role-ecr-pull",
            f"{NEW}secrets.ssm.environment-variables",
            f"{API}1.18",
            f"{NEW}task-eni",
            f"{API}1.29",
            f"{OLD}logging-driver.awslogs",
            f"{API}1.19",
            f"{NEW}container-ordering",
        ],
    ),
    "FireLens in bridge mode": (
        echo(
            {"name": "app", "image": ECR_IMAGE, "memory": 1024, "logConfiguration": {"logDriver": "awsfirelens"}},
            {
                "name": "router",
                "image": ECR_IMAGE,
                "memoryReservation": 50,
                "firelensConfiguration": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "true"}},
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {**AWSLOGS["options"], "awslogs-create-group": "true"},
                },
            },
            networkMode="bridge",
            executionRoleArn=EXECUTION_ROLE,
            taskRoleArn="wiki",
        ),
        [
            f"{OLD}logging-driver.awslogs",
            f"{NEW}execution-role-awslogs",
            f"{OLD}ecr-auth",
            f"{API}1.19",
            f"{NEW}firelens.fluentbit",
            f"{API}1.17",
            f"{API}1.21",
            f"{OLD}logging-driver.awsfirelens",
            f"{OLD}task-iam-role",
            f"{NEW}execution-role-ecr-pull",
            f"{API}1.29",
        ],
    ),
}


@pytest.mark.parametrize(("body", "names"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_required_attributes_are_those_of_aws_in_its_order(body: dict[str, Any], names: list[str]) -> None:
    assert attribute_names(body) == names


def test_every_special_wish_names_its_capability() -> None:
    body = {
        "executionRoleArn": EXECUTION_ROLE,
        "networkMode": "host",
        "taskRoleArn": EXECUTION_ROLE,
        "pidMode": "task",
        "enableFaultInjection": True,
        "proxyConfiguration": {"containerName": "web"},
        "volumes": [
            {"name": "a", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "transitEncryption": "ENABLED"}},
            {"name": "b", "configuredAtLaunch": True},
            {"name": "c", "dockerVolumeConfiguration": {"driver": "rexray"}},
        ],
        "containerDefinitions": [
            {
                "name": "web",
                "image": "nginx",
                "privileged": True,
                "repositoryCredentials": {"credentialsParameter": "s"},
                "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/a.env"}],
                "restartPolicy": {"enabled": True},
                "portMappings": [{"containerPortRange": "1-2"}],
                "secrets": [{"name": "S", "valueFrom": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s"}],
                "logConfiguration": {
                    "logDriver": "splunk",
                    "secretOptions": [{"name": "splunk-token", "valueFrom": "token"}],
                },
                "firelensConfiguration": {"type": "fluentd", "options": {"config-file-type": "file"}},
            }
        ],
    }
    names = {attribute["name"] for attribute in requires_attributes(body)}
    assert names >= {
        f"{OLD}privileged-container",
        f"{OLD}task-iam-role-network-host",
        f"{OLD}logging-driver.splunk",
        f"{NEW}pid-ipc-namespace-sharing",
        f"{NEW}fault-injection",
        f"{NEW}aws-appmesh",
        f"{NEW}efs",
        f"{NEW}efsAuth",
        f"{NEW}storage.ebs-task-volume-attach",
        f"{NEW}docker-plugin.rexray",
        f"{NEW}private-registry-authentication.secretsmanager",
        f"{NEW}env-files.s3",
        f"{NEW}container-restart-policy",
        f"{NEW}network.container-port-range",
        f"{NEW}secrets.asm.environment-variables",
        f"{NEW}secrets.ssm.bootstrap.log-driver",
        f"{NEW}firelens.fluentd",
        f"{NEW}firelens.options.config.file",
    }


def test_a_task_is_as_large_as_it_says_or_as_its_containers_need() -> None:
    assert task_size(fargate()) == TaskSize(256, 512)
    containers = (
        {"name": "a", "image": "i", "cpu": 10, "memory": 300, "memoryReservation": 100},
        {"name": "b", "image": "i", "cpu": 20, "memory": 200},
    )
    assert task_size(echo(*containers)) == TaskSize(30, 300)


def test_what_cannot_be_acted_on_yet_is_named_with_its_path() -> None:
    plain = {"name": "web", "image": "nginx", "memory": 64}
    body = echo(
        {
            **plain,
            "resourceRequirements": [
                {"type": "NeuronDevice", "value": "ALL"},
                {"type": "GPU", "sharingStrategy": {"nvidiaMps": {}}},
            ],
        },
        {
            **plain,
            "name": "job",
            "logConfiguration": {"logDriver": "syslog", "options": {"syslog-tls-key": "/key.pem"}},
        },
        volumes=[{"name": "v"}],
    )
    assert [*unsupported_features(body)] == [
        ("containerDefinitions[0].resourceRequirements[0]", "devices of type NeuronDevice"),
        ("containerDefinitions[0].resourceRequirements[1].sharingStrategy", "GPUs that tasks share"),
        (
            "containerDefinitions[1].logConfiguration.options.syslog-tls-key",
            "sockets and files of the host for a log driver",
        ),
    ]
    assert unsupported_features(fargate()) == []
    assert unsupported_features(fargate({**plain, "restartPolicy": {"enabled": False}, "dependsOn": []})) == []
