"""Images of the simulated engine: those it holds, those a registry would give, and how each behaves."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from emulator.engine.base import (
    ContainerSpec,
    EngineNotResponding,
    ImageFacts,
    ImageLoadFailed,
    ImageNotFound,
    ImagePullFailed,
    PullProgress,
    RegistryCredentials,
)
from emulator.engine.image_reference import same_reference
from emulator.engine.simulated.behaviour import Behaviour, RemoteImage

Program = Behaviour | Callable[[ContainerSpec], Behaviour]
"""A script, or a function that picks one by the container's command, environment, ..."""

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


class SimulatedImages:
    """`programs` outlive the images: an image loaded or pulled under a known reference behaves as registered."""

    def __init__(self, architecture: str, remote: Mapping[str, RemoteImage]) -> None:
        self._architecture = architecture
        self._by_id: dict[str, ImageFacts] = {}
        self._ids: dict[str, str] = {}  # reference -> id
        self._programs: dict[str, Program] = {}  # id -> program
        self._remote = {same_reference(reference): image for reference, image in remote.items()}

    def add_remote(self, reference: str, image: RemoteImage) -> None:
        self._remote[same_reference(reference)] = image

    def add(self, reference: str, program: Program, facts: ImageFacts | None = None) -> ImageFacts:
        name = same_reference(reference)
        if facts is None:
            identity = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
            facts = ImageFacts(id=identity, tags=(), digests=(), size_bytes=1_000_000, architecture=self._architecture)
        self._by_id.setdefault(facts.id, facts)
        self._programs[facts.id] = program
        self._name(facts.id, name)
        return self._by_id[facts.id]

    def find(self, reference: str) -> ImageFacts | None:
        identity = self._ids.get(same_reference(reference), reference)
        return self._by_id.get(identity)

    def behaviour(self, spec: ContainerSpec) -> tuple[ImageFacts, Behaviour]:
        """ImageNotFound in Docker's words."""
        facts = self.find(spec.image)
        if facts is None:
            raise ImageNotFound(f"No such image: {same_reference(spec.image)}", 404)
        program = self._programs.get(facts.id, Behaviour())
        return facts, program if isinstance(program, Behaviour) else program(spec)

    def pull(
        self,
        reference: str,
        credentials: RegistryCredentials | None,
        deadline_s: float,
        progress: PullProgress | None,
    ) -> ImageFacts:
        name = same_reference(reference)
        remote = self._remote.get(name)
        if remote is None:
            raise ImageNotFound(f"manifest for {name} not found: manifest unknown: manifest unknown", 404)
        if remote.error is not None:
            raise remote.error
        given = (credentials.username, credentials.password) if credentials else None
        if remote.needs is not None and given != remote.needs:
            raise ImagePullFailed(
                f"pull access denied for {name.rpartition(':')[0]}, "
                "repository does not exist or may require 'docker login': denied: access forbidden",
                404,
            )
        if remote.takes_s > deadline_s:
            raise EngineNotResponding(f"pulling {reference} did not finish within {deadline_s:g} s")
        if progress is not None:
            progress(f"Status: Downloaded newer image for {name}")
        return self.add(name, remote.behaviour)

    def load(self, archive: Iterable[bytes]) -> None:
        try:
            with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as tar:
                for entry in json.loads(_member(tar, "manifest.json")):
                    self._load_one(_member(tar, entry["Config"]), entry.get("RepoTags") or ())
        except (tarfile.TarError, KeyError, ValueError) as error:
            raise ImageLoadFailed(f"Error processing tar file: {error}") from error

    def _load_one(self, config: bytes, references: Iterable[str]) -> None:
        whole = json.loads(config)
        run = whole.get("config") or {}
        facts = ImageFacts(
            id=f"sha256:{hashlib.sha256(config).hexdigest()}",
            tags=(),
            digests=(),
            size_bytes=len(config),
            architecture=_ARCHITECTURES.get(whole.get("architecture", ""), whole.get("architecture", "")),
            entry_point=tuple(run.get("Entrypoint") or ()),
            command=tuple(run.get("Cmd") or ()),
            environment=tuple(run.get("Env") or ()),
            user=run.get("User") or "",
            working_directory=run.get("WorkingDir") or "",
            stop_signal=run.get("StopSignal") or "",
            labels=run.get("Labels") or {},
        )
        self._by_id.setdefault(facts.id, facts)
        for reference in references:
            self._name(facts.id, same_reference(reference))

    def tag(self, source: str, target: str) -> None:
        facts = self.find(source)
        if facts is None:
            raise ImageNotFound(f"No such image: {same_reference(source)}", 404)
        self._name(facts.id, same_reference(target))

    def remove(self, reference: str) -> None:
        facts = self.find(reference)
        if facts is None:
            return
        named = same_reference(reference)
        doomed = {named} if named in self._ids else set(facts.tags + facts.digests)
        for name in doomed:
            self._ids.pop(name, None)
        self._refresh(facts.id, lambda name: name not in doomed)
        left = self._by_id[facts.id]
        if not left.tags and not left.digests:
            del self._by_id[facts.id]

    def _name(self, identity: str, name: str) -> None:
        before = self._ids.get(name)
        self._ids[name] = identity
        if before not in (None, identity):
            self._refresh(str(before), lambda other: other != name)
        facts = self._by_id[identity]
        if "@" in name:
            self._by_id[identity] = replace(facts, digests=tuple(dict.fromkeys((*facts.digests, name))))
        else:
            self._by_id[identity] = replace(facts, tags=tuple(dict.fromkeys((*facts.tags, name))))

    def _refresh(self, identity: str, keep: Callable[[str], bool]) -> None:
        facts = self._by_id[identity]
        tags, digests = tuple(filter(keep, facts.tags)), tuple(filter(keep, facts.digests))
        self._by_id[identity] = replace(facts, tags=tags, digests=digests)


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()
