"""The pause container: the owner of a task's network namespace.

Decides what the pause image is and how a pause container is created. The program is pause.c, built by build.py; its
binaries are shipped, so nothing is pulled or compiled. Published ports, hosts, DNS, host name and the address belong to
the pause container; the task's containers join its namespace (measured: only then do all of them see the same).

**The relay.** With one, the program makes 169.254.170.2:80 inside the namespace lead to the emulator. Nothing is put
before a task's bytes. Over a unix socket who is calling shows by the dialling socket's name, which only the pause
program can give: no app container sees the directory. Over TCP it shows by the address, where nothing translates it.
A *directory* is mounted, not the socket, so that the socket a restarted emulator makes is found. The program has no
capability to pass file permissions: the socket must be writable (0666) and the directory searchable (0711) for root
without CAP_DAC_OVERRIDE; the way to it on the host may be closed.

**The proxy.** In a task of a service with Service Connect the program also runs a proxy (proxy.c), which balances
connections to client aliases. What it knows is told by `connect_command`, run in the container; it goes on with that
while the emulator is away, and on an engine elsewhere as on this host's.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from emulator.domain.networks.packet_filter import Allow
from emulator.domain.service_connect.proxy import ProxiedAlias
from emulator.engine.archive import ArchiveFile, BuiltImage, ImageRecipe, build_image
from emulator.engine.base import ContainerSpec, EngineError, Mount, NetworkAttachment, PortPublish
from emulator.engine.nf_tables import alias_batch, filter_batch, open_batch

REPOSITORY = "homeport/pause"
RELAY_ADDRESS = "169.254.170.2"
RELAY_PORT = 51679
"""Where the program really listens: port 80 is translated to it, and stays free for the task's own servers."""

PROXY_ADDRESS = "127.0.0.1"
PROXY_PORT = 51680
"""One of the ports that the ECS agent keeps for itself."""

FILTER = ("/pause", "filter")
CONNECT = ("/pause", "connect")
_MOST_IN_A_WORD = 100_000  # the kernel takes words of 128 KiB; an even number, since two digits are a byte
_MOUNTED_AT = "/homeport"
_SOCKET_NAME = b"\0homeport:"
_MOST_PROCESSES = 1024  # two per relayed connection
_MOST_MEMORY_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SocketRelay:
    """To the unix socket `directory`/`socket_name`, paths as the engine's host sees them.

    A `directory` that is no absolute path is a volume's name: for an emulator that is a container itself.
    """

    directory: str
    socket_name: str = "relay.sock"


@dataclass(frozen=True, slots=True)
class TcpRelay:
    """To a host and port as the task's network reaches them: an emulator in a container, or Docker Desktop."""

    host: str
    port: int


@functools.cache
def pause_image(architecture: str) -> BuiltImage:
    """The image for `x86_64` or `aarch64`; EngineError for another architecture."""
    binary = resources.files(__package__).joinpath(f"pause-{architecture}")
    if not binary.is_file():
        raise EngineError(f"no pause program is shipped for {architecture}")
    program = ArchiveFile("pause", binary.read_bytes(), mode=0o755)
    mount_point = ArchiveFile(f"{_MOUNTED_AT}/", mode=0o755)
    return build_image(ImageRecipe(architecture, [[program, mount_point]], entry_point=("/pause",)))


def pause_reference(architecture: str) -> str:
    """`homeport/pause:<first 12 digits>`: of the whole image, so that a changed program is never mistaken."""
    return f"{REPOSITORY}:{pause_image(architecture).id.removeprefix('sha256:')[:12]}"


def pause_archive(architecture: str) -> bytes:
    """The docker-archive to load."""
    return pause_image(architecture).docker_archive(pause_reference(architecture))


