"""`homeport up`: its options, each also a variable, and the configuration that they make."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.cli import option_checks
from emulator.config import ADVISORIES, DEFAULT_PORT, TRIVY, Config, default_data_dir
from emulator.domain.engines import DEFAULT_ADDRESS, EngineEndpoint, engine_endpoints


class BadVariable(ValueError):
    """A variable HOMEPORT_... holds what its option would not take."""


def add(up: argparse.ArgumentParser, env: Mapping[str, str]) -> None:
    """Every option may also be given as HOMEPORT_<OPTION>."""

    def option(name: str, text: str, **how: Any) -> None:
        variable = "HOMEPORT_" + name.strip("-").replace("-", "_").upper()
        if given := env.get(variable, ""):
            how["default"] = _from_environment(variable, given, how)
        up.add_argument(name, help=f"{text} [{variable}]", **how)

    option("--host", "address to serve on (default: %(default)s)", default="127.0.0.1")
    option("--port", "port to serve on (default: %(default)s)", type=int, default=DEFAULT_PORT)
    option("--data-dir", "where state is kept", type=Path, default=default_data_dir(env))
    option("--ephemeral", "keep nothing: a temporary data directory, removed at the end", action="store_true")
    option("--engine", "docker, or simulated: then nothing runs", choices=["docker", "simulated"], default="docker")
    option("--docker-host", "the engine's address", default=env.get("DOCKER_HOST"))
    option("--engine-endpoint", "NAME=URL of a further engine of one swarm (repeatable)", action="append", default=[])
    option("--auth", "strict: only known keys, signatures verified", choices=["open", "strict"], default="open")
    option("--access-key", "ID:SECRET known to --auth strict (repeatable)", action="append", default=[])
    option("--strict", "refuse subnets, security groups and roles that nobody created", action="store_true")
    option("--registry-strict-ecr", "the registry as ECR where ECR departs from OCI", action="store_true")
    option("--enforce-iam", "let callers and tasks do only what IAM policies allow", action="store_true")
    option("--enforce-security-groups", "let through to tasks only what their groups allow", action="store_true")
    option("--upstream-registry", "HOST[=URL] for pull-through cache rules (repeatable)", action="append", default=[])
    option("--redeploy-on-push", "deploy services anew when a tag that they use is pushed", action="store_true")
    option("--advisories", "a folder of advisories in the OSV format: images are scanned with it", type=Path)
    option("--scanner", "scans images: advisories, or trivy from PATH", choices=[ADVISORIES, TRIVY], default=ADVISORIES)
    option("--vpc-cidr", "the VPC's range on this host (default: 172.31.0.0/16, or another that is free)")
    option("--no-task-endpoint", "give tasks no AWS_ENDPOINT_URL", action="store_true")
    option("--no-statistics", "do not read what containers use: CPU, memory, network", action="store_true")
    option("--registry-port", "port for real registry names, 0: none (default: %(default)s)", type=int, default=80)
    option("--tls-port", "also serve TLS here, by our own authority: tls/ca.crt", type=int)
    option("--relay-host", "HOST:PORT where tasks reach us, when a socket cannot be shared")
    option("--relay-volume", "the volume with the tasks' socket, when we are in a container ourselves")
    option("--allow-privileged", "let tasks be privileged: root on this host", action="store_true")
    option("--allow-host-network", "let tasks use this host's own network (mode host)", action="store_true")
    option("--allow-host-path", "a directory that tasks may mount (repeatable)", action="append", default=[])
    option("--s3-folder", "stands in for Amazon S3, a folder for each bucket: environment files", type=Path)
    option("--allow-host", "a further name that requests may use for us (repeatable)", action="append", default=[])
    option("--log-level", "default: %(default)s", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    up.set_defaults(run=_up)


_SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _from_environment(variable: str, given: str, how: Mapping[str, Any]) -> Any:
    """The value of an option's variable: argparse checks what is typed, not defaults. Raises BadVariable."""
    if how.get("action") == "append":
        return given.split(",")
    if how.get("action") == "store_true":
        if given.lower() not in _SWITCH:
            raise BadVariable(f"{variable} is {given!r}: expected one of {', '.join(_SWITCH)}")
        return _SWITCH[given.lower()]
    choices = how.get("choices")
    if choices and given not in choices:
        raise BadVariable(f"{variable} is {given!r}: expected one of {', '.join(choices)}")
    return given


