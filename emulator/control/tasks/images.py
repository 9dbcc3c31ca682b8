"""Has the engine hold a container's image, from wherever it is (D8).

A reference to `<account>.dkr.ecr.<region>.amazonaws.com` always means our registry: what the engine already holds
with the right id is used; else it pulls from our own port and the image is tagged with its real name; where it
cannot reach that port the image is streamed to it. Other references are looked for in the engine, then pulled under
a deadline, so that nothing hangs offline.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from emulator.domain.ecr.image import ACTIVE, Image, Repository
from emulator.domain.ecr.image_reference import EcrRegistry, ImageReference, image_reference
from emulator.domain.errors import AwsError
from emulator.engine.base import (
    Engine,
    EngineError,
    EngineNotResponding,
    EngineUnavailable,
    ImageFacts,
    ImageNotFound,
    RegistryCredentials,
)
from emulator.registry.archive import NoSuchPlatform, NotLoadable, docker_archive, image_for_platform
from emulator.registry.blobs import BlobStore
from emulator.registry.repository import find_image, find_repository, note_pull, pull_is_due
from emulator.store.database import Database

_log = logging.getLogger("homeport.control")

PULL_DEADLINE_S = 600.0
_UNREADABLE = "failed to register layer"
"""So an engine calls a layer that it has fetched from us and cannot read, one in zstd before Docker 23."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class ImageUnavailable(Exception):
    """An image that comes from another registry cannot be had from there."""


class CannotPull(Exception):
    """`CannotPullContainerError: ...`, as AWS words it. `passing` when the engine did not answer."""

    def __init__(self, text: str, *, passing: bool = False) -> None:
        super().__init__(f"CannotPullContainerError: {text}")
        self.passing = passing


@dataclass(frozen=True, slots=True)
class FoundImage:
    """`digest` is the manifest's, None for an image that no registry ever named."""

    facts: ImageFacts
    digest: str | None


