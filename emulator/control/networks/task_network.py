"""Makes what a task's containers are connected to, by network mode: pause containers, addresses, published ports.

awsvpc: one pause container with the interface's address, and a public one if asked for. bridge: a pause container for
each container, so that two may listen on the same port, and a restarted one keeps its ports. host and none: nothing,
unless the containers share their IPC or process namespace.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

from emulator.control.discovery.proxy_logs import ProxyLogs
from emulator.control.discovery.service_connect import CannotConnect, Proxies
from emulator.control.networks.host_ports import HostPorts, PortTaken
from emulator.control.networks.name_servers import name_servers
from emulator.control.networks.networks import Networks, Provided
from emulator.control.networks.security_groups import CannotFilter, Guards
from emulator.control.observe import ContainerWatch
from emulator.control.tasks.container_launch import Identity
from emulator.control.tasks.log_delivery import DestinationUnavailable
from emulator.domain.engines import LOCAL
from emulator.domain.networks.address_plan import RangeExhausted
from emulator.domain.networks.host_ports import (
    NetworkBinding,
    NoPortFree,
    fixed_bindings,
    link_order,
    linked,
)
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_outcomes import Attached, Done, Failed, Outcome, private_dns_name
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.engine import labels
from emulator.engine.base import (
    ContainerCreateFailed,
    ContainerSpec,
    ContainerStartFailed,
    ContainerState,
    Engine,
    EngineError,
    EngineNotResponding,
    ImageNotFound,
    NetworkAttachment,
    NetworkConflict,
    NotFound,
    PortPublish,
)
from emulator.engine.container_spec import network_sysctls
from emulator.engine.pause import SocketRelay, TcpRelay, pause_spec

ADDRESS_ATTEMPTS = 8
ADDRESSES_TRIED = 2
"""On so many public addresses a port has to be in use until it is taken to be so on all of this host's."""
MOST_PUBLIC_PORTS = 200
"""Each published port is a process of the engine's, so a task's public address has at most that many."""

BRIDGE: Final = "bridge"
LOOPBACK = "127.0.0.1"
NO_PUBLIC_PORTS = (
    "its public address answers on the ports of portMappings alone; the task definition has none, so on no port"
)
NO_WAY_OUT = "its subnet has no route to an internet gateway, so its public address answers nobody, as on AWS"
TOO_MANY_PORTS = f"only the first {MOST_PUBLIC_PORTS} of its ports answer on its public address"
NO_HOST_NETWORK = (
    "CannotStartContainerError: network mode host is the network of the engine's host, and that is not this host"
)
ELSEWHERE = "it runs on engine {engine}: its public address and host ports answer on that engine's host alone"
NOT_OUR_HOST = (
    "CannotStartContainerError: network mode host on a further engine is not emulated yet: the task could not reach "
    "Homeport from that engine's host"
)
MOVED = (
    "port {ports} is in use on every address of this host (does Homeport itself serve it, with --host 0.0.0.0?), so "
    "that its public address answers on another port number"
)
NO_RESOLVER = (
    "names of the private namespaces of its VPC do not resolve in it: Homeport resolves them through the endpoint in "
    "the task, which --no-task-endpoint takes away"
)
NO_LOOPBACK = "this host has no loopback address but 127.0.0.1, so its public address is that, with other port numbers"


