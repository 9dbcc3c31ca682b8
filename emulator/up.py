"""`homeport up`: one process that serves until it is told to stop, and says at the start what it found."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import resource
import sys
import threading
from datetime import timedelta
from pathlib import Path

from emulator.app import Emulator, build
from emulator.clock import SystemClock, monotonic, wall_clock
from emulator.config import TRIVY, Config
from emulator.data_dir import DataDirInUse
from emulator.domain.engines import LOCAL, swarm_refusal
from emulator.engine.base import EngineError
from emulator.registry.naming import REAL_NAMES_PORT, RegistryNaming
from emulator.registry.trivy_scanner import trivy_program
from emulator.serve import Listener, Server
from emulator.stop_signals import StopSignals
from emulator.store.database import CannotOpen
from emulator.store.permissions import unknown_managed_policies
from emulator.task_endpoints.caller import RELAY_LISTENER

_log = logging.getLogger("homeport")

GRACE_S = 3.0
HANG_UP_S = 1.0
_STAYING = "Stopping; containers of running tasks stay and are adopted at the next start."
_REMOVING = "Stopping; what this run made in the engine is removed. Told again, Homeport leaves that to its next start."
OPEN_FILES = 65_536


def run(config: Config) -> int:
    """Serves until SIGINT or SIGTERM. The exit status: 0, or 1 when it could not start."""
    stop = StopSignals()
    if config.advisories is not None and not config.advisories.is_dir():
        return _cannot(f"--advisories {config.advisories}: there is no such folder")
    if config.scanner == TRIVY and trivy_program() is None:
        return _cannot("--scanner trivy: there is no program trivy on PATH")
    if config.scanner == TRIVY and config.advisories is not None:
        return _cannot("--scanner trivy has advisories of its own: leave --advisories out")
    os.umask(0o077)  # what we write is for our user alone; only the relay's socket is opened, by its own mode
    _allow_open_files()
    logging.basicConfig(level=config.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    coming = _ComingUp(config, stop)
    coming.thread.start()
    if stop.wait():
        print(_REMOVING if config.ephemeral else _STAYING, flush=True)
    coming.end()
    if coming.bug is not None:
        raise coming.bug
    return 0 if coming.failure is None else _cannot(coming.failure)


class CannotStart(Exception):
    """The text says why, for the user."""


class _ComingUp:
    """The start, in a thread of its own: an engine that does not answer is given half a minute for each call, and
    Ctrl-C does not wait for it. Whatever is there by then is taken down again."""

    def __init__(self, config: Config, stop: StopSignals) -> None:
        self.thread = threading.Thread(target=self._run, name="homeport-start", daemon=True)
        self.failure: str | None = None
        self.bug: Exception | None = None
        self._config = config
        self._stop = stop
        self._lock = threading.Lock()
        self._ending = False
        self._emulator: Emulator | None = None
        self._server: Server | None = None

    def _run(self) -> None:
        try:
            self._come_up()
        except (OSError, DataDirInUse, CannotStart, CannotOpen) as error:
            self.failure = str(error)
        except Exception as bug:  # noqa: BLE001 - the main thread raises it
            self.bug = bug
        else:
            return
        self._stop.wake()

    def _come_up(self) -> None:
        emulator = build(self._config)
        with self._lock:
            if self._ending:
                emulator.close()
                return
            self._emulator = emulator
        _check_engines(emulator)
        if self._ending:
            return
        server, notes = listen(emulator)
        with self._lock:
            self._server = server
            if self._ending:
                server.stop(0)
                return
        emulator.start()
        text = banner(emulator, notes)
        if not self._ending:
            print(text, flush=True)

    def end(self) -> None:
        with self._lock:
            self._ending = True
        if self._emulator is None:
            self.thread.join(GRACE_S)  # it is being built, which asks no engine
            return
        _hang_up(self._emulator)
        if self._server is not None:
            self._server.stop(GRACE_S)
        self._emulator.close()


def _hang_up(emulator: Emulator) -> None:
    """Those who listen to what has no end of its own are told that it ends, so that nobody waits for them."""
    emulator.log_events.end_following()
    emulator.plane.exec_sessions.close(monotonic() + HANG_UP_S)


def _check_engines(emulator: Emulator) -> None:
    """CannotStart when what was asked for cannot be had with these engines."""
    if emulator.config.enforce_security_groups and (why := _no_packet_filter(emulator)):
        raise CannotStart(f"--enforce-security-groups cannot be had here: {why}")
    if emulator.plane.swarm is not None and (why := swarm_refusal(emulator.plane.swarm.members())):
        raise CannotStart(f"--engine-endpoint: {why}")


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
    if config.relay_host is not None and is_out_of_reach(config.relay_host, config.host):
        notes.append(
            f"--relay-host {config.relay_host}: Homeport listens on {config.host} alone, so tasks find their endpoints "
            "and the AWS APIs only if something leads from there to it; --host 0.0.0.0 serves every address"
        )
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
        context = server_context(data / "keys", data / "tls", names, wall_clock())
        _also(server, Listener(config.host, config.tls_port, tls=context), "TLS", notes)
        notes.append(f"TLS on port {config.tls_port}; clients trust {data / 'tls' / 'ca.crt'}")
    if config.enforce_iam:
        with emulator.database.read() as reader:
            lacking = unknown_managed_policies(reader)
        notes += [f"{arn} is attached, but Homeport has no document of it: it allows nothing" for arn in lacking]
    return server, notes


def is_out_of_reach(relay: str, host: str) -> bool:
    """Whether tasks are sent to an address, `HOST:PORT`, of which Homeport on `host`, loopback alone, hears nothing by
    itself. A name may be Docker Desktop's, which leads to loopback."""
    try:
        led_to = ipaddress.ip_address(relay.rpartition(":")[0].strip("[]"))
        return (host == "localhost" or ipaddress.ip_address(host).is_loopback) and not led_to.is_loopback
    except ValueError:
        return False


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
        *_clock_line(emulator),
        *(f"  note            {note}" for note in notes),
        "",
        f"  export AWS_ENDPOINT_URL={config.endpoint}",
        f"  export AWS_REGION={config.default_region} AWS_DEFAULT_REGION={config.default_region}",
        "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        "",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def _clock_line(emulator: Emulator) -> list[str]:
    """What `homeport clock advance` of an earlier run left."""
    ahead = emulator.clock.offset_s if isinstance(emulator.clock, SystemClock) else 0.0
    if not ahead:
        return []
    told = timedelta(seconds=round(ahead))
    return [f"  clock           {told} ahead of this machine's; homeport reset puts it back"]


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