def pause_spec(
    name: str,
    image: str,
    labels: Mapping[str, str],
    *,
    network: NetworkAttachment | None = None,
    network_mode: Literal["none", "bridge"] | None = None,
    hostname: str | None = None,
    domain_name: str | None = None,
    ports: tuple[PortPublish, ...] = (),
    extra_hosts: tuple[tuple[str, str], ...] = (),
    dns_servers: tuple[str, ...] = (),
    dns_search: tuple[str, ...] = (),
    sysctls: tuple[tuple[str, str], ...] = (),
    shares_ipc: bool = False,
    filters: bool = False,
    proxies: bool = False,
    resolves: bool = False,
    relay: SocketRelay | TcpRelay | None = None,
    relay_name: str = "",
    cgroup_parent: str | None = None,
) -> ContainerSpec:
    """A pause container. `image` is what `ensure_pause_image` gave; `network` has the ENI's address, in awsvpc mode.

    `relay_name`, 64 characters at most and none of them a colon, is what `caller_of` tells of its connections.
    `filters`: whether filter_command will be run in it; `proxies`: whether connect_command will be.
    `resolves`: whether 169.254.170.2 is its first name server, in front of `dns_servers`; that takes a relay.
    """
    if resolves:
        dns_servers = (RELAY_ADDRESS, *dns_servers)
    return ContainerSpec(
        name=name,
        image=image,
        labels=labels,
        environment=(
            *_relay_environment(relay, relay_name),
            *((("HOMEPORT_CONNECT", "1"),) if proxies else ()),
            *((("HOMEPORT_NAMES", "1"),) if resolves else ()),
        ),
        hostname=hostname,
        domain_name=domain_name,
        network=network,
        network_mode=network_mode,
        ports=ports,
        extra_hosts=extra_hosts,
        dns_servers=dns_servers,
        dns_search=dns_search,
        sysctls=sysctls,
        ipc_mode="shareable" if shares_ipc else None,
        mounts=_relay_mounts(relay),
        capabilities_drop=("ALL",),
        capabilities_add=("NET_ADMIN", "NET_BIND_SERVICE") if relay else ("NET_ADMIN",) if filters or proxies else (),
        security_options=("no-new-privileges",),
        read_only_root=True,
        pids_limit=_MOST_PROCESSES,
        memory_bytes=_MOST_MEMORY_BYTES,
        cgroup_parent=cgroup_parent,
        log_options=(("max-size", "64k"), ("max-file", "1")),
    )


def filter_command(allows: Sequence[Allow] | None) -> tuple[str, ...]:
    """What to run in a running pause container, so that its network namespace lets only that through; None: everything.

    It ends with 0 once all of it has taken effect, else with 1 and the reason.
    """
    return (*FILTER, *_words((open_batch() if allows is None else filter_batch(allows)).hex()))


def connect_command(aliases: Sequence[ProxiedAlias]) -> tuple[str, ...]:
    """What to run in a running pause container that `proxies`, so that the task reaches these aliases and no others.

    It ends with 0 once all of it has taken effect, else with 1 and the reason.
    """
    rules = alias_batch(((alias.address, alias.port) for alias in aliases), (PROXY_ADDRESS, PROXY_PORT)).hex()
    text = "".join(_alias_line(alias) for alias in aliases)
    return (*CONNECT, *_words(rules), "--", *_words(text))


def _alias_line(alias: ProxiedAlias) -> str:
    targets = "".join(f" {address}:{port}" for address, port in alias.targets)
    protocol = "tcp" if alias.protocol == "tcp" else "http"
    return f"{alias.address} {alias.port} {protocol} {alias.idle_s} {alias.name}{targets}\n"


def _words(text: str) -> list[str]:
    return [text[at : at + _MOST_IN_A_WORD] for at in range(0, len(text), _MOST_IN_A_WORD)]


def _relay_mounts(relay: SocketRelay | TcpRelay | None) -> tuple[Mount, ...]:
    if not isinstance(relay, SocketRelay):
        return ()
    kind: Literal["bind", "volume"] = "bind" if relay.directory.startswith("/") else "volume"
    return (Mount(kind, _MOUNTED_AT, relay.directory, read_only=True),)


def caller_of(peer: object) -> str | None:
    """The `relay_name` of whose pause program dialled, by what `getpeername` says; None when it has no such name."""
    if not isinstance(peer, bytes) or not peer.startswith(_SOCKET_NAME):
        return None
    return peer.removeprefix(_SOCKET_NAME).partition(b":")[0].decode("ascii", "replace")


def _relay_environment(relay: SocketRelay | TcpRelay | None, name: str) -> tuple[tuple[str, str], ...]:
    match relay:
        case SocketRelay(socket_name=socket_name):
            named = (("HOMEPORT_RELAY_NAME", name),) if name else ()
            return (("HOMEPORT_RELAY", f"unix:{_MOUNTED_AT}/{socket_name}"), *named)
        case TcpRelay(host, port):
            return (("HOMEPORT_RELAY", f"tcp:{f'[{host}]' if ':' in host else host}:{port}"),)
        case None:
            return ()
