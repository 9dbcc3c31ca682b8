"""A stranger at an emulator: says one request after the other, and notes whatever is not as AWS would answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from api_models import ApiModel
from emulator.app import Emulator, load_service
from tests.conformance.said import error_code, form, json_call, query_call, told
from tests.conformance.stranger import DOCUMENTS, Stranger

SLOW_S = 3.0
COMMON = frozenset({
    # AWS's common errors, in the words of the JSON and of the Query protocols
    "SerializationException", "ValidationException", "AccessDeniedException", "UnknownOperationException",
    "UnrecognizedClientException", "InvalidSignatureException", "ThrottlingException", "RequestEntityTooLarge",
    "MissingAuthenticationTokenException", "IncompleteSignatureException", "InvalidAction", "MalformedInput",
    "ValidationError", "MissingParameter", "InvalidParameterValue", "InvalidParameterCombination", "AccessDenied",
    "InvalidParameter", "UnsupportedOperation",
    "NotEmulatedYet",  # ours, and said to be
})  # fmt: skip


class Visit:
    """`failures`: one line each, with the request that led to it."""

    def __init__(self, emulator: Emulator, seed: int) -> None:
        self.failures: list[str] = []
        self.outcomes: dict[tuple[str, str, str], int] = {}
        self._emulator = emulator
        self._stranger = Stranger(seed)
        self.chance = self._stranger.chance
        self._watcher = emulator.database._connect()

    def operations(self, service: str) -> list[str]:
        """All that have a function, in another order each time."""
        found = sorted(load_service(service).implemented)
        self._stranger.chance.shuffle(found)
        return found

    def learn(self, answer: Mapping[str, Any]) -> None:
        for name, text in _texts("", answer):
            self._stranger.learn(name, text)

    def learn_request(self, operation: str, request: Any) -> None:
        self._stranger.learn_request(operation, request)

    def call(self, service: str, operation: str) -> None:
        api = load_service(service).api
        request = self._stranger.request(f"{service}:{operation}", api.operation(operation).input_shape)
        if api.protocol not in ("json", "query", "ec2"):
            raise NotImplementedError(f"strangers do not speak {api.protocol} yet")
        before, logged = self._version(), self._emulator.log_events.newest_sequence
        began = time.thread_time()
        if api.protocol == "json":
            body = self._stranger.body(request)
            status, answer = json_call(self._emulator, api, operation, body)
        else:
            body = form(api, operation, request if isinstance(request, dict) else {})
            status, answer = query_call(self._emulator, api, body)
        took = time.thread_time() - began
        changed = self._version() != before or self._emulator.log_events.newest_sequence != logged
        wrong = self._wrong(api, operation, status, answer, took, changed)
        if wrong:
            self.failures.append(f"{service}:{operation}: {wrong}: {answer[:300]!r} to {body[:3000]!r}")
        if status == 200:
            for name, text in told(api, answer):
                self._stranger.learn(name, text)

    def _wrong(
        self, api: ApiModel, operation: str, status: int, answer: bytes, took: float, changed: bool
    ) -> str | None:
        if took > SLOW_S:
            return f"took {took:.1f} s"
        if status == 200:
            self._count(api.name, operation, "200")
            return None
        if not 400 <= status < 500:
            return f"answered {status}"
        code = error_code(api, answer)
        if code is None:
            return f"{status} in no shape of the protocol"
        self._count(api.name, operation, code)
        if changed:
            return f"refused with {code}, and something was kept"
        return None if self._is_known(api, code) else f"{code} is no error of the service"

    def _is_known(self, api: ApiModel, code: str) -> bool:
        documented = {
            name
            for shape in api.model.error_shapes
            for name in (shape.name, shape.metadata.get("error", {}).get("code"))
        }
        return code in COMMON or code in documented or api.protocol == "ec2"  # EC2's model names no errors

    def _count(self, service: str, operation: str, code: str) -> None:
        key = (service, operation, code)
        self.outcomes[key] = self.outcomes.get(key, 0) + 1

    def _version(self) -> int:
        """Another connection's view: changes with every commit that changes something."""
        return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(str(key), item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(name, item)
    elif isinstance(value, str):
        yield name, value


def scene(aws: Any) -> Iterator[Mapping[str, Any]]:
    """Something of each kind, as its owner makes it: strangers then come further."""
    ecs, ecr, logs, iam, ec2 = aws("ecs"), aws("ecr"), aws("logs"), aws("iam"), aws("ec2")
    network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"], "securityGroups": ["sg-12345678"]}}
    definition = {
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "busybox"}],
    }
    yield ecs.create_cluster(clusterName="default")
    yield ecs.register_task_definition(**definition)
    launch = {"taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": network}
    yield ecs.create_service(serviceName="web", desiredCount=1, **launch)
    yield ecs.run_task(**launch)
    yield ecr.create_repository(repositoryName="fuzz")
    yield logs.create_log_group(logGroupName="/fuzz")
    yield logs.create_log_stream(logGroupName="/fuzz", logStreamName="a")
    yield {"logGroupName": "/fuzz", "logStreamName": "a", "groupName": "fuzz-1"}
    yield iam.create_role(RoleName="fuzz", AssumeRolePolicyDocument=DOCUMENTS[2])
    yield iam.create_user(UserName="fuzz")
    yield iam.create_policy(PolicyName="fuzz", PolicyDocument=DOCUMENTS[1])
    yield ec2.create_vpc(CidrBlock="10.0.0.0/16")
    yield ec2.describe_subnets()
    yield ec2.describe_security_groups()
    yield aws("secretsmanager").create_secret(Name="fuzz", SecretString="s")
    yield aws("ssm").put_parameter(Name="/fuzz", Value="v", Type="String")
    yield {"parameterName": "/fuzz", "name": "/fuzz"}
    yield aws("sts").get_caller_identity()
    yield aws("ecr-public").create_repository(repositoryName="fuzz")
