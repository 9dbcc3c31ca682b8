"""What ECS tests start from: a cluster, a Fargate definition, a running request."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa", "subnet-bbbb"], "securityGroups": ["sg-12345678"]}}


def fargate_definition(family: str = "web", **members: Any) -> dict[str, Any]:
    """A RegisterTaskDefinition request that Fargate takes."""
    container = {"name": "app", "image": "busybox", **members.pop("container", {})}
    return {
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [container],
        **members,
    }


def prepare(ecs: Any, **definition: Any) -> str:
    """Makes the cluster `c` and a definition; the definition's ARN."""
    ecs.create_cluster(clusterName="c", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    made = ecs.register_task_definition(**fargate_definition(**definition))
    return str(made["taskDefinition"]["taskDefinitionArn"])


def run(ecs: Any, **members: Any) -> dict[str, Any]:
    """RunTask of `web` on Fargate in cluster `c`."""
    launch = {} if "capacityProviderStrategy" in members else {"launchType": "FARGATE"}
    request = {"cluster": "c", "taskDefinition": "web", "networkConfiguration": NETWORK, **launch, **members}
    answer: dict[str, Any] = ecs.run_task(**{k: v for k, v in request.items() if v is not None})
    return answer


class refuses:  # noqa: N801 - reads as a sentence: `with refuses("ClientException", "...")`
    """The call answers with this code and exactly this message (or one containing it, with `part=True`)."""

    def __init__(self, code: str, message: str | None = None, *, part: bool = False) -> None:
        self._code, self._message, self._part = code, message, part
        self._raises = pytest.raises(ClientError)

    def __enter__(self) -> None:
        self._caught = self._raises.__enter__()

    def __exit__(self, *error: Any) -> bool:
        done = self._raises.__exit__(*error)
        answer = self._caught.value.response["Error"]
        assert answer["Code"] == self._code, answer
        if self._message is not None:
            said = answer["Message"]
            assert self._message in said if self._part else self._message == said
        return bool(done)
