"""What RegisterTaskDefinition refuses, and with which words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from emulator.domain.errors import AwsError, ClientException, InvalidParameterException
from emulator.domain.task_definitions.task_definition import register

ACCOUNT, REGION = "123456789012", "us-east-1"
ECR_IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecsTaskExecutionRole"


def container(**members: Any) -> dict[str, Any]:
    return {"name": "web", "image": "nginx", "memory": 128, **members}


def bridge(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"family": "web", "containerDefinitions": list(containers) or [container()], **members}


def fargate(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": list(containers) or [{"name": "web", "image": "nginx"}],
        **members,
    }


def refusal(request: dict[str, Any]) -> AwsError:
    before = copy.deepcopy(request)
    with pytest.raises(AwsError) as caught:
        register(request, account=ACCOUNT, region=REGION)
    assert request == before, "a request is never changed"
    return caught.value


def accepted(request: dict[str, Any]) -> dict[str, Any]:
    return register(request, account=ACCOUNT, region=REGION)


AWSLOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": REGION}}
AWSLOGS_PREFIX = {"logDriver": "awslogs", "options": {**AWSLOGS["options"], "awslogs-stream-prefix": "p"}}
OTHER = container(name="other")
JOB = container(name="job", essential=False)

OBSERVED = [
    (bridge(family="a b"), "Family contains invalid characters."),
    (bridge(family="a" * 256), "Family contains invalid characters."),
    ({"family": "web", "containerDefinitions": []}, "Container list cannot be empty."),
    (bridge(*[container(name=f"c{n}") for n in range(11)]), "Too many containers."),
    (bridge({"image": "nginx", "memory": 1}), "Container.name should not be null or empty."),
    (bridge(container(name="a b")), "Container.name contains invalid characters."),
    (bridge({"name": "web", "memory": 1}), "Container.image should not be null or empty."),
    (bridge(container(image="a b")), "Container.image contains invalid characters."),
    (bridge(container(image="a@sha256:12")), "Container.image contains invalid characters."),
    (
        bridge({"name": "web", "image": "nginx"}),
        "Invalid setting for container 'web'. At least one of 'memory' or 'memoryReservation' must be specified.",
    ),
    (
        bridge(cpu="much"),
        "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS "
        "Developer Guide.",
    ),
    (
        bridge(memory="1 MB"),
        "Invalid 'memory' setting for task. For more information, see the Troubleshooting section of the Amazon ECS "
        "Developer Guide.",
    ),
    (
        bridge(container(cpu=200), container(name="b", cpu=100), cpu="256"),
        "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
    ),
    (
        bridge(container(memory=600), memory="512"),
        "The 'memory' setting for container 'web' is greater than for the task.",
    ),
    (
        bridge(container(memoryReservation=64, memory=500), container(name="b", memory=500), memory="512"),
        "The sum of all container 'memoryReservation' values cannot be greater than the value of the task 'memory'.",
    ),
    (bridge(taskRoleArn="arn:aws:ecs:us-east-1:123456789012:cluster/c"), "Role is not valid"),
    (bridge(executionRoleArn=""), "Role is not valid"),
    (
        bridge(container(secrets=[{"name": "S", "valueFrom": "s"}])),
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
    ),
    (
        bridge(container(repositoryCredentials={"credentialsParameter": "s"})),
        "Private repository authentication requires that the task definition specify a value for executionRoleArn.",
    ),
    (
        bridge(
            container(environment=[{"name": "S", "value": ""}], secrets=[{"name": "S", "valueFrom": "s"}]),
            executionRoleArn=ROLE,
        ),
        "The secret name must be unique and not shared with any new or existing environment variables set on the "
        "container, such as 'S'.",
    ),
    (
        bridge(container(secrets=[{"name": "S", "valueFrom": "not a name"}]), executionRoleArn=ROLE),
        "The Systems Manager parameter name specified for secret S is invalid. The parameter name can be up to 2048 "
        "characters and include the following letters and symbols: a-zA-Z0-9_.-,",
    ),
    (bridge(container(secrets=[{"name": "S", "valueFrom": "arn:x"}]), executionRoleArn=ROLE), "Invalid arn syntax."),
    (
        bridge(container(logConfiguration={"logDriver": "awslogs"})),
        "Log driver awslogs requires options: awslogs-region, awslogs-group",
    ),
    (
        bridge(
            container(logConfiguration={"logDriver": "awslogs", "options": {**AWSLOGS["options"], "log_key": "log"}})
        ),
        "Log driver awslogs disallows options: log_key",
    ),
    (
        bridge(container(logConfiguration={"logDriver": "awsfirelens"})),
        "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be "
        "configured in one of the containers.",
    ),
    (
        bridge(container(firelensConfiguration={"type": "fluentbit"})),
        "When a firelensConfiguration object is specified, at least one container has to be configured with the "
        "awsfirelens log driver.",
    ),
    (
        bridge(
            container(
                firelensConfiguration={
                    "type": "fluentbit",
                    "options": {"config-file-type": "s3", "config-file-value": "s3://bucket/fluentbit.conf"},
                }
            )
        ),
        "Invalid arn syntax.",
    ),
    (
        bridge(
            container(firelensConfiguration={"type": "fluentbit"}),
            {**OTHER, "firelensConfiguration": {"type": "fluentd"}},
        ),
        "Only one container in a task definition can have a firelensConfiguration object.",
    ),
    (
        bridge(container(firelensConfiguration={"type": "fluentbit", "options": {"config-file-type": "http"}})),
        "Invalid firelensConfiguration option 'config-file-type' for container 'web'.",
    ),
    (
        bridge(container(dependsOn=[{"containerName": "other", "condition": "SUCCESS"}]), OTHER),
        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
    ),
    (
        bridge(container(volumesFrom=[{"sourceContainer": "x"}])),
        "Invalid 'volumesFrom' setting. Unknown container: 'x'.",
    ),
    (bridge(container(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}])), "Unknown volume 'v'."),
    (bridge(container(mountPoints=[{"containerPath": "/v"}])), "Unknown volume 'null'."),
    (bridge(volumes=[{"name": "v", "host": {"sourcePath": ""}}]), "host.sourcePath should not be blank."),
    (
        bridge(
            volumes=[
                {
                    "name": "v",
                    "efsVolumeConfiguration": {
                        "fileSystemId": "fs-1",
                        "rootDirectory": "/data",
                        "transitEncryption": "ENABLED",
                        "authorizationConfig": {"accessPointId": "fsap-1"},
                    },
                }
            ]
        ),
        'When using an EFS access point, the root directory must either be set to "/" or be omitted.',
    ),
    (bridge(container(portMappings=[{"hostPort": 80}])), "Invalid 'containerPort' setting for container 'web'."),
    (
        bridge(container(portMappings=[{"containerPort": 80, "hostPort": 8080}]), networkMode="awsvpc"),
        "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
    ),
    (
        bridge(container(portMappings=[{"containerPort": 80, "hostPort": 8080}]), networkMode="host"),
        "When networkMode=host, the host ports and container ports in port mappings must match.",
    ),
    (
        bridge(
            container(portMappings=[{"containerPort": 1, "hostPort": 3000}]),
            container(name="b", portMappings=[{"containerPort": 2, "hostPort": 3000}]),
        ),
        "TCP host port '3000' is mapped multiple times in task.",
    ),
    (
        bridge(container(links=["other"]), OTHER, networkMode="awsvpc"),
        "Links are not supported when networkMode=awsvpc.",
    ),
    (
        bridge(container(hostname="h"), networkMode="awsvpc"),
        "hostname is not supported on container when networkMode=awsvpc.",
    ),
    (
        bridge(container(healthCheck={"command": ["CMD", "true"], "retries": 11})),
        "Health check retries must be less than or equal to the maximum allowed value 10 for container 'web'",
    ),
    (fargate(networkMode="bridge"), "Fargate only supports network mode ‘awsvpc’."),
    (fargate(cpu=None), "Fargate requires that 'cpu' be defined at the task level."),
    (fargate(memory=None), "Fargate requires that 'memory' be defined at the task level."),
    (
        fargate(cpu="512", memory="512"),
        "No Fargate configuration exists for given values: 512 CPU, 512 memory. See the Amazon ECS documentation for "
        "the valid values.",
    ),
    (
        fargate({"name": "web", "image": ECR_IMAGE}),
        "Fargate requires task definition to have execution role ARN to support ECR images.",
    ),
    (
        fargate({"name": "web", "image": "nginx", "logConfiguration": AWSLOGS_PREFIX}),
        "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
    ),
    (
        fargate({"name": "web", "image": "nginx", "logConfiguration": AWSLOGS}, executionRoleArn=ROLE),
        "Log driver awslogs requires options: awslogs-stream-prefix",
    ),
    (
        fargate(pidMode="host"),
        "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.",
    ),
    (fargate(ipcMode="task"), "Tasks using the Fargate launch type do not support ipcMode."),
    (
        fargate(volumes=[{"name": "v", "host": {"sourcePath": "/data"}}]),
        "Fargate compatible task definitions do not support sourcePath",
    ),
]


@pytest.mark.parametrize(("request_", "message"), OBSERVED, ids=[message[:60] for _, message in OBSERVED])
def test_a_broken_rule_is_answered_in_aws_words(request_: dict[str, Any], message: str) -> None:
    error = refusal(request_)
    assert (type(error), error.message) == (ClientException, message)


def test_a_definition_of_more_than_64_kib_names_both_lengths() -> None:
    error = refusal(bridge(container(environment=[{"name": "A", "value": "é" * 40_000}])))
    assert isinstance(error, ClientException)
    assert error.message.startswith("Actual length: '8")
    assert error.message.endswith("'. Max allowed length is '65536' bytes.")


# Rules that AWS documents without quoting its message: the test holds the rule, not the words.
DOCUMENTED = {
    "no family": {"containerDefinitions": [container()]},
    "two containers of one name": bridge(container(), container()),
    "no essential container": bridge(JOB),
    "image longer than 255": bridge(container(image="a" * 256)),
    "negative cpu": bridge(container(cpu=-1)),
    "zero memory": bridge(container(memory=0)),
    "hard limit below soft limit": bridge(container(memory=64, memoryReservation=128)),
    "task cpu below 128": bridge(cpu="64"),
    "task cpu above 192 vCPU": bridge(cpu="193 vCPU"),
    "environment without name": bridge(container(environment=[{"value": "x"}])),
    "eleven environment files": bridge(
        container(environmentFiles=[{"type": "s3", "value": f"arn:aws:s3:::b/{n}.env"} for n in range(11)])
    ),
    "environment file without .env": bridge(
        container(environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::b/k.txt"}])
    ),
    "health check without CMD": bridge(container(healthCheck={"command": ["curl", "localhost"]})),
    "health check of nothing": bridge(container(healthCheck={"command": ["CMD"]})),
    "health interval below 5": bridge(container(healthCheck={"command": ["CMD", "x"], "interval": 4})),
    "health timeout above 60": bridge(container(healthCheck={"command": ["CMD", "x"], "timeout": 61})),
    "start period above 300": bridge(container(healthCheck={"command": ["CMD", "x"], "startPeriod": 301})),
    "unknown dependency": bridge(container(dependsOn=[{"containerName": "x", "condition": "START"}])),
    "dependency on itself": bridge(container(dependsOn=[{"containerName": "web", "condition": "START"}])),
    "cyclic dependencies": bridge(
        container(dependsOn=[{"containerName": "other", "condition": "START"}]),
        container(name="other", volumesFrom=[{"sourceContainer": "web"}]),
    ),
    "HEALTHY without health check": bridge(
        container(dependsOn=[{"containerName": "job", "condition": "HEALTHY"}]), JOB
    ),
    "unknown link": bridge(container(links=["x:alias"])),
    "link in host mode": bridge(container(links=["other"]), OTHER, networkMode="host"),
    "extra hosts in awsvpc": bridge(
        container(extraHosts=[{"hostname": "h", "ipAddress": "1.2.3.4"}]), networkMode="awsvpc"
    ),
    "ports in none mode": bridge(container(portMappings=[{"containerPort": 80}]), networkMode="none"),
    "container port 0": bridge(container(portMappings=[{"containerPort": 0}])),
    "host port 65536": bridge(container(portMappings=[{"containerPort": 80, "hostPort": 65536}])),
    "port range with port": bridge(container(portMappings=[{"containerPort": 80, "containerPortRange": "81-82"}])),
    "descending port range": bridge(container(portMappings=[{"containerPortRange": "82-81"}])),
    "port range in host mode": bridge(container(portMappings=[{"containerPortRange": "81-82"}]), networkMode="host"),
    "overlapping port ranges": bridge(
        container(portMappings=[{"containerPortRange": "80-90"}, {"containerPortRange": "90-95"}])
    ),
    "one port range twice": bridge(
        container(portMappings=[{"containerPortRange": "80-90"}, {"containerPortRange": "80-90"}])
    ),
    "port inside a range": bridge(container(portMappings=[{"containerPort": 85}, {"containerPortRange": "80-90"}])),
    "101 port ranges": bridge(
        container(portMappings=[{"containerPortRange": f"{n * 2 + 1}-{n * 2 + 2}"} for n in range(101)])
    ),
    "port name with capital": bridge(container(portMappings=[{"containerPort": 80, "name": "Web"}])),
    "port name twice": bridge(
        container(portMappings=[{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}])
    ),
    "unnamed volume": bridge(volumes=[{"host": {}}]),
    "volume twice": bridge(volumes=[{"name": "v"}, {"name": "v"}]),
    "volume of two kinds": bridge(
        volumes=[{"name": "v", "host": {}, "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]
    ),
    "two volumes at launch": bridge(
        volumes=[{"name": "a", "configuredAtLaunch": True}, {"name": "b", "configuredAtLaunch": True}]
    ),
    "autoprovision of a task volume": bridge(
        volumes=[{"name": "v", "dockerVolumeConfiguration": {"autoprovision": True}}]
    ),
    "EFS IAM without encryption": bridge(
        volumes=[
            {
                "name": "v",
                "efsVolumeConfiguration": {"fileSystemId": "fs-1", "authorizationConfig": {"iam": "ENABLED"}},
            }
        ]
    ),
    "mount without path": bridge(container(mountPoints=[{"sourceVolume": "v"}]), volumes=[{"name": "v"}]),
    "unknown capability": bridge(container(linuxParameters={"capabilities": {"add": ["FLY"]}})),
    "swappiness 101": bridge(container(linuxParameters={"swappiness": 101})),
    "negative maxSwap": bridge(container(linuxParameters={"maxSwap": -1})),
    "no shared memory": bridge(container(linuxParameters={"sharedMemorySize": 0})),
    "tmpfs of nothing": bridge(container(linuxParameters={"tmpfs": [{"containerPath": "/t", "size": 0}]})),
    "tmpfs option": bridge(
        container(linuxParameters={"tmpfs": [{"containerPath": "/t", "size": 1, "mountOptions": ["fast"]}]})
    ),
    "soft above hard ulimit": bridge(container(ulimits=[{"name": "nofile", "softLimit": 2, "hardLimit": 1}])),
    "ulimit twice": bridge(container(ulimits=[{"name": "nofile", "softLimit": 1, "hardLimit": 1}] * 2)),
    "kernel parameter of the machine": bridge(container(systemControls=[{"namespace": "vm.swappiness", "value": "1"}])),
    "network parameter in host mode": bridge(
        container(systemControls=[{"namespace": "net.core.somaxconn", "value": "1"}]), networkMode="host"
    ),
    "GPU none": bridge(container(resourceRequirements=[{"type": "GPU", "value": "0"}])),
    "GPU without value": bridge(container(resourceRequirements=[{"type": "GPU"}])),
    "unknown accelerator": bridge(container(resourceRequirements=[{"type": "InferenceAccelerator", "value": "a"}])),
    "two credential specs": bridge(container(credentialSpecs=["credentialspec:arn:aws:s3:::b/c"] * 2)),
    "unknown security option": bridge(container(dockerSecurityOptions=["seccomp=unconfined"])),
    "restart period below a minute": bridge(container(restartPolicy={"enabled": True, "restartAttemptPeriod": 59})),
    "51 ignored exit codes": bridge(container(restartPolicy={"enabled": True, "ignoredExitCodes": list(range(51))})),
    "stage and version of a secret": bridge(
        container(
            secrets=[{"name": "S", "valueFrom": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:n::STAGE:id"}]
        ),
        executionRoleArn=ROLE,
    ),
    "secret in another service": bridge(
        container(secrets=[{"name": "S", "valueFrom": f"arn:aws:s3:{REGION}:{ACCOUNT}:bucket/x"}]),
        executionRoleArn=ROLE,
    ),
    "eleven placement constraints": bridge(placementConstraints=[{"type": "memberOf", "expression": "a"}] * 11),
    "placement without expression": bridge(placementConstraints=[{"type": "memberOf"}]),
    "20 GiB of ephemeral storage": fargate(ephemeralStorage={"sizeInGiB": 20}),
    "201 GiB of ephemeral storage": fargate(ephemeralStorage={"sizeInGiB": 201}),
    "proxy outside awsvpc": bridge(proxyConfiguration={"containerName": "web"}),
    "proxy of no container": fargate(proxyConfiguration={"containerName": "x"}),
    "proxy without properties": fargate(proxyConfiguration={"containerName": "web"}),
    "confidential without policy": bridge(
        trustedExecutionConfiguration={"isolationMode": "CONFIDENTIAL_SANDBOX"}, networkMode="awsvpc"
    ),
    "sandbox on Fargate": fargate(trustedExecutionConfiguration={"isolationMode": "ISOLATED_SANDBOX"}),
    "awsvpc on ECS Anywhere": bridge(networkMode="awsvpc", requiresCompatibilities=["EXTERNAL"]),
    "privileged on Fargate": fargate(container(privileged=True)),
    "security options on Fargate": fargate(container(dockerSecurityOptions=["no-new-privileges"])),
    "devices on Fargate": fargate(container(linuxParameters={"devices": [{"hostPath": "/dev/x"}]})),
    "shared memory on Fargate": fargate(container(linuxParameters={"sharedMemorySize": 64})),
    "swap on Fargate": fargate(container(linuxParameters={"maxSwap": 0})),
    "capability on Fargate": fargate(container(linuxParameters={"capabilities": {"add": ["NET_ADMIN"]}})),
    "placement on Fargate": fargate(placementConstraints=[{"type": "memberOf", "expression": "a"}]),
    "GPU on Fargate": fargate(container(resourceRequirements=[{"type": "GPU", "value": "1"}])),
    "journald on Fargate": fargate(container(logConfiguration={"logDriver": "journald"})),
    "Docker volume on Fargate": fargate(volumes=[{"name": "v", "dockerVolumeConfiguration": {}}]),
    "stop timeout above 120 on Fargate": fargate(container(stopTimeout=121)),
    "start timeout below 2 on Fargate": fargate(container(startTimeout=1)),
    "quarter vCPU of Windows on Fargate": fargate(
        runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}
    ),
}


@pytest.mark.parametrize("request_", DOCUMENTED.values(), ids=DOCUMENTED.keys())
def test_a_documented_rule_is_kept(request_: dict[str, Any]) -> None:
    assert type(refusal(request_)) is ClientException


@pytest.mark.parametrize(
    "tags",
    [
        [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}],
        [{"key": "aws:x", "value": "1"}],
        [{"key": f"k{n}", "value": ""} for n in range(51)],
    ],
    ids=["twice", "reserved", "51"],
)
def test_bad_tags_are_an_invalid_parameter(tags: list[dict[str, str]]) -> None:
    assert type(refusal(bridge(tags=tags))) is InvalidParameterException


ALLOWED = {
    "dynamic ports of one container port": bridge(
        container(portMappings=[{"containerPort": 7000}, {"containerPort": 7000}])
    ),
    "one port for tcp and udp": fargate(
        container(portMappings=[{"containerPort": 53}, {"containerPort": 53, "protocol": "udp"}])
    ),
    "hard limit equal to soft limit": bridge(container(memory=128, memoryReservation=128)),
    "hard limits above the task's together": bridge(
        container(memory=500, memoryReservation=100),
        container(name="b", memory=500, memoryReservation=100),
        memory="512",
    ),
    "unlimited ulimit": bridge(container(ulimits=[{"name": "core", "softLimit": -1, "hardLimit": -1}])),
    "capability of Fargate": fargate(
        container(linuxParameters={"capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]}})
    ),
    "shared process namespace on Fargate": fargate(pidMode="task"),
    "tmpfs on Fargate": fargate(
        container(linuxParameters={"tmpfs": [{"containerPath": "/t", "size": 1, "mountOptions": ["mode=755"]}]})
    ),
    "image by digest": bridge(container(image="nginx@sha256:" + "a" * 64)),
    "image with port": bridge(container(image="localhost:5000/nginx:1")),
    "secret option instead of option": bridge(
        container(
            logConfiguration={
                "logDriver": "splunk",
                "options": {"splunk-url": "https://x"},
                "secretOptions": [{"name": "splunk-token", "valueFrom": "token"}],
            }
        ),
        executionRoleArn=ROLE,
    ),
    "hierarchical parameter": bridge(
        container(secrets=[{"name": "S", "valueFrom": f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/a/b"}]),
        executionRoleArn=ROLE,
    ),
    "init container": bridge(container(dependsOn=[{"containerName": "job", "condition": "SUCCESS"}]), JOB),
    "largest Fargate task": fargate(cpu="16 vCPU", memory="120 GB"),
    "null members": bridge(container(cpu=None, portMappings=None, healthCheck=None), volumes=None, cpu=None),
}


@pytest.mark.parametrize("request_", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_aws_registers_is_registered(request_: dict[str, Any]) -> None:
    assert accepted(request_)["family"] == "web"