class ImageFinder:
    """`own_host` is how the engine reaches our registry (`localhost:4566`); `password` makes a fresh token."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        blobs: BlobStore,
        own_host: str,
        password: Callable[[EcrRegistry], str],
        now: Callable[[], float],
        default: EcrRegistry,
        bring: Callable[[EcrRegistry, str, str, str], None] | None = None,
    ) -> None:
        """`bring`: has an image here that comes from elsewhere, given registry, repository, tag or digest, and
        architecture. Raises ImageUnavailable."""
        self._brings = bring
        self._database = database
        self._engine = engine
        self._blobs = blobs
        self._own_host = own_host
        self._password = password
        self._now = now
        self._default = default
        self._locks: dict[str, threading.Lock] = {}
        self._locks_lock = threading.Lock()
        self._reaches_us = True
        self._architecture: str | None = None

    def beside(self, engine: Engine) -> ImageFinder:
        """The same for a further engine, to which `localhost` is another host: our images are streamed to it."""
        own = (self._own_host, self._password, self._now, self._default, self._brings)
        other = ImageFinder(self._database, engine, self._blobs, *own)
        other._reaches_us = False
        return other

    def find(
        self, text: str, pinned_digest: str | None = None, credentials: RegistryCredentials | None = None
    ) -> FoundImage:
        """The image of a container. `pinned_digest` is the deployment's, so that a moved tag changes nothing;
        `credentials` are those of a private registry that is not ours.

        Raises CannotPull; EngineUnavailable and EngineNotResponding go through.
        """
        reference, registry = image_reference(text), None
        if (ours := self.our_registry(text)) is not None:
            reference, registry = ours
        with self._lock(text):
            if registry is not None:
                return self._from_our_registry(reference, registry, pinned_digest)
            return self._from_elsewhere(reference, credentials, pinned_digest)

    def our_registry(self, text: str) -> tuple[ImageReference, EcrRegistry] | None:
        """What an image reference names in our registry; None when it names another."""
        reference = image_reference(text)
        registry = reference.ecr or (self._default if reference.registry == self._own_host else None)
        return None if registry is None else (reference, registry)

    def _lock(self, text: str) -> threading.Lock:
        """One pull of one image at a time; the others find it there."""
        with self._locks_lock:
            return self._locks.setdefault(text, threading.Lock())

    def _from_our_registry(
        self, reference: ImageReference, registry: EcrRegistry, pinned_digest: str | None
    ) -> FoundImage:
        wanted = pinned_digest or reference.digest or reference.pulled_tag or "latest"
        repository, image, digest = self._resolve(reference, registry, wanted)
        if image.config_digest is None:
            raise CannotPull(f"{reference.text}: the artifact {digest} is no container image")
        facts = self._engine.find_image(image.config_digest)
        if facts is None:
            facts = self._bring(reference, registry, repository, image)
            self._note_pull(image)
        return FoundImage(facts, digest)

    def _resolve(self, reference: ImageReference, registry: EcrRegistry, wanted: str) -> tuple[Repository, Image, str]:
        """The repository, the image for the engine's platform, and the digest that the reference names."""
        failure = f"pull image manifest has been retried 1 time(s): failed to resolve ref {reference.text}"
        architecture = self._engine_architecture()
        if self._brings is not None:
            try:
                self._brings(registry, reference.repository, wanted, architecture)
            except ImageUnavailable as error:
                raise CannotPull(f"{failure}: {error}") from error
        with self._database.read() as reader:
            try:
                repository = find_repository(reader, registry.account, registry.region, reference.repository)
                named = find_image(reader, repository, wanted)
                if named is None or named.status != ACTIVE:
                    raise CannotPull(f"{failure}: {reference.text}: not found")
                image = image_for_platform(reader, repository, named, "linux", architecture)
            except AwsError as error:
                raise CannotPull(f"{failure}: {reference.text}: not found ({error.message})") from error
            except NoSuchPlatform as error:
                raise CannotPull(
                    f"image Manifest does not contain descriptor matching platform 'linux/{architecture}'"
                ) from error
        return repository, image, named.digest

    def _engine_architecture(self) -> str:
        """OCI's word for it; it does not change while we run."""
        if self._architecture is None:
            machine = self._engine.info().architecture
            self._architecture = _ARCHITECTURES.get(machine, machine)
        return self._architecture

    def _bring(
        self, reference: ImageReference, registry: EcrRegistry, repository: Repository, image: Image
    ) -> ImageFacts:
        real_name = f"{repository.registry_host}/{repository.name}:{reference.pulled_tag or image.digest[7:19]}"
        if self._reaches_us:
            try:
                return self._pull_from_us(registry, repository, image, real_name)
            except (EngineUnavailable, EngineNotResponding):
                raise
            except EngineError as error:
                _log.info("the engine cannot pull from %s (%s); the image is streamed to it", self._own_host, error)
                self._reaches_us = _UNREADABLE in str(error)
        try:
            self._engine.load_image(docker_archive(self._database, self._blobs, repository, image, [real_name]))
        except (NotLoadable, FileNotFoundError) as error:
            raise CannotPull(f"{reference.text}: {error}") from error
        except (EngineUnavailable, EngineNotResponding):
            raise
        except EngineError as error:
            raise CannotPull(f"{reference.text}: {error}") from error
        return self._held(str(image.config_digest), reference)

    def _pull_from_us(self, registry: EcrRegistry, repository: Repository, image: Image, real_name: str) -> ImageFacts:
        prefix = "" if registry == self._default else f"{registry.account}.{registry.region}/"
        source = f"{self._own_host}/{prefix}{repository.name}@{image.digest}"
        credentials = RegistryCredentials("AWS", self._password(registry))
        facts = self._engine.pull_image(source, credentials, deadline_s=PULL_DEADLINE_S)
        self._engine.tag_image(facts.id, real_name)
        return facts

    def _held(self, image_id: str, reference: ImageReference) -> ImageFacts:
        facts = self._engine.find_image(image_id)
        if facts is None:
            raise CannotPull(f"{reference.text}: the engine does not show the image it was given")
        return facts

    def _note_pull(self, image: Image) -> None:
        if pull_is_due(image, self._now()):
            with self._database.write() as tx:
                note_pull(tx, image, self._now())

    def _from_elsewhere(
        self, reference: ImageReference, credentials: RegistryCredentials | None, pinned_digest: str | None
    ) -> FoundImage:
        text = reference.text
        if pinned_digest is not None and reference.digest is None:
            text = f"{text.removesuffix(f':{reference.tag}')}@{pinned_digest}"
        facts = self._engine.find_image(text)
        if facts is None:
            try:
                facts = self._engine.pull_image(text, credentials, deadline_s=PULL_DEADLINE_S)
            except (EngineUnavailable, EngineNotResponding):
                raise
            except ImageNotFound as error:
                raise CannotPull(f"image {text} not found: {error}") from error
            except EngineError as error:
                raise CannotPull(str(error)) from error
        return FoundImage(facts, pinned_digest or _digest_of(facts, reference))


def _digest_of(facts: ImageFacts, reference: ImageReference) -> str | None:
    if reference.digest:
        return reference.digest
    names = {reference.repository, f"{reference.registry}/{reference.repository}"}
    names.add(reference.repository.removeprefix("library/"))
    return next((d.partition("@")[2] for d in facts.digests if d.partition("@")[0] in names), None)
