"""RunTask overrides: what a task runs, what it says, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.domain.errors import InvalidParameterException
from emulator.domain.task_definitions.task_definition import apply_overrides, overrides_echo, register

ACCOUNT, REGION = "123456789012", "us-east-1"


def definition(**members: Any) -> dict[str, Any]:
    request = {
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": "web",
                "image": "nginx",
                "command": ["serve"],
                "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            },
            {"name": "sidecar", "image": "busybox", "memory": 128},
        ],
        **members,
    }
    return register(request, account=ACCOUNT, region=REGION)


def refusal(overrides: dict[str, Any], **arguments: Any) -> str:
    with pytest.raises(InvalidParameterException) as caught:
        apply_overrides(definition(), overrides, **arguments)
    assert type(caught.value) is InvalidParameterException
    return caught.value.message


def test_without_overrides_a_task_is_its_definition() -> None:
    task = apply_overrides(definition(), None)
    assert task.definition == definition()
    assert (task.cpu, task.memory, task.ephemeral_storage_gib) == ("256", "512", 20)
    assert (task.task_role_arn, task.execution_role_arn) == (None, None)


def test_environment_is_merged_by_name_and_command_replaced() -> None:
    registered = definition()
    task = apply_overrides(
        registered,
        {
            "containerOverrides": [
                {
                    "name": "web",
                    "command": ["migrate", "--all"],
                    "environment": [{"name": "B", "value": "20"}, {"name": "C", "value": "3"}],
                    "memoryReservation": 64,
                }
            ]
        },
    )
    web, sidecar = task.containers
    assert web["command"] == ["migrate", "--all"]
    assert web["environment"] == [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "20"},
        {"name": "C", "value": "3"},
    ]
    assert web["memoryReservation"] == 64
    assert sidecar == registered["containerDefinitions"][1]
    assert registered == definition(), "the registered definition is never changed"


def test_task_members_replace_those_of_the_definition() -> None:
    task = apply_overrides(
        definition(),
        {
            "cpu": "1 vCPU",
            "memory": "2GB",
            "taskRoleArn": "arn:aws:iam::123456789012:role/a",
            "executionRoleArn": "arn:aws:iam::123456789012:role/b",
            "ephemeralStorage": {"sizeInGiB": 50},
        },
    )
    assert (task.cpu, task.memory, task.ephemeral_storage_gib) == ("1024", "2048", 50)
    assert task.task_role_arn == "arn:aws:iam::123456789012:role/a"
    assert task.execution_role_arn == "arn:aws:iam::123456789012:role/b"


def test_an_unknown_container_is_named() -> None:
    message = refusal({"containerOverrides": [{"name": "django", "command": ["x"]}]})
    assert message == "Override for container named django is not a container in the TaskDefinition."


def test_more_than_8192_characters_are_refused() -> None:
    message = refusal({"containerOverrides": [{"name": "web", "command": ["x" * 8192]}]})
    assert message == "Container Overrides length must be at most 8192"


def test_a_size_that_fargate_does_not_sell_is_refused() -> None:
    assert refusal({"cpu": "512"}) == (
        "No Fargate configuration exists for given values: 512 CPU, 512 memory. See the Amazon ECS documentation for "
        "the valid values."
    )
    assert refusal({"memory": "600"}, launch_type="FARGATE").startswith("No Fargate configuration")


def test_on_ec2_the_same_size_is_allowed() -> None:
    assert apply_overrides(definition(), {"cpu": "512"}, launch_type="EC2").cpu == "512"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"containerOverrides": [{"name": "web", "memory": 1280}]},
            "The 'memory' setting for container 'web' is greater than for the task.",
        ),
        (
            {"containerOverrides": [{"name": "web", "cpu": 300}]},
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
        ),
        (
            {"cpu": "many"},
            "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS "
            "Developer Guide.",
        ),
    ],
)
def test_sizes_are_checked_again(overrides: dict[str, Any], message: str) -> None:
    assert refusal(overrides) == message


@pytest.mark.parametrize(
    "overrides",
    [
        {"containerOverrides": [{"command": ["x"]}]},
        {"containerOverrides": [{"name": "web", "memory": 0}]},
        {"containerOverrides": [{"name": "web", "environmentFiles": [{"type": "s3", "value": "x"}]}]},
        {"ephemeralStorage": {"sizeInGiB": 20}},
        {"inferenceAcceleratorOverrides": [{"deviceName": "x", "deviceType": "eia1.medium"}]},
    ],
    ids=["nameless", "no memory", "environment file", "20 GiB", "unknown accelerator"],
)
def test_other_bad_overrides_are_an_invalid_parameter(overrides: dict[str, Any]) -> None:
    assert refusal(overrides)


def test_an_empty_container_override_changes_nothing() -> None:
    assert apply_overrides(definition(), {"containerOverrides": [{}]}).definition == definition()


def test_the_echo_names_every_container_and_repeats_what_was_overridden() -> None:
    assert overrides_echo(definition(), None) == {
        "containerOverrides": [{"name": "web"}, {"name": "sidecar"}],
        "inferenceAcceleratorOverrides": [],
    }
    given = {
        "cpu": ".5 vCPU",
        "memory": "1GB",
        "containerOverrides": [{"name": "sidecar", "command": ["true"], "environment": [{"name": "A", "value": "1"}]}],
    }
    assert overrides_echo(definition(), given) == {
        "containerOverrides": [
            {"name": "web"},
            {"name": "sidecar", "command": ["true"], "environment": [{"name": "A", "value": "1"}]},
        ],
        "inferenceAcceleratorOverrides": [],
        "cpu": "512",
        "memory": "1024",
    }
