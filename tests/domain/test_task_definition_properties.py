"""Whatever the wire lets through, registration answers or refuses; and its answer registers to itself."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.session import get_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.domain.errors import AwsError, InvalidParameterException
from emulator.domain.task_definitions.task_definition import (
    apply_overrides,
    overrides_echo,
    register,
    task_size,
    unsupported_features,
)

ACCOUNT, REGION = "123456789012", "us-east-1"
RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
# Words near the rules, so that random requests get past the first check.
WORDS = [
    "",
    "web",
    "job",
    "web:alias",
    "/data",
    "80-90",
    "256",
    ".25 vCPU",
    "512",
    "CMD",
    "ALL",
    "SYS_PTRACE",
    "net.core.somaxconn",
    "awslogs-group",
    "arn:aws:s3:::b/a.env",
    "arn:aws:ssm:us-east-1:123456789012:parameter/a/b",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:s:k::",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/web@sha256:" + "a" * 64,
    "\ud800",
    "9" * 5000,
]
NUMBERS = st.sampled_from([-1, 0, 1, 2, 5, 30, 60, 80, 120, 128, 300, 512, 65535, 65536, 2**31]) | st.integers()


@cache
def model() -> Any:
    return get_session().get_service_model("ecs")


@cache
def shaped(name: str, depth: int = 6) -> st.SearchStrategy[Any]:
    """Values of a shape of the ECS model: types, required members and enums hold, nothing else does."""
    return _shaped(model().shape_for(name), depth)


def _shaped(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    match shape:
        case StructureShape():
            required = {name: shaped(shape.members[name].name, depth - 1) for name in shape.required_members}
            optional = {
                name: shaped(member.name, depth - 1)
                for name, member in shape.members.items()
                if name not in required and depth > 0
            }
            return st.fixed_dictionaries(required, optional=optional)
        case ListShape():
            return st.lists(shaped(shape.member.name, depth - 1), max_size=3)
        case MapShape():
            return st.dictionaries(st.sampled_from(WORDS), st.sampled_from(WORDS), max_size=3)
        case StringShape():
            return st.sampled_from(shape.enum) if shape.enum else st.sampled_from(WORDS) | st.text(max_size=5)
    return st.booleans() if shape.type_name == "boolean" else NUMBERS


def base(mode: str, *, on_fargate: bool) -> dict[str, Any]:
    """A definition that registers; the tests below change one thing or several in it."""
    return {
        "family": "web",
        "networkMode": mode,
        "cpu": "1 vCPU",
        "memory": "2GB",
        "executionRoleArn": "execution",
        "requiresCompatibilities": ["FARGATE"] if on_fargate else ["EC2"],
        "volumes": [{"name": "data"}],
        "containerDefinitions": [
            {"name": "web", "image": "nginx"},
            {"name": "job", "image": "busybox", "essential": False, "memoryReservation": 64},
        ],
    }


@st.composite
def nearly_valid(draw: st.DrawFn) -> dict[str, Any]:
    on_fargate = draw(st.booleans())
    mode = "awsvpc" if on_fargate else draw(st.sampled_from(["bridge", "host", "awsvpc", "none"]))
    request = base(mode, on_fargate=on_fargate)
    shapes: Mapping[str, Shape] = model().shape_for("RegisterTaskDefinitionRequest").members
    for member in draw(st.lists(st.sampled_from(sorted(set(shapes) - {"family", "containerDefinitions"})), max_size=1)):
        request[member] = draw(shaped(shapes[member].name))
    members: Mapping[str, Shape] = model().shape_for("ContainerDefinition").members
    for container in request["containerDefinitions"]:
        for member in draw(st.lists(st.sampled_from(sorted(set(members) - {"name", "image"})), max_size=3)):
            container[member] = draw(shaped(members[member].name))
    return request


def registered(request: dict[str, Any]) -> dict[str, Any] | None:
    before = copy.deepcopy(request)
    body: dict[str, Any] | None = None
    with suppress(AwsError):
        body = register(request, account=ACCOUNT, region=REGION)
    assert request == before
    return body


@RELAXED
@given(shaped("RegisterTaskDefinitionRequest"))
def test_any_request_of_the_models_shape_is_answered_or_refused(request: dict[str, Any]) -> None:
    registered(request)


@RELAXED
@given(nearly_valid())
def test_what_was_registered_registers_to_itself(request: dict[str, Any]) -> None:
    body = registered(request)
    if body is None:
        return
    assert registered(body) == body
    assert task_size(body).memory_mib >= 0
    assert all(path and what for path, what in unsupported_features(body))


@RELAXED
@given(nearly_valid(), shaped("TaskOverride"))
def test_any_override_of_the_models_shape_is_merged_or_refused(
    request: dict[str, Any], overrides: dict[str, Any]
) -> None:
    body = registered(request)
    if body is None:
        return
    before = copy.deepcopy(body)
    for override in overrides.get("containerOverrides", []):
        override["name"] = "web"
    with suppress(InvalidParameterException):
        task = apply_overrides(body, overrides)
        echo = overrides_echo(body, overrides)
        assert [container["name"] for container in task.containers] == ["web", "job"]
        assert [entry["name"] for entry in echo["containerOverrides"]] == ["web", "job"]
    assert body == before
