"""`homeport up`: one process that serves until it is told to stop, and says at the start what it found."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import sys
import threading
from pathlib import Path

from emulator.app import Emulator, build
from emulator.config import Config
from emulator.data_dir import DataDirInUse
from emulator.domain.engines import LOCAL, swarm_refusal
from emulator.engine.base import EngineError
from emulator.registry.naming import REAL_NAMES_PORT, RegistryNaming
from emulator.serve import Listener, Server
from emulator.store.permissions import unknown_managed_policies
from emulator.task_endpoints.caller import RELAY_LISTENER

_log = logging.getLogger("homeport")

GRACE_S = 3.0
OPEN_FILES = 65_536


def run(config: Config) -> int:
    """Serves until SIGINT or SIGTERM. The exit status: 0, or 1 when it could not start."""
    if config.advisories is not None and not config.advisories.is_dir():
        return _cannot(f"--advisories {config.advisories}: there is no such folder")
    os.umask(0o077)  # what we write is for our user alone; only the relay's socket is opened, by its own mode
    _allow_open_files()
    logging.basicConfig(level=config.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        emulator = build(config)
    except (OSError, DataDirInUse) as error:
        return _cannot(str(error))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if config.enforce_security_groups and (why := _no_packet_filter(emulator)):
        emulator.close()
        return _cannot(f"--enforce-security-groups cannot be had here: {why}")
    if emulator.plane.swarm is not None and (why := swarm_refusal(emulator.plane.swarm.members())):
        emulator.close()
        return _cannot(f"--engine-endpoint: {why}")
    try:
        server, notes = listen(emulator)
    except OSError as error:
        emulator.close()
        return _cannot(str(error))
    emulator.start()
    print(banner(emulator, notes), flush=True)
    stop.wait()
    print("Stopping; containers of running tasks stay and are adopted at the next start.", flush=True)
    server.stop(GRACE_S)
    emulator.close()
    return 0


def _allow_open_files() -> None:
    """As many as this process may have: a running container costs a socket for its output and up to ten files for its
    statistics, and many shells begin with a limit of 1,024 that may be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(emulator: Emulator) -> tuple[Server, list[str]]:
    """The listeners: the port, the tasks' relay, real registry names on port 80, TLS. Notes say what is missing."""
    config = emulator.config
    server = Server(emulator.front, [Listener(config.host, config.port)], clock=emulator.clock)
    server.start()
    notes: list[str] = []
    if config.task_endpoint and config.relay_host is None:
        server.add_listener(relay_listener(emulator.data.relay_directory))
    if emulator.host_endpoint_port is not None:
        port = emulator.host_endpoint_port
        _also(server, Listener("127.0.0.1", port, name=RELAY_LISTENER), "tasks in host mode", notes)
    if config.registry_port is not None:
        served = _also(server, Listener(config.host, config.registry_port), "real registry names", notes)
        naming = emulator.gateway.parts.get(RegistryNaming)
        naming.real_names = served and config.registry_port == REAL_NAMES_PORT
    if config.tls_port is not None:
        from emulator.certificates import server_context

        data = emulator.data.path
        registry = f"{config.default_account}.dkr.ecr.{config.default_region}.amazonaws.com"
        names = ["localhost", "127.0.0.1", "::1", registry, f"*.dkr.ecr.{config.default_region}.amazonaws.com"]
        context = server_context(data / "keys", data / "tls", names, emulator.clock.now())
        _also(server, Listener(config.host, config.tls_port, tls=context), "TLS", notes)
        notes.append(f"TLS on port {config.tls_port}; clients trust {data / 'tls' / 'ca.crt'}")
    if config.enforce_iam:
        with emulator.database.read() as reader:
            lacking = unknown_managed_policies(reader)
        notes += [f"{arn} is attached, but Homeport has no document of it: it allows nothing" for arn in lacking]
    return server, notes


def relay_listener(directory: Path) -> Listener:
    """The unix socket that the pause containers lead 169.254.170.2:80 to.

    A socket's path may have 107 bytes only; through an open directory it is short wherever the directory lies.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    path = f"/proc/self/fd/{descriptor}/relay.sock"
    return Listener(unix_path=path, unix_mode=0o666, name=RELAY_LISTENER)


def banner(emulator: Emulator, notes: list[str]) -> str:
    """What a user needs to know at the start."""
    config = emulator.config
    data = f"{emulator.data.path}{' (removed at the end)' if config.ephemeral else ''}"
    lines = [
        f"Homeport serves ECS, ECR and Fargate at {config.endpoint}",
        f"  engine          {_engine_line(emulator)}",
        *(f"  engine {e.name:8} {_engine_line(emulator, e.name)}" for e in config.engine_endpoints),
        *_limits_line(emulator),
        f"  data directory  {data}",
        *(
            ["  IAM             enforced; keys that were not given out here are the root user"]
            if config.enforce_iam
            else []
        ),
        *(["  security groups enforced between tasks"] if config.enforce_security_groups else []),
        *(f"  note            {note}" for note in notes),
        "",
        f"  export AWS_ENDPOINT_URL={config.endpoint}",
        f"  export AWS_REGION={config.default_region} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        "",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def _no_packet_filter(emulator: Emulator) -> str:
    """Why security groups cannot be enforced; empty when they can."""
    if emulator.config.engine == "simulated":
        return "the simulated engine runs nothing, so there is nothing to filter"
    return emulator.plane.check_packet_filter()


def _engine_line(emulator: Emulator, name: str = LOCAL) -> str:
    one = emulator.plane.engines.named(name)
    try:
        info = one.engine.info() if one is not None else emulator.engine.info()
    except EngineError as error:
        return f"NONE: {error}. APIs and registry work; tasks will fail to start, saying so."
    if info.kind == "simulated":
        return "SIMULATED (--engine simulated): no container runs, whatever a task's status says"
    return f"Docker {info.version}, {info.architecture}, {info.cpus} cpus, {info.memory_mib} MiB"


def _limits_line(emulator: Emulator) -> list[str]:
    """Whether a task's containers share its cpu and memory here; nothing while no engine answers."""
    try:
        choice = emulator.plane.limits.prospect()
    except EngineError:
        return []
    return [f"  limits          of each {choice.level}: {choice.because}"]


def _also(server: Server, listener: Listener, what: str, notes: list[str]) -> bool:
    """Whether it listens."""
    try:
        server.add_listener(listener)
    except OSError as error:
        notes.append(f"no listener for {what}: {error}")
        return False
    return True


def _cannot(text: str) -> int:
    print(f"homeport: {text}", file=sys.stderr)
    return 1
