"""One frozen Config: the only reader of the command line's values and of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emulator.domain.engines import EngineEndpoint

DEFAULT_PORT = 4566
ADVISORIES, TRIVY = "advisories", "trivy"


@dataclass(frozen=True, slots=True)
class Config:
    """`data_dir=None` with `ephemeral` means a temporary directory that is removed at the end."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    data_dir: Path = field(default_factory=lambda: default_data_dir(os.environ))
    ephemeral: bool = False
    engine: Literal["docker", "simulated"] = "docker"
    docker_host: str | None = None
    engine_endpoints: tuple[EngineEndpoint, ...] = ()  # further engines
    auth_strict: bool = False
    keys: tuple[tuple[str, str], ...] = ()
    strict: bool = False
    registry_strict_ecr: bool = False  # the registry answers as ECR where that departs from OCI Distribution
    enforce_iam: bool = False
    enforce_security_groups: bool = False
    upstream_registries: tuple[tuple[str, str], ...] = ()  # what pull-through cache rules may name besides: host, URL
    redeploy_on_push: bool = False  # services that use a tag are deployed anew when it is pushed
    advisories: Path | None = None  # the folder of advisories in the OSV format that scans of images use
    scanner: str = ADVISORIES  # or TRIVY: that program, from PATH, scans images
    default_account: str = "123456789012"
    default_region: str = "us-east-1"
    vpc_cidr: str | None = None  # None: AWS's 172.31.0.0/16, or another range when the host uses that
    allow_privileged: bool = False
    allow_host_network: bool = False
    allow_host_paths: tuple[str, ...] = ()
    s3_folder: Path | None = None  # stands in for Amazon S3: a folder for each bucket
    allowed_hosts: tuple[str, ...] = ()
    registry_port: int | None = 80  # the listener for real registry names; None: off
    tls_port: int | None = None
    task_endpoint: bool = True
    statistics: bool = True
    relay_host: str | None = None  # host:port where tasks reach us over TCP when a unix socket cannot be shared
    relay_volume: str | None = None  # the volume that holds the relay's socket, when we are a container ourselves
    log_level: str = "INFO"
    seed: int | None = None

    @property
    def bind_ip(self) -> str:
        """Where the ports of containers in bridge mode are published: as widely as Homeport itself serves."""
        return self.host if self.host in ("0.0.0.0", "127.0.0.1") else "127.0.0.1"

    @property
    def endpoint(self) -> str:
        return f"http://localhost:{self.port}"


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """`HOMEPORT_DATA_DIR`, else the XDG data directory."""
    explicit = environment.get("HOMEPORT_DATA_DIR")
    if explicit:
        return Path(explicit)
    base = environment.get("XDG_DATA_HOME") or str(Path(environment.get("HOME", "/")) / ".local" / "share")
    return Path(base) / "homeport"


def trivy_cache(environment: Mapping[str, str]) -> Path:
    """Where Trivy keeps its database: `TRIVY_CACHE_DIR`, else its own default."""
    if given := environment.get("TRIVY_CACHE_DIR"):
        return Path(given)
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME", "/")) / ".cache")
    return Path(base) / "trivy"


def environment() -> Mapping[str, str]:
    """The process's environment, for the few who pass it on (the engine's DOCKER_HOST, the demo's child processes)."""
    return os.environ
