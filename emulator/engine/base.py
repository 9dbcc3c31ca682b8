"""The Engine: the machine that runs containers, as everything else sees it.

About a dozen calls and their value types. DockerEngine and SimulatedEngine pass one contract suite
(tests/contracts/). Nothing here knows Docker's SDK, ECS or AWS; names are Docker's.

Every call has a deadline of the engine's own; a missed one raises EngineNotResponding and may be tried again.
Every creating call is idempotent by name: what exists already under that name and label set is adopted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from emulator.domain.engines import NO_SWARM, SwarmMembership
from emulator.engine.container_files import ContainerFiles
from emulator.engine.control_groups import ControlGroups
from emulator.engine.errors import (
    ContainerCreateFailed as ContainerCreateFailed,
)
from emulator.engine.errors import (
    ContainerStartFailed as ContainerStartFailed,
)
from emulator.engine.errors import (
    EngineError as EngineError,
)
from emulator.engine.errors import (
    EngineNotResponding as EngineNotResponding,
)
from emulator.engine.errors import (
    EngineUnavailable as EngineUnavailable,
)
from emulator.engine.errors import (
    ImageLoadFailed as ImageLoadFailed,
)
from emulator.engine.errors import (
    ImageNotFound as ImageNotFound,
)
from emulator.engine.errors import (
    ImagePullFailed as ImagePullFailed,
)
from emulator.engine.errors import (
    NetworkConflict as NetworkConflict,
)
from emulator.engine.errors import (
    NotFound as NotFound,
)
from emulator.engine.exec_session import ExecSource
from emulator.engine.statistics import StatisticsSource
from emulator.engine.volumes import VolumeStore


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What `GET /info` and `/version` say, as far as decisions need it."""

    kind: Literal["docker", "simulated"]
    version: str
    architecture: str  # "x86_64" | "aarch64"
    cpus: int
    memory_mib: int
    cgroup_version: int
    cgroup_driver: str
    detail: str = ""  # one line for the start banner
    volume_subpaths: bool = False  # whether a directory of a volume can be mounted
    on_this_host: bool = False  # its containers run on this very Linux host, not in a virtual machine or elsewhere
    swarm: SwarmMembership = NO_SWARM
    gpus: tuple[str, ...] = ()  # ids of those that its containers can be given


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image that the engine holds. `command`, `entry_point`, ... are its defaults."""

    id: str  # sha256:... of the config
    tags: tuple[str, ...]
    digests: tuple[str, ...]  # name@sha256:... as known to the engine
    size_bytes: int
    architecture: str
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    user: str = ""
    working_directory: str = ""
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegistryCredentials:
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One bridge per VPC, or one overlay over the engines of a swarm, which only a manager makes. `subnet_cidr` is the
    whole range, `gateway` an address in it; from `engine_cidr` an overlay's engines take addresses for themselves."""

    name: str
    subnet_cidr: str
    gateway: str
    labels: Mapping[str, str]
    mtu: int | None = None
    driver: Literal["bridge", "overlay"] = "bridge"
    engine_cidr: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkAttachment:
    network: str
    ipv4_address: str | None = None
    mac_address: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortPublish:
    container_port: int
    protocol: Literal["tcp", "udp"] = "tcp"
    host_ip: str = "127.0.0.1"
    host_port: int | None = None  # None: the engine chooses


