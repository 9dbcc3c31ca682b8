"""The documents of the task metadata endpoint, member by member: Amazon ECS developer guide, "Task metadata endpoint".

A member whose name ends in `?` may be missing, and is never empty: what is not known is left out. A value is a regular
expression, a type, a nested schema, or a list or a map of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
SECOND = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
STATUS = "RUNNING|STOPPED"
ADDRESS = r"\d+\.\d+\.\d+\.\d+"


@dataclass(frozen=True)
class ListOf:
    """Each entry fits."""

    entry: Any


@dataclass(frozen=True)
class MapOf:
    """Each value fits."""

    value: Any


NETWORK_V3: Schema = {"NetworkMode": "awsvpc", "IPv4Addresses": ListOf(ADDRESS), "IPv6Addresses?": ListOf(str)}
NETWORK: Schema = {
    **NETWORK_V3,
    "AttachmentIndex": int,
    "MACAddress": "([0-9a-f]{2}:){5}[0-9a-f]{2}",
    "IPv4SubnetCIDRBlock": rf"{ADDRESS}/\d+",
    "IPv6SubnetCIDRBlock?": str,
    "DomainNameServers": ListOf(ADDRESS),
    "DomainNameSearchList?": ListOf(str),
    "PrivateDNSName": r"ip-\d+-\d+-\d+-\d+\.(ec2|[a-z0-9-]+\.compute)\.internal",
    "SubnetGatewayIpv4Address": rf"{ADDRESS}/\d+",
    "SubnetGatewayIpv6Address?": str,
}
HEALTH: Schema = {
    "status": "HEALTHY|UNHEALTHY|UNKNOWN",
    "statusSince?": TIME,
    "exitCode?": int,
    "output?": str,
}
VOLUME: Schema = {"DockerName?": str, "Source": str, "Destination": "/.*"}
PORT: Schema = {"ContainerPort": int, "Protocol": "tcp|udp", "HostPort?": int, "HostIp?": str}
RUNTIME_ID = "[0-9a-f]{32}-[0-9]{10}"
"""Fargate shows no engine's id."""
ON_EC2: Schema = {"DockerId": "[0-9a-f]{64}", "DockerName": "ecs-.+"}
CONTAINER_V3: Schema = {
    "DockerId": RUNTIME_ID,
    "Name": str,
    "DockerName": str,
    "Image": str,
    "ImageID": "sha256:[0-9a-f]{64}",
    "Ports?": ListOf(PORT),
    "Labels": MapOf(str),
    "DesiredStatus": STATUS,
    "KnownStatus": "NONE|PULLED|CREATED|RUNNING|STOPPED",
    "ExitCode?": int,
    "Limits": {"CPU": int, "Memory": int},
    "CreatedAt": TIME,
    "StartedAt?": TIME,
    "FinishedAt?": TIME,
    "Type": "NORMAL",
    "Health?": HEALTH,
    "Volumes?": ListOf(VOLUME),
    "Networks": ListOf(NETWORK_V3),
}
CONTAINER: Schema = {
    **CONTAINER_V3,
    "Networks": ListOf(NETWORK),
    "LogDriver?": str,
    "LogOptions?": MapOf(str),
    "ContainerARN": r"arn:aws:ecs:[a-z0-9-]+:\d{12}:container/[\w-]+/[0-9a-f]{32}/[0-9a-f-]{36}",
    "RestartCount?": int,
}
ERROR: Schema = {
    "ErrorField": "TaskTags|ContainerInstanceTags",
    "ErrorCode": str,
    "ErrorMessage": str,
    "StatusCode": int,
    "RequestId": str,
    "ResourceARN": "arn:.+",
}
TASK_V3: Schema = {
    "Cluster": r"arn:aws:ecs:[a-z0-9-]+:\d{12}:cluster/[\w-]+",
    "TaskARN": r"arn:aws:ecs:[a-z0-9-]+:\d{12}:task/[\w-]+/[0-9a-f]{32}",
    "Family": str,
    "Revision": r"\d+",
    "DesiredStatus": STATUS,
    "KnownStatus": "NONE|CREATED|RUNNING|STOPPED",
    "Limits": {"CPU": float, "Memory": int},
    "PullStartedAt": TIME,
    "PullStoppedAt": TIME,
    "ExecutionStoppedAt?": TIME,
    "AvailabilityZone": "[a-z]+-[a-z]+-[0-9][a-z]",
    "TaskTags?": MapOf(str),
    "Errors?": ListOf(ERROR),
    "Containers": ListOf(CONTAINER_V3),
}
TASK: Schema = {
    **TASK_V3,
    "LaunchType": "FARGATE",
    "AvailabilityZoneID": "[a-z]+[0-9]-az[0-9]",
    "FaultInjectionEnabled": bool,
    "EphemeralStorageMetrics?": {"Utilized": int, "Reserved": int},
    "ClockDrift?": {
        "ClockErrorBound": float,
        "ReferenceTimestamp": SECOND,
        "ClockSynchronizationStatus": "SYNCHRONIZED|NOT_SYNCHRONIZED",
    },
    "Containers": ListOf(CONTAINER),
}
_OTHERWISE = ("EphemeralStorageMetrics?", "ClockDrift?", "Limits")
CONTAINER_OF_BRIDGE: Schema = {
    **CONTAINER,
    **ON_EC2,
    "Networks": ListOf({"NetworkMode": "bridge", "IPv4Addresses": ListOf(ADDRESS)}),
}
TASK_ON_EC2: Schema = {
    **{name: kind for name, kind in TASK.items() if name not in _OTHERWISE},
    "Cluster": r"[\w-]+",
    "LaunchType": "EC2",
    "Limits?": {"CPU?": float, "Memory?": int},
    "ServiceName?": str,
    "VPCID": "vpc-.+",
    "ContainerInstanceTags?": MapOf(str),
    "Containers": ListOf({**CONTAINER, **ON_EC2}),
}
PAUSE_ON_EC2: Schema = {
    **{name: kind for name, kind in CONTAINER.items() if name not in ("ContainerARN", "StartedAt?", "RestartCount?")},
    **ON_EC2,
    "Name": "~internal~ecs~pause",
    "ImageID": "",
    "DesiredStatus": "RESOURCES_PROVISIONED",
    "KnownStatus": "RESOURCES_PROVISIONED",
    "Type": "CNI_PAUSE",
}
_BLOCK = {"major": int, "minor": int, "op": str, "value": int}
_CPU = {
    "cpu_usage": {"total_usage": int, "usage_in_kernelmode": int, "usage_in_usermode": int},
    "system_cpu_usage": int,
    "online_cpus": int,
    "throttling_data": {"periods": int, "throttled_periods": int, "throttled_time": int},
}
_COUNTERS = {f"{way}_{what}": int for way in ("rx", "tx") for what in ("bytes", "packets", "errors", "dropped")}
STATS: Schema = {
    "read": TIME,
    "preread": rf"{TIME}|0001-01-01T00:00:00Z",
    "pids_stats": {"current": int},
    "blkio_stats": {"io_service_bytes_recursive": ListOf(_BLOCK), "io_serviced_recursive": ListOf(_BLOCK)},
    "num_procs": int,
    "storage_stats": dict,
    "cpu_stats": _CPU,
    "precpu_stats": _CPU,
    "memory_stats": {"usage": int, "max_usage": int, "stats": MapOf(int), "limit": int},
    "name": str,
    "id": RUNTIME_ID,
    "networks": MapOf(_COUNTERS),
    "network_rate_stats": {"rx_bytes_per_sec": float, "tx_bytes_per_sec": float},
}
CREDENTIALS: Schema = {
    "RoleArn": r"arn:aws:iam::\d{12}:role/.+",
    "AccessKeyId": "ASIA[A-Z2-7]{16}",
    "SecretAccessKey": "[A-Za-z0-9+/]{40}",
    "Token": "[A-Za-z0-9+/=]{100,}",
    "Expiration": SECOND,
}
PROTECTION: Schema = {
    "protection": {
        "ExpirationDate": rf"{SECOND}",
        "ProtectionEnabled": bool,
        "TaskArn": "arn:.+",
    }
}


