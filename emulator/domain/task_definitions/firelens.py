"""FireLens: the configuration that ECS writes for a task's log router, and how the task's containers reach it.

It decides the text of the file, where it lies, and the options of the engine's fluentd log driver. It starts nothing
and does not know where a host keeps the router's socket.
Source: Amazon ECS developer guide ("Send Amazon ECS logs to an AWS service or AWS Partner"); the ECS agent for the
layout of the file, its tags, patterns and limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Definition = Mapping[str, Any]

DRIVER: Final = "awsfirelens"
SOCKET_DIRECTORY: Final = "/var/run"
SOCKET_NAME: Final = "fluent.sock"
LONGEST_SOCKET_PATH: Final = 107  # bytes of sun_path on Linux, less the NUL
PORT: Final = 24224
HEALTH_PORT: Final = 8877
HEALTH_TAG: Final = "firelens-healthcheck"
DEFAULT_BUFFER_MIB: Final = 25

METADATA: Final = "enable-ecs-log-metadata"
FILE_TYPE: Final = "config-file-type"
FILE_VALUE: Final = "config-file-value"
INCLUDE_PATTERN: Final = "include-pattern"
EXCLUDE_PATTERN: Final = "exclude-pattern"
BUFFER_LIMIT: Final = "log-driver-buffer-limit"  # in events; for the engine's log driver, not for the router

_OUTPUT_KEY: Final = {"fluentbit": "Name", "fluentd": "@type"}
_CONFIG_FILE: Final = {"fluentbit": "/fluent-bit/etc/fluent-bit.conf", "fluentd": "/fluentd/etc/fluent.conf"}
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class InvalidFirelensOption(ValueError):
    """The router cannot be configured so; the text is fit for a stopped task's reason."""


@dataclass(frozen=True, slots=True)
class Router:
    """The container that takes the logs of the others."""

    name: str
    kind: Literal["fluentbit", "fluentd"]
    options: Mapping[str, str] = field(default_factory=dict)
    memory_reservation_mib: int = 0

    @property
    def config_file(self) -> str:
        """Where the image of a router looks for its configuration."""
        return _CONFIG_FILE[self.kind]


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose logs these are. `instance_id` is the EC2 instance's, empty on Fargate."""

    cluster: str
    task_arn: str
    task_definition: str  # family:revision
    network_mode: str
    instance_id: str = ""


@dataclass(frozen=True, slots=True)
class _Filter:
    match: str
    kind: Literal["include", "exclude"]
    pattern: str


@dataclass(frozen=True, slots=True)
class _Output:
    match: str
    plugin: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Routes:
    filters: Sequence[_Filter]
    outputs: Sequence[_Output]


def router_of(containers: Sequence[Definition]) -> Router | None:
    """The task's router, if it has one."""
    for container in containers:
        firelens = container.get("firelensConfiguration")
        if firelens:
            reservation = int(container.get("memoryReservation") or 0)
            return Router(container["name"], firelens["type"], firelens.get("options") or {}, reservation)
    return None


def logs_through_router(container: Definition) -> bool:
    """Whether the container's log driver is awsfirelens."""
    return bool((container.get("logConfiguration") or {}).get("logDriver") == DRIVER)


# -- the containers' side


def driver_options(container: Definition, task_id: str, socket: str) -> tuple[tuple[str, str], ...]:
    """Options of the engine's own fluentd driver; `socket` is the router's, as a path of the engine's host."""
    options = {
        "fluentd-address": f"unix://{socket}",
        "fluentd-async": "true",
        "fluentd-sub-second-precision": "true",
        "tag": f"{container['name']}-firelens-{task_id}",
    }
    limit = (container["logConfiguration"].get("options") or {}).get(BUFFER_LIMIT)
    if limit:
        options["fluentd-buffer-limit"] = str(limit)
    return tuple(options.items())


def environment(container: Definition, router: Router, network_mode: str) -> tuple[tuple[str, str], ...]:
    """What ECS adds, over the definition's own: the router's address for applications that speak Forward themselves.

    A fluentd router runs as root, so that it may use a socket that the engine writes to.
    """
    added: list[tuple[str, str]] = []
    if container["name"] == router.name and router.kind == "fluentd":
        added.append(("FLUENT_UID", "0"))
    if logs_through_router(container) and network_mode == "awsvpc":
        added += [("FLUENT_HOST", "127.0.0.1"), ("FLUENT_PORT", str(PORT))]
    return tuple(added)


def router_secrets(containers: Sequence[Definition]) -> Iterator[dict[str, str]]:
    """The `secretOptions` of all that log through the router, named as the router's environment variables."""
    for index, container in enumerate(containers):
        if logs_through_router(container):
            for secret in container["logConfiguration"].get("secretOptions") or ():
                yield {"name": _variable(secret["name"], index), "valueFrom": secret["valueFrom"]}


# -- the router's side


def configuration(router: Router, containers: Sequence[Definition], origin: Origin) -> str:
    """The text of the router's configuration file. Raises InvalidFirelensOption."""
    routes = _routes(router, containers)
    fields = _fields(router, origin)
    if router.kind == "fluentbit":
        return "\n".join(_fluent_bit(router, routes, fields, origin.network_mode))
    return "\n".join(_fluentd(router, routes, fields, origin.network_mode))


