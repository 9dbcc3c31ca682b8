"""Several engines that serve one cluster: how they are named, and whether their tasks can reach each other. Pure.

The engine that Homeport has by itself is `local`; further ones are those that the user names, and no other. Tasks with
network interfaces of their own reach each other across engines over one overlay network, which Docker's engines have
only when they are nodes of one swarm (Docker documentation, "Overlay network driver").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LOCAL: Final = "local"
ENGINE_ATTRIBUTE: Final = "homeport.engine"
"""The attribute of an instance that names its engine, for placement constraints; those on `local` have none."""
DEFAULT_ADDRESS: Final = "unix:///var/run/docker.sock"
SIMULATED_URL: Final = "simulated:"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_URL = re.compile(r"unix:///\S+|(?:tcp|http)://[^\s/]+")


class BadEndpoint(ValueError):
    """What is wrong with a further engine, in words for the user."""


@dataclass(frozen=True, slots=True)
class EngineEndpoint:
    """A further engine. `url` is in DOCKER_HOST's form, or `simulated:`."""

    name: str
    url: str

    @property
    def on_this_host(self) -> bool:
        """Whether it is spoken to through a socket of this host, so that files of ours can be mounted there."""
        return self.url.startswith("unix://") or self.url == SIMULATED_URL


def host_elsewhere(url: str) -> str:
    """The host of an engine that is spoken to over TCP; empty for one with a socket of this host."""
    scheme, _, rest = url.partition("://")
    return "" if scheme == "unix" or not rest else rest.rpartition(":")[0].strip("[]") or rest


@dataclass(frozen=True, slots=True)
class SwarmMembership:
    """A node's place in a swarm. `node` is empty outside one; `managers` are the nodes that it knows as managers."""

    node: str = ""
    manager: bool = False
    managers: tuple[str, ...] = ()


NO_SWARM: Final = SwarmMembership()


def engine_endpoints(given: Sequence[str], *, simulated: bool) -> tuple[EngineEndpoint, ...]:
    """Of `NAME=URL` each. Raises BadEndpoint; `simulated`: whether all engines have to be."""
    found: list[EngineEndpoint] = []
    for text in given:
        name, equals, url = text.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise BadEndpoint(f"--engine-endpoint is NAME=URL, the name of a-z, 0-9 and '-': {text!r}")
        if name == LOCAL or any(name == other.name for other in found):
            raise BadEndpoint(f"--engine-endpoint: there is an engine {name!r} already")
        if simulated is not (url == SIMULATED_URL) or not (simulated or _URL.fullmatch(url)):
            form = f"{SIMULATED_URL!r} with --engine simulated" if simulated else "unix:///PATH or tcp://HOST:PORT"
            raise BadEndpoint(f"--engine-endpoint: the URL of {name!r} has to be {form}, not {url!r}")
        if not simulated and any(url == other.url for other in found):
            raise BadEndpoint(f"--engine-endpoint: {url} is named twice")
        found.append(EngineEndpoint(name, url))
    return tuple(found)


def swarm_refusal(members: Mapping[str, SwarmMembership]) -> str:
    """Why these engines (those that answer, by name) cannot serve one cluster, and what to do; empty when they can."""
    outside = [name for name, member in members.items() if not member.node]
    if outside:
        return (
            f"{_listed(outside)} in no Docker swarm, so its tasks could not reach those of the others. Run "
            "`docker swarm init` on one engine and the `docker swarm join ...` that it prints on each other one"
        )
    nodes: dict[str, str] = {}
    for name, member in members.items():
        if member.node in nodes:
            return f"{nodes[member.node]} and {name} are the same engine"
        nodes[member.node] = name
    known = [(name, set(member.managers)) for name, member in members.items()]
    for name, managers in known[1:]:
        if not managers & known[0][1]:
            return (
                f"{known[0][0]} and {name} are in different Docker swarms. Run `docker swarm leave` on one of them and "
                "the `docker swarm join ...` of the other one"
            )
    return ""


def _listed(names: Sequence[str]) -> str:
    return f"engine {names[0]} is" if len(names) == 1 else f"engines {', '.join(names)} are"