@dataclass(slots=True)
class TaskNetworks:
    """`relay` is how a task's pause containers reach us; None when tasks get no endpoint."""

    engine: Engine
    networks: Networks
    ports: HostPorts
    watch: ContainerWatch
    identity: Identity
    guards: Guards
    proxies: Proxies
    proxy_logs: ProxyLogs
    relay: SocketRelay | TcpRelay | None = None
    _pause_image: str | None = None
    _loopback_only: bool = False

    def provide(self, task: Task, effective: EffectiveTask) -> Outcome:
        """What the network mode asks for. EngineError when the engine fails in another way than these name."""
        try:
            match task.network_mode:
                case "awsvpc":
                    return self._interface(task, effective)
                case "bridge":
                    return self._bridge(task, effective)
                case "host":
                    return self._host(task, effective)
                case _:
                    return Done(runtime_id=self._holder(task, effective))
        except NetworkConflict as error:
            return Failed(f"ResourceInitializationError: no range for the VPC is free on this host: {error}")
        except RangeExhausted as error:
            return Failed(f"ResourceInitializationError: {error}")

    def remove(self, task: Task) -> None:
        """Every pause container, and with the last its published ports."""
        for pause_id in task.pauses:
            self.engine.remove_container(pause_id)
            self.watch.forget(pause_id)
            self.guards.forget(pause_id)
            self.proxies.forget(pause_id)

    # -- awsvpc

    def _interface(self, task: Task, effective: EffectiveTask) -> Outcome:
        eni = task.eni
        if eni is None:
            raise AssertionError("awsvpc tasks have an interface")
        refused: Counter[int] = Counter()  # ports of public addresses
        why = "the task's network interface could not be attached"
        for _ in range(ADDRESS_ATTEMPTS):
            provided = self.networks.provide(task, eni)
            public = self._public_address(task) if eni.assign_public_ip else ""
            elsewhere = {port for port, count in refused.items() if count >= ADDRESSES_TRIED}
            try:
                return self._start_interface(task, effective, provided, public, elsewhere)
            except ContainerStartFailed as error:
                self._after_refusal(task, public, error)
                refused.update(int(port) for port in re.findall(rf"{re.escape(public)}:(\d+)", str(error)) if public)
                why = f"{why.partition(':')[0]}: {error}"
            except (NotFound, ContainerCreateFailed, ImageNotFound):
                # Somebody removed the bridge or our image: make them anew, once more round.
                self.networks.forget_made()
                self._pause_image = None
        return Failed(f"ResourceInitializationError: {why}")

    def _public_address(self, task: Task) -> str:
        return LOOPBACK if self._loopback_only else self.networks.provide_public(task)

    def _after_refusal(self, task: Task, public: str, error: ContainerStartFailed) -> None:
        """Gives up the address that the engine refused; raises what is about no address."""
        text = str(error).lower()
        if public and "cannot assign requested address" in text:
            self._loopback_only = True
            self.networks.give_up_public(task)
        elif public and public != LOOPBACK and public in text:
            self.networks.skip_address(task, public=True)
        elif "address already in use" in text:
            self.networks.skip_address(task)
        else:
            raise error

    def _start_interface(
        self, task: Task, effective: EffectiveTask, provided: Provided, public: str, elsewhere: Set[int]
    ) -> Outcome:
        """`elsewhere`: ports that no public address of this host can have; the engine chooses others for them."""
        reached = bool(public) and task.eni is not None and self.networks.leads_out(task, task.eni)
        published = fixed_bindings(effective.containers, public) if reached else []
        address = provided.address
        name, names = private_dns_name(address, task.region), self.networks.has_private_names(task)
        host, _, domain = name.partition(".")
        spec = pause_spec(
            name=f"ecs-{task.family[:80]}-pause-{task.id[:12]}",
            image=self._ensured_pause_image(),
            labels={
                **self.identity.labels(task, "pause", "~internal~ecs~pause"),
                **({labels.FILTERED: "true"} if self.guards.enforced else {}),
            },
            network=NetworkAttachment(provided.network, ipv4_address=address, aliases=(name,)),
            hostname=host,
            domain_name=domain,
            ports=_published(published, elsewhere, chosen_by_engine=public == LOOPBACK)[:MOST_PUBLIC_PORTS],
            sysctls=network_sysctls(effective.containers),
            shares_ipc=effective.definition.get("ipcMode") == "task",
            extra_hosts=self.proxies.host_names(task),
            filters=self.guards.enforced,
            resolves=names and self.relay is not None,
            dns_servers=self._next_name_servers() if names and self.relay else (),
            proxies=task.connect is not None,
            relay=self.relay,
            relay_name=task.id,
        )
        try:
            state = self._started(spec, lambda id_: self.proxy_logs.attach(task, id_, effective.execution_role_arn))
        except DestinationUnavailable as error:
            return Failed(str(error))
        try:
            self.guards.guard(task, state.id, address)
            self.proxies.connect(task, state.id)
        except (CannotFilter, CannotConnect, EngineError) as error:
            self.engine.remove_container(state.id)
            if isinstance(error, EngineError) and not isinstance(error, CannotConnect):
                raise
            what = "security groups" if isinstance(error, CannotFilter) else "Service Connect proxy"
            return Failed(f"ResourceInitializationError: the task's {what} cannot be set up: {error}")
        moved = sorted(elsewhere & {outside for binding in published for _, outside in binding.ports})
        answers = _as_published(published, state) if public == LOOPBACK or moved else published
        notes = [provided.note] if provided.note else []
        notes += [NO_RESOLVER] if names and self.relay is None else []
        if public:
            notes += _of_public_address(task, public, published, reached, moved)
        return Done(
            runtime_id=state.id,
            private_ip=state.ip_addresses.get(provided.network) or address,
            mac_address=state.mac_addresses.get(provided.network),
            network=provided.network,
            public_ip=public or None,
            public_ports=tuple(answers),
            warnings=tuple(notes),
        )

    def _next_name_servers(self) -> tuple[str, ...]:
        """What the engine asks when our resolver does not answer: what it would ask otherwise, where we can know it."""
        return name_servers() if self.engine.info().on_this_host else ()

    # -- bridge

    def _bridge(self, task: Task, effective: EffectiveTask) -> Outcome:
        for _ in range(ADDRESS_ATTEMPTS):
            try:
                bindings = self.ports.take(task, effective.containers)
            except (PortTaken, NoPortFree) as error:
                return Failed(f"CannotStartContainerError: Error response from daemon: {error}")
            made: dict[str, Attached] = {}
            try:
                for definition in link_order(effective.containers):
                    name = definition["name"]
                    made[name] = self._attach(task, effective, definition, bindings[name], made)
            except EngineError as error:
                self._undo(made)
                if not isinstance(error, ContainerStartFailed):
                    raise
                if not self._skip_strangers(task, effective, bindings, str(error)):
                    return Failed(f"CannotStartContainerError: Error response from daemon: {error}")
                continue
            first = made[effective.containers[0]["name"]]
            bound = any(each.bindings for each in made.values())
            notes = (ELSEWHERE.format(engine=task.engine),) if bound and task.engine != LOCAL else ()
            return Done(runtime_id=first.pause_id, attached=tuple(made.values()), warnings=notes)
        return Failed("CannotStartContainerError: Error response from daemon: no dynamic host port could be bound")

    def _attach(
        self,
        task: Task,
        effective: EffectiveTask,
        definition: Mapping[str, Any],
        bindings: list[NetworkBinding],
        before: Mapping[str, Attached],
    ) -> Attached:
        """The namespace of one container. The first one's is also that of IPC, if the task shares it."""
        name = definition["name"]
        first = name == effective.containers[0]["name"]
        spec = pause_spec(
            name=f"ecs-{task.family[:60]}-pause-{name[:60]}-{task.id[:12]}",
            image=self._ensured_pause_image(),
            labels=self.identity.labels(task, "pause", f"~internal~ecs~pause-{name}"),
            network_mode=BRIDGE,
            hostname=definition.get("hostname"),
            ports=_published(bindings),
            extra_hosts=(*_extra_hosts(definition), *_links(definition, before)),
            dns_servers=tuple(definition.get("dnsServers") or ()),
            dns_search=tuple(definition.get("dnsSearchDomains") or ()),
            sysctls=network_sysctls([definition]),
            shares_ipc=first and effective.definition.get("ipcMode") == "task",
            relay=self.relay,
            relay_name=task.id,
        )
        state = self._started(spec)
        return Attached(name, state.id, state.ip_addresses.get(BRIDGE), tuple(bindings))

    def _undo(self, made: Mapping[str, Attached]) -> None:
        for each in made.values():
            if each.pause_id is not None:
                self.engine.remove_container(each.pause_id)
                self.watch.forget(each.pause_id)

    def _skip_strangers(
        self, task: Task, effective: EffectiveTask, bindings: Mapping[str, list[NetworkBinding]], text: str
    ) -> bool:
        """Whether a stranger has a port that we chose, so that others can be tried."""
        taken = "port is already allocated" in text or "address already in use" in text
        mappings = [mapping for c in effective.containers for mapping in c.get("portMappings") or ()]
        asked = {int(mapping["hostPort"]) for mapping in mappings if mapping.get("hostPort")}
        claims = [claim for each in bindings.values() for binding in each for claim in binding.claims]
        named = [claim for claim in claims if f":{claim[1]} " in f"{text} " or f":{claim[1]}:" in text]
        if not taken or not named or any(port in asked for _, port in named):
            return False
        self.ports.skip(task, named)
        return True

    # -- host and none

    def _host(self, task: Task, effective: EffectiveTask) -> Outcome:
        if task.engine != LOCAL:
            return Failed(NOT_OUR_HOST)
        if not self.engine.info().on_this_host:
            return Failed(NO_HOST_NETWORK)
        try:
            taken = self.ports.take_of_host(task, effective.containers)
        except PortTaken as error:
            return Failed(f"CannotStartContainerError: {error}")
        attached = tuple(Attached(name, bindings=tuple(bindings)) for name, bindings in taken.items())
        return Done(runtime_id=self._holder(task, effective), attached=attached)

    def _holder(self, task: Task, effective: EffectiveTask) -> str | None:
        """Who holds the IPC or process namespace that the containers share; None when they share none."""
        definition = effective.definition
        if "task" not in (definition.get("ipcMode"), definition.get("pidMode")):
            return None
        spec = pause_spec(
            name=f"ecs-{task.family[:80]}-pause-{task.id[:12]}",
            image=self._ensured_pause_image(),
            labels=self.identity.labels(task, "pause", "~internal~ecs~pause"),
            network_mode="none",
            shares_ipc=definition.get("ipcMode") == "task",
        )
        return self._started(spec).id

    # -- what these share

    def _started(self, spec: ContainerSpec, prepare: Callable[[str], None] = lambda pause_id: None) -> ContainerState:
        pause_id = self.engine.create_container(spec)
        with self.watch.in_hand(pause_id):
            try:
                prepare(pause_id)
                self.engine.start_container(pause_id)
            except (EngineError, DestinationUnavailable):
                self.engine.remove_container(pause_id)
                raise
            self.watch.remember(pause_id)
        state = self.watch.state(pause_id)
        if state is None:
            raise EngineNotResponding("the engine does not show the pause container it just started")
        return state

    def _ensured_pause_image(self) -> str:
        if self._pause_image is None:
            self._pause_image = self.engine.ensure_pause_image()
        return self._pause_image