def _routes(router: Router, containers: Sequence[Definition]) -> _Routes:
    filters: list[_Filter] = []
    outputs: list[_Output] = []
    for index, container in enumerate(containers):
        if not logs_through_router(container):
            continue
        match = f"{container['name']}-firelens{_any(router)}"
        options = dict(container["logConfiguration"].get("options") or {})
        options.pop(BUFFER_LIMIT, None)
        for option, kind in ((INCLUDE_PATTERN, "include"), (EXCLUDE_PATTERN, "exclude")):
            if option in options:
                filters.append(_Filter(match, kind, options.pop(option)))  # type: ignore[arg-type]
        for secret in container["logConfiguration"].get("secretOptions") or ():
            options[secret["name"]] = _placeholder(router, _variable(secret["name"], index))
        plugin = options.pop(_OUTPUT_KEY[router.kind], None)
        if plugin is not None:
            outputs.append(_Output(match, plugin, sorted(options.items())))
        elif options:
            raise InvalidFirelensOption(
                f"unable to apply log options of container {container['name']} to firelens config: missing output key "
                f"{_OUTPUT_KEY[router.kind]} which is required for firelens configuration of type {router.kind}"
            )
    return _Routes(filters, outputs)


def _any(router: Router) -> str:
    return "*" if router.kind == "fluentbit" else "**"


def _variable(option: str, index: int) -> str:
    """An option's name and its container's place in the task, as two containers may have the same option."""
    return f"{option}_{index}"


def _placeholder(router: Router, variable: str) -> str:
    return f"${{{variable}}}" if router.kind == "fluentbit" else f"\"#{{ENV['{variable}']}}\""


def _fields(router: Router, origin: Origin) -> list[tuple[str, str]]:
    """What every record gets, unless the router's options say no."""
    wanted = str(router.options.get(METADATA, "true"))
    if wanted in _FALSE:
        return []
    if wanted not in _TRUE:
        raise InvalidFirelensOption(f"option {METADATA} of the firelens configuration is no boolean: {wanted}")
    fields = {
        "ec2_instance_id": origin.instance_id,
        "ecs_cluster": origin.cluster,
        "ecs_task_arn": origin.task_arn,
        "ecs_task_definition": origin.task_definition,
    }
    return [(name, value) for name, value in fields.items() if value]


def _included(router: Router) -> str | None:
    """The user's own file in the router's image."""
    if FILE_TYPE not in router.options:
        return None
    path = router.options.get(FILE_VALUE)
    if not path:
        raise InvalidFirelensOption(f"option {FILE_VALUE} of the firelens configuration is missing")
    return path


def _listens_on(network_mode: str) -> str | None:
    """Where the router takes Forward over TCP; not at all with the host's network or none."""
    return {"awsvpc": "127.0.0.1", "bridge": "0.0.0.0"}.get(network_mode)


# -- Fluent Bit's syntax


def _fluent_bit(router: Router, routes: _Routes, fields: list[tuple[str, str]], network_mode: str) -> Iterator[str]:
    buffer = router.memory_reservation_mib // 2 or DEFAULT_BUFFER_MIB
    address = _listens_on(network_mode)
    socket = f"{SOCKET_DIRECTORY}/{SOCKET_NAME}"
    yield _section("INPUT", ("Name", "forward"), ("unix_path", socket), ("Mem_Buf_Limit", f"{buffer}MB"))
    if address:
        yield _section("INPUT", ("Name", "forward"), ("Listen", address), ("Port", str(PORT)))
        yield _section(
            "INPUT", ("Name", "tcp"), ("Tag", HEALTH_TAG), ("Listen", "127.0.0.1"), ("Port", str(HEALTH_PORT))
        )
    for each in routes.filters:
        word = "Regex" if each.kind == "include" else "Exclude"
        yield _section("FILTER", ("Name", "grep"), ("Match", each.match), (word, f"log {each.pattern}"))
    if fields:
        records = [("Record", f"{name} {value}") for name, value in fields]
        yield _section("FILTER", ("Name", "record_modifier"), ("Match", "*"), *records)
    if path := _included(router):
        yield f"@INCLUDE {path}\n"
    if address:
        yield _section("OUTPUT", ("Name", "null"), ("Match", HEALTH_TAG))
    for output in routes.outputs:
        yield _section("OUTPUT", ("Name", output.plugin), ("Match", output.match), *output.options)


def _section(name: str, *entries: tuple[str, str]) -> str:
    return "".join([f"[{name}]\n", *(f"    {key} {value}\n" for key, value in entries)])


# -- fluentd's syntax


def _fluentd(router: Router, routes: _Routes, fields: list[tuple[str, str]], network_mode: str) -> Iterator[str]:
    address = _listens_on(network_mode)
    yield _directive("source", "", ("@type", "unix"), ("path", f"{SOCKET_DIRECTORY}/{SOCKET_NAME}"))
    if address:
        yield _directive("source", "", ("@type", "forward"), ("bind", address), ("port", str(PORT)))
    for each in routes.filters:
        rule = "regexp" if each.kind == "include" else "exclude"
        inner = _directive(rule, "", ("key", "log"), ("pattern", each.pattern))
        yield _directive("filter", each.match, ("@type", "grep"), inner=inner)
    if fields:
        yield _directive("filter", "**", ("@type", "record_transformer"), inner=_directive("record", "", *fields))
    if path := _included(router):
        yield f"@include {path}\n"
    for output in routes.outputs:
        yield _directive("match", output.match, ("@type", output.plugin), *output.options)


def _directive(name: str, argument: str, *entries: tuple[str, str], inner: str = "") -> str:
    lines = [f"{key} {value}" for key, value in entries] + inner.splitlines()
    opening = f"<{name} {argument}>" if argument else f"<{name}>"
    return "".join([f"{opening}\n", *(f"    {line}\n" for line in lines), f"</{name}>\n"])