def fits(document: Any, schema: Any, at: str = "") -> None:
    """AssertionError, naming the place, for what the schema does not know, lacks, or has otherwise."""
    match schema:
        case str():
            assert isinstance(document, str) and re.fullmatch(schema, document, re.DOTALL), (at, document)
        case type():
            wanted = (int, float) if schema is float else schema
            assert isinstance(document, wanted), (at, document)
            assert schema is bool or not isinstance(document, bool), (at, document)
        case ListOf(entry):
            assert isinstance(document, list), (at, document)
            for number, each in enumerate(document):
                fits(each, entry, f"{at}[{number}]")
        case MapOf(value):
            assert isinstance(document, dict), (at, document)
            for name, each in document.items():
                fits(each, value, f"{at}.{name}")
        case _:
            _members_fit(document, schema, at)


def _members_fit(document: Any, schema: Schema, at: str) -> None:
    assert isinstance(document, dict), (at, document)
    known = {name.rstrip("?") for name in schema}
    assert document.keys() <= known, (at, document.keys() - known)
    for name, kind in schema.items():
        plain = name.rstrip("?")
        if name != plain:
            assert document.get(plain, True) not in (None, "", [], {}), (at, plain, "is empty, so it is left out")
            if plain not in document:
                continue
        assert plain in document, (at, plain, "is missing")
        fits(document[plain], kind, f"{at}.{plain}")