def _published(
    bindings: list[NetworkBinding], elsewhere: Set[int] = frozenset(), *, chosen_by_engine: bool = False
) -> tuple[PortPublish, ...]:
    """The engine chooses the host ports of those that are `elsewhere`, or all."""
    return tuple(
        PortPublish(
            inside, binding.protocol, binding.bind_ip, None if chosen_by_engine or outside in elsewhere else outside
        )
        for binding in bindings
        for inside, outside in binding.ports
    )


def _of_public_address(
    task: Task, public: str, published: list[NetworkBinding], reached: bool, moved: list[int]
) -> list[str]:
    """What the user is told of a task's public address."""
    count = sum(len(list(binding.ports)) for binding in published)
    return [
        *([ELSEWHERE.format(engine=task.engine)] if task.engine != LOCAL else []),
        *([] if reached else [NO_WAY_OUT]),
        *([NO_PUBLIC_PORTS] if reached and not published else []),
        *([TOO_MANY_PORTS] if count > MOST_PUBLIC_PORTS else []),
        *([NO_LOOPBACK] if public == LOOPBACK and published else []),
        *([MOVED.format(ports=", ".join(map(str, moved)))] if moved and public != LOOPBACK else []),
    ]


def _as_published(bindings: list[NetworkBinding], state: ContainerState) -> list[NetworkBinding]:
    """With the ports that the engine chose, one by one."""
    chosen = {(port.protocol, port.container_port): port.host_port or 0 for port in state.ports}
    return [
        NetworkBinding(binding.bind_ip, binding.protocol, inside, chosen[binding.protocol, inside])
        for binding in bindings
        for inside, _ in binding.ports
        if (binding.protocol, inside) in chosen
    ]


def _extra_hosts(definition: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((host["hostname"], host["ipAddress"]) for host in definition.get("extraHosts") or ())


def _links(definition: Mapping[str, Any], before: Mapping[str, Attached]) -> tuple[tuple[str, str], ...]:
    """Names for the addresses of the containers that it links to, as Docker's links give them."""
    found: list[tuple[str, str]] = []
    for text in definition.get("links") or ():
        name, alias = linked(text)
        address = before[name].private_ip if name in before else None
        if address:
            found += [(each, address) for each in dict.fromkeys((alias, name))]
    return tuple(found)