@dataclass(frozen=True, slots=True)
class Ulimit:
    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class Mount:
    """`source` is a host path (bind), a volume name (volume; empty: anonymous) or empty (tmpfs).

    `subpath` is a directory of the volume, which has to be there; the engine lets it lead nowhere else.
    `options`: mount(8)'s words for a tmpfs, a propagation for a bind, `nocopy` for a volume.
    """

    kind: Literal["bind", "volume", "tmpfs"]
    target: str
    source: str = ""
    read_only: bool = False
    size_mib: int | None = None
    options: tuple[str, ...] = ()
    subpath: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    host_path: str
    container_path: str
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Docker's own probe. `test` begins with CMD or CMD-SHELL, or is ("NONE",) to switch an image's probe off."""

    test: tuple[str, ...]
    interval_s: float = 30.0
    timeout_s: float = 5.0
    retries: int = 3
    start_period_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """Everything a container is created with. `None` leaves the image's or the engine's default."""

    name: str
    image: str
    labels: Mapping[str, str]
    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    user: str | None = None
    working_directory: str | None = None
    hostname: str | None = None
    domain_name: str | None = None
    join_network_of: str | None = None  # container id whose network namespace is shared
    network: NetworkAttachment | None = None
    network_mode: Literal["none", "host", "bridge"] | None = None
    ports: tuple[PortPublish, ...] = ()
    extra_hosts: tuple[tuple[str, str], ...] = ()
    dns_servers: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    cpu_shares: int | None = None
    nano_cpus: int | None = None
    memory_bytes: int | None = None
    memory_swap_bytes: int | None = None
    memory_reservation_bytes: int | None = None
    memory_swappiness: int | None = None
    shm_size_bytes: int | None = None
    pids_limit: int | None = None
    cgroup_parent: str | None = None
    ulimits: tuple[Ulimit, ...] = ()
    capabilities_add: tuple[str, ...] = ()
    capabilities_drop: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    gpu_ids: tuple[str, ...] = ()  # of EngineInfo.gpus
    sysctls: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    volumes_from: tuple[str, ...] = ()  # container ids, each with `:ro` where only reading is meant
    security_options: tuple[str, ...] = ()
    privileged: bool = False
    read_only_root: bool = False
    init: bool = False
    tty: bool = False
    stdin_open: bool = False
    pid_mode: str | None = None
    ipc_mode: str | None = None
    health_check: HealthCheck | None = None
    stop_signal: str | None = None
    log_driver: str = "json-file"
    log_options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SeenMount:
    """A mount as a container has it. `name` is the volume's, empty for a bind; `source` a path of the engine's host."""

    name: str
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One look at a container (`docker inspect`). Times are seconds since the epoch; 0 means not yet.

    `exit_code` is None until it has exited. `oom_killed` is also true when only a child of the main process was killed
    (measured on Docker 20.10): an OutOfMemoryError needs exit code 137 too. Addresses are those of a running
    container that owns its network; one that joined another's namespace has none of its own.
    """

    id: str
    name: str
    image: str
    labels: Mapping[str, str]
    status: Literal["created", "running", "exited", "paused", "restarting", "removing", "dead"]
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""
    pid: int = 0
    started_at: float = 0.0
    finished_at: float = 0.0
    health: Literal["none", "starting", "healthy", "unhealthy"] = "none"
    health_output: str = ""  # of the last probe
    health_exit_code: int | None = None
    ip_addresses: Mapping[str, str] = field(default_factory=dict)  # network name -> IPv4 address
    mac_addresses: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[PortPublish, ...] = ()  # as published, host_port filled
    created_at: float = 0.0
    mounts: tuple[SeenMount, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something happened to a container. A missed one is harmless: the periodic look sees the same state."""

    action: Literal["create", "start", "die", "oom", "health_status", "destroy", "engine_lost", "engine_back"]
    container_id: str
    labels: Mapping[str, str]
    at: float
    detail: str = ""  # exit code, or healthy | unhealthy


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One line a container wrote, without its newline. `at` is its arrival (attach carries no time)."""

    stream: Literal["stdout", "stderr"]
    text: bytes
    at: float


OutputSink = Callable[[str, "list[OutputLine]"], None]
"""Called with (container id, lines) from the one output-reading thread; must be quick and must not raise."""

OutputEnd = Callable[[str], None]
"""Called with the container id once its streams have ended and every line was delivered.

That is when it has exited or was removed; also when the engine was lost, so a container that still runs then is
read on with replay_output.
"""

PullProgress = Callable[[str], None]
"""Called with one line of what the engine reports, e.g. `a1b2c3: Download complete`."""


class Engine(ContainerFiles, StatisticsSource, ExecSource, VolumeStore, Protocol):
    """The machine that runs containers."""

    @property
    def groups(self) -> ControlGroups:
        """Control groups around the containers of a task."""
        ...

    def info(self) -> EngineInfo:
        """Raises EngineUnavailable when nothing answers."""
        ...

    def ensure_network(self, spec: NetworkSpec) -> None:
        """Creates it, or finds it with the same range; NetworkConflict when the range collides.

        Colliding means: overlapping another network of the engine, or a route of the host it shares with us.
        """
        ...

    def remove_network(self, name: str) -> None:
        """No error when it is not there; EngineError while containers are in it."""
        ...

    def list_networks(self, labels: Mapping[str, str]) -> list[str]:
        """Names of the networks that bear all the labels, of those that this engine can remove."""
        ...

    def find_image(self, reference: str) -> ImageFacts | None:
        """By tag, digest reference or id; None when the engine does not hold it."""
        ...

    def pull_image(
        self,
        reference: str,
        credentials: RegistryCredentials | None,
        *,
        deadline_s: float,
        platform: str | None = None,
        progress: PullProgress | None = None,
    ) -> ImageFacts:
        """ImageNotFound or ImagePullFailed with the engine's text; EngineNotResponding past the deadline."""
        ...

    def load_image(self, archive: Iterable[bytes]) -> None:
        """Streams a docker-archive (`POST /images/load`); ImageLoadFailed with the engine's text."""
        ...

    def tag_image(self, source: str, target: str) -> None:
        """ImageNotFound when the engine does not hold `source`."""
        ...

    def remove_image(self, reference: str) -> None:
        """No error when it is not there."""
        ...

    def create_container(self, spec: ContainerSpec) -> str:
        """The container's id. A container of the same name and labels is adopted: its id is returned.

        ImageNotFound without the image, ContainerCreateFailed otherwise (e.g. the name is another's).
        """
        ...

    def attach_output(self, container_id: str, sink: OutputSink, end: OutputEnd) -> None:
        """Reads stdout and stderr from now on; called before start so that nothing is lost.

        A line longer than an awslogs event (262,118 bytes) arrives in pieces; an unfinished last
        line arrives at the end. Lines carry the emulator's time of their arrival. NotFound without the container.
        """
        ...

    def replay_output(self, container_id: str, since: float, sink: OutputSink, end: OutputEnd) -> None:
        """After a restart of the emulator: what the container wrote since then, and all that follows.

        Lines carry the engine's own time of writing, moved by the emulator clock's offset. `since` is inclusive, and a
        line is written a little before it arrives: ask from some time before the last line that was kept, and leave
        out those already known. Following may lose lines that rotation overtakes: never the first choice.
        """
        ...

    def start_container(self, container_id: str) -> None:
        """ContainerStartFailed with the runtime's text. Starting a running container is no error."""
        ...

    def stop_container(self, container_id: str, timeout_s: float, signal: str | None = None) -> None:
        """Signal (the container's or image's, else SIGTERM), SIGKILL after `timeout_s`; returns once it has exited.

        No error when it does not run; NotFound when it is not there.
        """
        ...

    def kill_container(self, container_id: str, signal: str = "SIGKILL") -> None:
        """Sends the signal and returns at once. No error when it does not run; NotFound when it is not there."""
        ...

    def remove_container(self, container_id: str) -> None:
        """Kills if it runs, removes with its anonymous volumes; no error when it is not there."""
        ...

    def inspect_container(self, container_id: str) -> ContainerState | None:
        """None when it is not there. A name is accepted for the id."""
        ...

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerState]:
        """All containers, running or not, that bear all the labels."""
        ...

    def events(self, labels: Mapping[str, str]) -> Iterator[EngineEvent]:
        """Endless; reconnects by itself, saying engine_lost and engine_back; ends after close(). Subscribed when this
        returns: what happens after that is told. Iterate from one thread."""
        ...

    def ensure_pause_image(self) -> str:
        """Loads our pause image for the engine's architecture when it is missing; its reference."""
        ...

    def close(self) -> None:
        """Ends events() and output readers. Containers are left as they are."""
        ...
