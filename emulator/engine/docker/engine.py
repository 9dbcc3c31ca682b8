"""DockerEngine: the Engine protocol over a Docker Engine (20.10 and later) or Podman's Docker-compatible socket.

Decides which API calls a protocol call needs, and what a refusal of each means. Knows nothing of tasks or of AWS.
Threads may share one DockerEngine.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from emulator.clock import Clock, SystemClock
from emulator.domain.engines import DEFAULT_ADDRESS
from emulator.engine.base import (
    ContainerCreateFailed,
    ContainerSpec,
    ContainerStartFailed,
    ContainerState,
    EngineEvent,
    EngineInfo,
    EngineNotResponding,
    ImageFacts,
    ImageNotFound,
    NetworkSpec,
    NotFound,
    OutputEnd,
    OutputSink,
    PullProgress,
    RegistryCredentials,
)
from emulator.engine.docker.calls import ApiRefusal, DockerCalls, EngineAddress
from emulator.engine.docker.control_groups import DockerControlGroups
from emulator.engine.docker.events import EventStream, event_filters
from emulator.engine.docker.exec import end_docker_exec, start_docker_exec
from emulator.engine.docker.files import file_archive
from emulator.engine.docker.images import DockerImages
from emulator.engine.docker.networks import DockerNetworks
from emulator.engine.docker.out_of_memory import MemoryEnds
from emulator.engine.docker.output import FrameDecoder, OutputReader, TerminalDecoder
from emulator.engine.docker.spec import SUBPATHS_SINCE, create_body
from emulator.engine.docker.state import container_state, engine_info, listed_turn, storage_use
from emulator.engine.docker.statistics import DockerStatistics
from emulator.engine.docker.statistics_streams import StatisticsStreams
from emulator.engine.docker.stream import Deadline, DockerStream, open_stream
from emulator.engine.docker.volumes import DockerVolumes
from emulator.engine.exec_session import ExecSession
from emulator.engine.labels import bears
from emulator.engine.pause import pause_archive, pause_reference
from emulator.engine.statistics import Reading, StorageUse
from emulator.engine.volumes import VolumeSpec

SIGKILLED = 137
_START_DEADLINE_FACTOR = 2.0
_ENDPOINT_HOLD_S = 1.0
_REMOVED_OUTPUT_GRACE_S = 2.0


class DockerEngine:
    """`base_url` is DOCKER_HOST's form; `deadline_s` is that of an ordinary call. Connects at the first call."""

    def __init__(self, clock: Clock, base_url: str = DEFAULT_ADDRESS, deadline_s: float = 30.0) -> None:
        self._clock = clock
        self._calls = DockerCalls(EngineAddress.parse(base_url), deadline_s)
        self._images = DockerImages(self._calls)
        self._networks = DockerNetworks(self._calls)
        self._output = OutputReader(clock.now)
        self._volumes = DockerVolumes(self._calls)
        local = bool(self._calls.address.unix_path)
        self._statistics = DockerStatistics(clock.now, StatisticsStreams(self._calls, self._offset_s), local=local)
        self.groups = DockerControlGroups(self, self._info, local=local)
        self._memory_ends = MemoryEnds(self._events, lambda: clock.now() - self._offset_s(), self.groups.same_kernel)
        self._event_streams: list[EventStream] = []
        self._closed = threading.Event()
        self._made: dict[str, bool] = {}  # created and not attached to yet: whether with a terminal
        self._looks: dict[tuple[str, ...], dict[str, tuple[tuple[str, str], ContainerState]]] = {}

    # ---- the engine, networks, images ----

    def info(self) -> EngineInfo:
        info = engine_info(self._info(), local=bool(self._calls.address.unix_path))
        return replace(info, volume_subpaths=self._version() >= SUBPATHS_SINCE)

    def _info(self) -> Mapping[str, Any]:
        with self._calls.client() as client:
            answer: Mapping[str, Any] = client.info()
            return answer

    def sample_statistics(self, running: Sequence[ContainerState]) -> Mapping[str, Reading]:
        return self._statistics.sample(running)

    def measure_storage(self, container_id: str) -> StorageUse | None:
        with self._calls.client() as client:
            listed = client.containers(all=True, size=True, filters={"id": container_id})
        return storage_use(listed[0]) if listed else None

    def ensure_network(self, spec: NetworkSpec) -> None:
        self._networks.ensure(spec)

    def ensure_volume(self, spec: VolumeSpec) -> None:
        self._volumes.ensure(spec)

    def remove_volume(self, name: str) -> None:
        self._volumes.remove(name)

    def list_volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        return self._volumes.named(labels)

    def remove_network(self, name: str) -> None:
        self._networks.remove(name)

    def list_networks(self, labels: Mapping[str, str]) -> list[str]:
        return self._networks.names(labels)

    def find_image(self, reference: str) -> ImageFacts | None:
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
        return self._images.pull(reference, credentials, deadline_s, platform, progress)

    def load_image(self, archive: Iterable[bytes]) -> None:
        self._images.load(archive)

    def tag_image(self, source: str, target: str) -> None:
        self._images.tag(source, target)

    def remove_image(self, reference: str) -> None:
        self._images.remove(reference)

    def ensure_pause_image(self) -> str:
        architecture = self.info().architecture
        reference = pause_reference(architecture)
        if self._images.find(reference) is None:
            self._images.load([pause_archive(architecture)])
        return reference

    # ---- containers ----

    def create_container(self, spec: ContainerSpec) -> str:
        body = create_body(spec, self._version())
        try:
            with self._calls.client() as client:
                answer = client.create_container_from_config(body, spec.name)  # type: ignore[no-untyped-call]
                made = str(answer["Id"])
        except ApiRefusal as refusal:
            if refusal.code == 409 and (adopted := self._adopt(spec)):
                return adopted
            if refusal.code == 404 and "no such image" in str(refusal).lower():
                raise ImageNotFound(str(refusal), refusal.code) from refusal
            raise ContainerCreateFailed(str(refusal), refusal.code) from refusal
        self._made[made] = spec.tty
        return made

    def _adopt(self, spec: ContainerSpec) -> str | None:
        existing = self.inspect_container(spec.name)
        return existing.id if existing and bears(existing.labels, spec.labels) else None

    def start_container(self, container_id: str) -> None:
        try:
            with self._calls.client(self._calls.deadline_s * _START_DEADLINE_FACTOR) as client:
                client.start(container_id)
        except ApiRefusal as refusal:
            if _is_missing(refusal, container_id):
                raise NotFound(str(refusal), refusal.code) from refusal
            raise ContainerStartFailed(str(refusal), refusal.code) from refusal

    def stop_container(self, container_id: str, timeout_s: float, signal: str | None = None) -> None:
        """Not `POST /stop`: that cannot take a signal before API 1.42, and would hold the lock on endpoint removal
        for the whole of a stubborn container's patience."""
        answer = self._look(container_id)
        if answer is None:
            raise NotFound(f"No such container: {container_id}", 404)
        guarded = _owns_endpoint(answer)
        signal = signal or (answer["Config"].get("StopSignal") or "SIGTERM")
        first_s = min(timeout_s, _ENDPOINT_HOLD_S)
        with self._endpoint_guard(guarded):
            self._signal(container_id, signal)
            if self._has_exited(container_id, first_s):
                return
        if self._has_exited(container_id, timeout_s - first_s):
            return
        with self._endpoint_guard(guarded):
            self._signal(container_id, "SIGKILL")
            if not self._has_exited(container_id, self._calls.deadline_s):
                raise EngineNotResponding(f"container {container_id:.12} does not end after SIGKILL")

    def kill_container(self, container_id: str, signal: str = "SIGKILL") -> None:
        answer = self._look(container_id)
        if answer is None:
            raise NotFound(f"No such container: {container_id}", 404)
        with self._endpoint_guard(_owns_endpoint(answer)):
            self._signal(container_id, signal)

    def _signal(self, container_id: str, signal: str) -> None:
        try:
            with self._calls.client() as client:
                client.kill(container_id, signal)
        except ApiRefusal as refusal:
            if _is_missing(refusal, container_id):
                raise NotFound(str(refusal), refusal.code) from refusal
            if refusal.code != 409:  # 409: it does not run
                raise

    def _has_exited(self, container_id: str, within_s: float) -> bool:
        """Waits for it. The look afterwards waits for the engine's own cleaning up, which holds the container."""
        if within_s <= 0:
            return False
        path = f"/v{self._calls.api_version}/containers/{container_id}/wait"
        deadline = Deadline(within_s)
        try:
            with open_stream(self._calls.address, "POST", path, deadline=deadline) as stream:
                while stream.read(deadline):
                    pass
        except EngineNotResponding:
            return False
        except ApiRefusal as refusal:
            if refusal.code != 404:
                raise
        self._look(container_id)
        return True

    def remove_container(self, container_id: str) -> None:
        answer = self._look(container_id)
        self._made.pop(container_id, None)
        self._memory_ends.forget(container_id)
        if answer is None:
            return
        try:
            with self._endpoint_guard(_owns_endpoint(answer)), self._calls.client() as client:
                client.remove_container(container_id, v=True, force=True)
        except ApiRefusal as refusal:
            if refusal.code != 404 and not (refusal.code == 409 and "in progress" in str(refusal)):
                raise
        self._output.expire(answer["Id"], _REMOVED_OUTPUT_GRACE_S)

    def inspect_container(self, container_id: str) -> ContainerState | None:
        """What ended with SIGKILL and is not marked OOMKilled is not believed: out_of_memory.py says why."""
        answer = self._look(container_id)
        if answer is None:
            return None
        state = container_state(answer, self._offset_s())
        unmarked = state.status == "exited" and state.exit_code == SIGKILLED and not state.oom_killed
        return replace(state, oom_killed=True) if unmarked and self._memory_ends.ran_out(answer) else state

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerState]:
        """One call, and one look (about 2.4 ms) at each whose state or health is not as it was at the last look: the
        list lacks exit codes, times and addresses, which change only with them."""
        wanted = tuple(f"{name}={value}" for name, value in labels.items())
        with self._calls.client() as client:
            found = client.containers(all=True, filters={"label": list(wanted)})
        known, looks = self._looks.get(wanted, {}), {}
        for summary in found:
            container_id, turn = summary["Id"], listed_turn(summary)
            before = known.get(container_id)
            state = before[1] if before and before[0] == turn else self.inspect_container(container_id)
            if state is not None:
                looks[container_id] = (turn, state)
        self._looks[wanted] = looks
        return [state for _, state in looks.values()]

    def run_in_container(self, container_id: str, command: tuple[str, ...], *, deadline_s: float) -> tuple[int, bytes]:
        deadline = Deadline(deadline_s)
        version = self._calls.api_version
        try:
            with self._calls.client(deadline_s) as client:
                run = str(client.exec_create(container_id, list(command))["Id"])
            body = {"Detach": False, "Tty": False}
            with open_stream(
                self._calls.address,
                "POST",
                f"/v{version}/exec/{run}/start",
                body=body,
                takes_over=True,
                deadline=deadline,
            ) as stream:
                output = _whole_output(stream, deadline)
            with self._calls.client() as client:
                return int(client.exec_inspect(run)["ExitCode"]), output
        except ApiRefusal as refusal:
            if _is_missing(refusal, container_id):
                raise NotFound(str(refusal), refusal.code) from refusal
            raise

    def start_exec(self, container_id: str, command: tuple[str, ...], *, terminal: bool, user: str = "") -> ExecSession:
        try:
            return start_docker_exec(self._calls, container_id, command, terminal=terminal, user=user)
        except ApiRefusal as refusal:
            if _is_missing(refusal, container_id):
                raise NotFound(str(refusal), refusal.code) from refusal
            raise

    def end_exec(self, exec_id: str) -> None:
        end_docker_exec(self._calls, exec_id)

    def put_file(self, container_id: str, path: str, content: bytes) -> None:
        directory, _, name = path.rpartition("/")
        try:
            with self._calls.client() as client:
                client.put_archive(container_id, directory or "/", file_archive(name, content))
        except ApiRefusal as refusal:
            if refusal.code == 404:
                raise NotFound(str(refusal), refusal.code) from refusal
            raise

    # ---- output and events ----

    def attach_output(self, container_id: str, sink: OutputSink, end: OutputEnd) -> None:
        query = {"stream": "1", "stdout": "1", "stderr": "1"}
        terminal = self._has_terminal(container_id)
        stream = self._stream("POST", f"/containers/{container_id}/attach", query, takes_over=True)
        self._output.add(container_id, stream, TerminalDecoder() if terminal else FrameDecoder(), sink, end)

    def replay_output(self, container_id: str, since: float, sink: OutputSink, end: OutputEnd) -> None:
        offset_s = self._offset_s()
        query = {"follow": "1", "stdout": "1", "stderr": "1", "timestamps": "1"}
        query["since"] = f"{max(0.0, since - offset_s):.9f}"
        terminal = self._has_terminal(container_id)
        stream = self._stream("GET", f"/containers/{container_id}/logs", query)
        decoder = TerminalDecoder(True, offset_s) if terminal else FrameDecoder(True, offset_s)
        self._output.add(container_id, stream, decoder, sink, end)

    def events(self, labels: Mapping[str, str]) -> Iterator[EngineEvent]:
        query = {"filters": event_filters(labels)}
        stream = EventStream(lambda: self._events(query), self._clock.now, self._offset_s)
        self._event_streams.append(stream)
        if self._closed.is_set():
            stream.close()
        return stream

    def close(self) -> None:
        self._closed.set()
        for stream in self._event_streams:
            stream.close()
        self._output.close()
        self._statistics.close()
        self._calls.close()

    # ---- what these share ----

    def _version(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self._calls.api_version.split("."))

    def _events(self, query: Mapping[str, str]) -> DockerStream:
        return self._stream("GET", "/events", query)

    def _stream(self, method: str, path: str, query: Mapping[str, str], *, takes_over: bool = False) -> DockerStream:
        version = self._calls.api_version
        return open_stream(
            self._calls.address,
            method,
            f"/v{version}{path}",
            query=query,
            takes_over=takes_over,
            deadline=Deadline(self._calls.deadline_s),
        )

    def _look(self, container_id: str) -> dict[str, Any] | None:
        try:
            with self._calls.client() as client:
                answer: dict[str, Any] = client.inspect_container(container_id)
                return answer
        except ApiRefusal as refusal:
            if refusal.code == 404:
                return None
            raise

    def _has_terminal(self, container_id: str) -> bool:
        if (made := self._made.pop(container_id, None)) is not None:
            return made
        answer = self._look(container_id)
        if answer is None:
            raise NotFound(f"No such container: {container_id}", 404)
        return bool(answer["Config"].get("Tty"))

    def _endpoint_guard(self, guarded: bool) -> AbstractContextManager[None]:
        return self._calls.endpoint_removal() if guarded else nullcontext()

    def _offset_s(self) -> float:
        """How far the emulator's clock runs ahead of the engine's: what `clock advance` has added (0 for others)."""
        return self._clock.offset_s if isinstance(self._clock, SystemClock) else 0.0


def _owns_endpoint(answer: Mapping[str, Any]) -> bool:
    mode = str(answer["HostConfig"].get("NetworkMode") or "")
    return not mode.startswith("container:") and mode not in ("none", "host")


def _is_missing(refusal: ApiRefusal, container_id: str) -> bool:
    """A 404 about this very container, not about one that it would join, or its network, or its executable."""
    return refusal.code == 404 and "no such container" in str(refusal).lower() and container_id in str(refusal)


def _whole_output(stream: DockerStream, deadline: Deadline) -> bytes:
    data = b"".join(iter(lambda: stream.read(deadline), b""))
    output, at = bytearray(), 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        output += data[at + 8 : at + 8 + size]
        at += 8 + size
    return bytes(output)