def _up(asked: argparse.Namespace) -> int:
    from emulator.up import run

    try:
        return run(config_of(asked))
    except ValueError as error:
        print(f"homeport: {error}", file=sys.stderr)
        return 2


def _upstream(given: str) -> tuple[str, str]:
    """HOST=URL; of HOST alone the address is by HTTPS, on this machine by HTTP. Raises ValueError."""
    host, equals, url = given.partition("=")
    local = host.partition(":")[0] in ("localhost", "127.0.0.1")
    url = url if equals else f"{'http' if local else 'https'}://{host}"
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", host) or not re.fullmatch(r"https?://[^\s/?#]+/?", url):
        raise ValueError(f"--upstream-registry is HOST or HOST=URL, not {given!r}")
    return host, url


def config_of(asked: argparse.Namespace) -> Config:
    """Raises ValueError for what argparse cannot see."""
    option_checks.check(asked)
    keys = []
    for given in asked.access_key:
        key, colon, secret = given.partition(":")
        if not colon or not key or not secret:
            raise ValueError("--access-key is ID:SECRET")
        keys.append((key, secret))
    if asked.relay_host is not None and not re.fullmatch(r"\S+:\d+", asked.relay_host):
        raise ValueError("--relay-host is HOST:PORT")
    return Config(
        host=asked.host,
        port=asked.port,
        data_dir=asked.data_dir,
        ephemeral=asked.ephemeral,
        engine=asked.engine,
        docker_host=asked.docker_host,
        engine_endpoints=_further_engines(asked),
        auth_strict=asked.auth == "strict",
        keys=tuple(keys),
        strict=asked.strict,
        registry_strict_ecr=asked.registry_strict_ecr,
        enforce_iam=asked.enforce_iam,
        enforce_security_groups=asked.enforce_security_groups,
        redeploy_on_push=asked.redeploy_on_push,
        advisories=asked.advisories,
        scanner=asked.scanner,
        upstream_registries=tuple(_upstream(given) for given in asked.upstream_registry),
        vpc_cidr=asked.vpc_cidr,
        allow_privileged=asked.allow_privileged,
        allow_host_network=asked.allow_host_network,
        allow_host_paths=tuple(asked.allow_host_path),
        s3_folder=asked.s3_folder,
        allowed_hosts=tuple(asked.allow_host),
        registry_port=asked.registry_port or None,
        tls_port=asked.tls_port,
        task_endpoint=not asked.no_task_endpoint,
        statistics=not asked.no_statistics,
        relay_host=asked.relay_host,
        relay_volume=asked.relay_volume,
        log_level=asked.log_level,
    )


def _further_engines(asked: argparse.Namespace) -> tuple[EngineEndpoint, ...]:
    """Raises ValueError for what cannot be had together with them."""
    endpoints = engine_endpoints(asked.engine_endpoint, simulated=asked.engine == "simulated")
    if endpoints and asked.enforce_security_groups:
        raise ValueError("--enforce-security-groups is not emulated yet with --engine-endpoint")
    if endpoints and asked.relay_volume is not None:
        raise ValueError("--relay-volume is of one engine: with --engine-endpoint give --relay-host")
    for endpoint in endpoints:
        if endpoint.url == (asked.docker_host or DEFAULT_ADDRESS):
            raise ValueError(f"--engine-endpoint {endpoint.name} is Homeport's own engine")
        if not (endpoint.on_this_host or asked.relay_host or asked.no_task_endpoint):
            raise ValueError(
                f"tasks on {endpoint.name} ({endpoint.url}) have no file in common with Homeport: give --relay-host "
                "HOST:PORT where they reach it over TCP, or --no-task-endpoint"
            )
    return endpoints
