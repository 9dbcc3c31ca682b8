"""SimulatedEngine: the Engine protocol without an engine, for tests and for `--engine simulated`.

Containers are records that follow a script (simulated_behaviour.py) on the clock given. Nothing happens by itself: what
is due happens, in order of time, when anyone calls the engine, waits for its events or calls `settle`. Nothing runs,
and whoever offers this to a user says so.

It differs from a real engine in one respect: `stop_container` of a program that does not leave at once returns before
it has exited, since a virtual clock cannot be waited for; the exit follows at its time, with its event.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal

from emulator.clock import Clock
from emulator.domain.engines import SwarmMembership
from emulator.engine.base import (
    ContainerCreateFailed,
    ContainerSpec,
    ContainerStartFailed,
    ContainerState,
    EngineError,
    EngineEvent,
    EngineInfo,
    EngineUnavailable,
    ImageFacts,
    NetworkSpec,
    NotFound,
    OutputEnd,
    OutputLine,
    OutputSink,
    PullProgress,
    RegistryCredentials,
)
from emulator.engine.exec_session import ExecSession
from emulator.engine.labels import bears
from emulator.engine.line_splitter import LineSplitter
from emulator.engine.pause import pause_archive, pause_reference
from emulator.engine.simulated.behaviour import Behaviour, HealthTurn, Output, RemoteImage
from emulator.engine.simulated.container import SimulatedContainer
from emulator.engine.simulated.control_groups import SimulatedControlGroups
from emulator.engine.simulated.exec import SimulatedExec, run_script
from emulator.engine.simulated.images import Program, SimulatedImages
from emulator.engine.simulated.network import SimulatedNetworks, SimulatedSwarm
from emulator.engine.simulated.statistics import simulated_samples
from emulator.engine.simulated.timeline import Timeline
from emulator.engine.simulated.volumes import SimulatedVolumes
from emulator.engine.statistics import Reading, StorageUse
from emulator.engine.volumes import VolumeSpec

CallHook = Callable[[Literal["before", "after"], str, tuple[object, ...]], None]
"""Told of every call by name and first argument, before it and after it took effect; what it raises the caller gets."""

_POLITE = {"SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"}


class SimulatedEngine:
    """`images` are held from the start, `remote_images` can be pulled; `fail_next` maps a call's name to the error that
    its next use raises. Threads may share one SimulatedEngine."""

    def __init__(
        self,
        clock: Clock,
        images: Mapping[str, Program] | None = None,
        remote_images: Mapping[str, RemoteImage] | None = None,
        fail_next: Mapping[str, EngineError] | None = None,
        on_call: CallHook | None = None,
        architecture: str = "x86_64",
        swarm: SimulatedSwarm | None = None,
        swarm_node: str = "",
    ) -> None:
        self.on_call = on_call
        self.swarm_node = swarm_node
        self._clock = clock
        self._architecture = architecture
        self._images = SimulatedImages(architecture, remote_images or {})
        self._volumes = SimulatedVolumes()
        self._networks = SimulatedNetworks(swarm)
        self._containers: dict[str, SimulatedContainer] = {}
        self._names: dict[str, str] = {}
        self._by_label: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        self._counter = itertools.count(1)
        self._execs: dict[str, SimulatedExec] = {}
        self._faults: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self._timeline = Timeline(clock, self._containers.get)
        self._lock = self._timeline.lock
        self._lost = False
        self.gpus: tuple[str, ...] = ()
        self.groups = SimulatedControlGroups(self._call, self._containers.values)
        for reference, program in (images or {}).items():
            self.add_image(reference, program)
        for call, error in (fail_next or {}).items():
            self.fail(call, error)

    # ---- what a test arranges ----

    def add_image(self, reference: str, program: Program | None = None, facts: ImageFacts | None = None) -> ImageFacts:
        """The engine holds this image, by one more name when `facts` are known; its containers behave so."""
        with self._lock:
            return self._images.add(reference, Behaviour() if program is None else program, facts)

    def add_remote_image(self, reference: str, image: RemoteImage) -> None:
        """A registry has this image: it can be pulled."""
        with self._lock:
            self._images.add_remote(reference, image)

    def fail(self, call: str, *errors: Exception) -> None:
        """The next calls of that name raise these, one each, and have no effect."""
        self._faults[call].extend(errors)

    def lose(self) -> None:
        """The engine answers no more: every call raises EngineUnavailable until `regain`. Containers live on."""
        with self._lock:
            self._lost = True
            self._timeline.emit("engine_lost", None, self._clock.now())

    def regain(self) -> None:
        with self._lock:
            self._lost = False
            self._timeline.emit("engine_back", None, self._clock.now())

    def spec(self, container_id: str) -> ContainerSpec:
        """What a container was created with; no call of the engine's."""
        with self._lock:
            return self._containers[container_id].spec

    def file(self, container_id: str, path: str) -> bytes:
        """What was put into a container; KeyError for any other file. No call of the engine's."""
        with self._lock:
            return self._containers[container_id].files[path]

    def packet_filter(self, container_id: str) -> bytes | None:
        """The nf_tables batch that a pause container was given last; None if none. No call of the engine's."""
        with self._lock:
            return self._containers[container_id].packet_filter

    def aliases(self, container_id: str) -> list[str] | None:
        """What the proxy of a pause container was told last, a line for each alias; None if nothing. No call of the
        engine's."""
        with self._lock:
            told = self._containers[container_id].aliases
            return None if told is None else told.splitlines()

    def settle(self) -> None:
        """Lets everything happen that is due by the clock."""
        with self._lock:
            self._timeline.settle()
        self._timeline.deliver()

    @contextmanager
    def _call(self, name: str, *arguments: object) -> Iterator[None]:
        if self.on_call is not None:
            self.on_call("before", name, arguments)
        with self._lock:
            self._timeline.settle()
            if self._lost:
                raise EngineUnavailable("no engine answers: simulated loss")
            if self._faults[name]:
                raise self._faults[name].popleft()
            yield
            self._timeline.settle()
        self._timeline.deliver()
        if self.on_call is not None:
            self.on_call("after", name, arguments)

    # ---- the engine, networks, images ----

    def info(self) -> EngineInfo:
        with self._call("info"):
            return EngineInfo(
                "simulated",
                "0",
                self._architecture,
                4,
                16384,
                2,
                "none",
                "simulated: nothing runs",
                volume_subpaths=True,
                on_this_host=True,
                gpus=self.gpus,
                swarm=SwarmMembership(self.swarm_node, True, ("simulated",)) if self.swarm_node else SwarmMembership(),
            )

    def sample_statistics(self, running: Sequence[ContainerState]) -> Mapping[str, Reading]:
        """A program that uses a hundredth of a CPU, 4 MiB, and sends 1,000 bytes a second."""
        with self._call("sample_statistics", running):
            alive = {cid for cid, container in self._containers.items() if container.status == "running"}
            return simulated_samples(self._clock.now(), [state for state in running if state.id in alive])

    def measure_storage(self, container_id: str) -> StorageUse | None:
        """A program that writes nothing."""
        with self._call("measure_storage", container_id):
            container = self._containers.get(container_id)
            image = None if container is None else self.find_image(container.spec.image)
            return None if image is None else StorageUse(image.size_bytes, 0)

    def ensure_network(self, spec: NetworkSpec) -> None:
        with self._call("ensure_network", spec):
            self._networks.ensure(spec)

    def ensure_volume(self, spec: VolumeSpec) -> None:
        with self._call("ensure_volume", spec):
            self._volumes.ensure(spec)

    def remove_volume(self, name: str) -> None:
        with self._call("remove_volume", name):
            self._volumes.remove(name, self._containers.values())

    def list_volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        with self._call("list_volumes", labels):
            return self._volumes.named(labels)

    def remove_network(self, name: str) -> None:
        with self._call("remove_network", name):
            self._networks.remove(name)

    def list_networks(self, labels: Mapping[str, str]) -> list[str]:
        with self._call("list_networks", labels):
            return [spec.name for spec in self._networks.specs() if bears(spec.labels, labels)]

    def find_image(self, reference: str) -> ImageFacts | None:
        with self._call("find_image", reference):
            return self._images.find(reference)

    def pull_image(
        self,
        reference: str,
        credentials: RegistryCredentials | None,
        *,
        deadline_s: float,
        platform: str | None = None,
        progress: PullProgress | None = None,
    ) -> ImageFacts:
        with self._call("pull_image", reference):
            return self._images.pull(reference, credentials, deadline_s, progress)

    def load_image(self, archive: Iterable[bytes]) -> None:
        whole = list(archive)  # may come from a slow reader: not under the lock
        with self._call("load_image"):
            self._images.load(whole)

    def tag_image(self, source: str, target: str) -> None:
        with self._call("tag_image", source, target):
            self._images.tag(source, target)

    def remove_image(self, reference: str) -> None:
        with self._call("remove_image", reference):
            self._images.remove(reference)

    def ensure_pause_image(self) -> str:
        with self._call("ensure_pause_image"):
            reference = pause_reference(self._architecture)
            if self._images.find(reference) is None:
                self._images.load([pause_archive(self._architecture)])
            return reference

    # ---- containers ----

    def create_container(self, spec: ContainerSpec) -> str:
        with self._call("create_container", spec):
            existing = self._find(spec.name)
            if existing is not None:
                if bears(existing.spec.labels, spec.labels):
                    return existing.id
                raise ContainerCreateFailed(
                    f'Conflict. The container name "/{spec.name}" is already in use by container "{existing.id}". '
                    "You have to remove (or rename) that container to be able to reuse that name.",
                    409,
                )
            facts, behaviour = self._images.behaviour(spec)
            if behaviour.create_error is not None:
                raise behaviour.create_error
            identity = hashlib.sha256(f"{spec.name} {next(self._counter)}".encode()).hexdigest()
            stop_signal = spec.stop_signal or facts.stop_signal or "SIGTERM"
            container = SimulatedContainer(identity, spec, behaviour, stop_signal, created_at=self._clock.now())
            self._containers[identity] = container
            self._names[spec.name] = identity
            for label in spec.labels.items():
                self._by_label[label][identity] = None
            self._timeline.emit("create", container, self._clock.now())
            return identity

    def start_container(self, container_id: str) -> None:
        with self._call("start_container", container_id):
            container = self._require(container_id)
            if container.status == "running":
                return
            now = self._clock.now()
            try:
                self._join(container)
                container.addresses, container.ports = self._networks.connect(container.spec, container.id)
                if container.behaviour.start_error:
                    self._networks.disconnect(container.addresses, container.ports)
                    container.addresses, container.ports = {}, ()
                    raise ContainerStartFailed(container.behaviour.start_error, 400)
            except ContainerStartFailed as error:
                container.error, container.exit_code = str(error), 127
                raise
            self._begin(container, now)

    def _join(self, container: SimulatedContainer) -> None:
        wanted = container.spec.join_network_of
        if wanted is None:
            return
        owner = self._find(wanted)
        if owner is None:
            raise ContainerStartFailed(f"No such container: {wanted}", 404)
        if owner.status != "running":
            raise ContainerStartFailed(f"cannot join network of a non running container: {owner.id}", 409)

    def _begin(self, container: SimulatedContainer, now: float) -> None:
        script = container.behaviour
        container.status, container.started_at, container.finished_at = "running", now, 0.0
        container.exit_code, container.oom_killed, container.error = None, False, ""
        container.life += 1
        container.splitters = {"stdout": LineSplitter("stdout"), "stderr": LineSplitter("stderr")}
        self._timeline.emit("start", container, now)
        plan = self._timeline.plan
        for output in script.output:
            plan(container, now + output.after_s, partial(self._write, output=output))
        self._plan_health(container, now)
        if script.out_of_memory_after_s is not None:
            plan(container, now + script.out_of_memory_after_s, partial(self._exit, code=137, oom=True))
        if script.oom_seen_after_s is not None:
            plan(container, now + script.oom_seen_after_s, self._see_oom)
        if script.runs_for_s is not None:
            plan(container, now + script.runs_for_s, partial(self._exit, code=script.exit_code))

    def _plan_health(self, container: SimulatedContainer, now: float) -> None:
        check = container.spec.health_check
        if check is None or not container.has_health_check:
            return
        container.health = "starting"
        for turn in container.behaviour.health or (HealthTurn(check.interval_s, "healthy"),):
            self._timeline.plan(container, now + turn.after_s, partial(self._judge, turn=turn))

    def stop_container(self, container_id: str, timeout_s: float, signal: str | None = None) -> None:
        with self._call("stop_container", container_id):
            container = self._require(container_id)
            self._send(container, signal or container.stop_signal)
            if container.status == "running":
                deadline = self._clock.now() + timeout_s
                self._timeline.plan(container, deadline, partial(self._exit, code=137))

    def kill_container(self, container_id: str, signal: str = "SIGKILL") -> None:
        with self._call("kill_container", container_id):
            self._send(self._require(container_id), signal)

    def _send(self, container: SimulatedContainer, signal: str) -> None:
        script, now = container.behaviour, self._clock.now()
        if container.status != "running":
            return
        if signal in ("SIGKILL", "KILL", "9"):
            self._exit(container, now, code=137)
        elif not script.ignores_sigterm and (signal in _POLITE or signal == container.stop_signal):
            if script.stops_in_s <= 0:
                self._exit(container, now, code=script.stop_exit_code)
            else:
                self._timeline.plan(container, now + script.stops_in_s, partial(self._exit, code=script.stop_exit_code))

    def remove_container(self, container_id: str) -> None:
        with self._call("remove_container", container_id):
            container = self._find(container_id)
            if container is None:
                return
            now = self._clock.now()
            if container.status == "running":
                self._exit(container, now, code=137)
            self._end_output(container)
            del self._containers[container.id]
            del self._names[container.spec.name]
            for label in container.spec.labels.items():
                self._by_label[label].pop(container.id, None)
            self._timeline.emit("destroy", container, now)

    def put_file(self, container_id: str, path: str, content: bytes) -> None:
        with self._call("put_file", container_id, path):
            self._require(container_id).files[path] = content

    def inspect_container(self, container_id: str) -> ContainerState | None:
        with self._call("inspect_container", container_id):
            container = self._find(container_id)
            return None if container is None else container.state()

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerState]:
        with self._call("list_containers", labels):
            groups = [self._by_label.get(label, {}) for label in labels.items()]
            smallest = min(groups, key=len) if groups else dict.fromkeys(self._containers)
            found = [self._containers[each] for each in smallest]
            return [container.state() for container in found if bears(container.spec.labels, labels)]

    def run_in_container(self, container_id: str, command: tuple[str, ...], *, deadline_s: float) -> tuple[int, bytes]:
        with self._call("run_in_container", container_id, command):
            return run_script(self._require(container_id), command)

    def start_exec(self, container_id: str, command: tuple[str, ...], *, terminal: bool, user: str = "") -> ExecSession:
        with self._call("start_exec", container_id, command):
            made = SimulatedExec(run_script(self._require(container_id), command), command, terminal=terminal)
            self._execs[made.id] = made
            return made

    def end_exec(self, exec_id: str) -> None:
        with self._call("end_exec", exec_id):
            if (found := self._execs.pop(exec_id, None)) is not None:
                found.close()

    # ---- output and events ----

    def attach_output(self, container_id: str, sink: OutputSink, end: OutputEnd) -> None:
        with self._call("attach_output", container_id):
            self._require(container_id).listeners.append((sink, end))

    def replay_output(self, container_id: str, since: float, sink: OutputSink, end: OutputEnd) -> None:
        with self._call("replay_output", container_id):
            container = self._require(container_id)
            lines = [line for line in container.written if line.at >= since]
            if lines:
                self._timeline.hand_out(lambda: sink(container.id, lines))
            if container.status == "running":
                container.listeners.append((sink, end))
            else:
                self._timeline.hand_out(lambda: end(container.id))

    def events(self, labels: Mapping[str, str]) -> Iterator[EngineEvent]:
        return self._timeline.events(labels)

    def close(self) -> None:
        self._timeline.close()

    # ---- what happens ----

    def _exit(self, container: SimulatedContainer, at: float, *, code: int, oom: bool = False) -> None:
        if oom:
            self._timeline.emit("oom", container, at)
        container.status, container.exit_code, container.finished_at = "exited", code, at
        container.oom_killed = container.oom_killed or oom
        container.life += 1
        self._networks.disconnect(container.addresses, container.ports)
        container.addresses, container.ports = {}, ()
        self._end_output(container)
        self._timeline.emit("die", container, at, str(code))

    def _see_oom(self, container: SimulatedContainer, at: float) -> None:
        container.oom_killed = True
        self._timeline.emit("oom", container, at)

    def _judge(self, container: SimulatedContainer, at: float, *, turn: HealthTurn) -> None:
        container.health_output, container.health_exit_code = turn.output, int(turn.status == "unhealthy")
        if container.health != turn.status:
            container.health = turn.status
            self._timeline.emit("health_status", container, at, turn.status)

    def _write(self, container: SimulatedContainer, at: float, *, output: Output) -> None:
        self._tell(container, list(container.splitters[output.stream].feed(output.text, at)))

    def _end_output(self, container: SimulatedContainer) -> None:
        for splitter in container.splitters.values():
            self._tell(container, list(splitter.end()))
        container.splitters = {}
        for _, end in container.listeners:
            self._timeline.hand_out(lambda end=end: end(container.id))  # type: ignore[misc]
        container.listeners = []

    def _tell(self, container: SimulatedContainer, lines: list[OutputLine]) -> None:
        if lines:
            container.written += lines
            for sink, _ in container.listeners:
                self._timeline.hand_out(lambda sink=sink: sink(container.id, lines))  # type: ignore[misc]

    def _find(self, id_or_name: str) -> SimulatedContainer | None:
        return self._containers.get(self._names.get(id_or_name, id_or_name))

    def _require(self, container_id: str) -> SimulatedContainer:
        container = self._find(container_id)
        if container is None:
            raise NotFound(f"No such container: {container_id}", 404)
        return container
