"""Images in a Docker engine: find, pull, load, tag, remove."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.engine.base import (
    EngineError,
    EngineNotResponding,
    ImageFacts,
    ImageLoadFailed,
    ImageNotFound,
    ImagePullFailed,
    PullProgress,
    RegistryCredentials,
)
from emulator.engine.docker.calls import ApiRefusal, DockerCalls
from emulator.engine.docker.state import image_facts
from emulator.engine.docker.stream import Deadline, open_stream
from emulator.engine.image_reference import split_reference

LOAD_DEADLINE_S = 600.0


class DockerImages:
    """The image half of DockerEngine."""

    def __init__(self, calls: DockerCalls) -> None:
        self._calls = calls

    def find(self, reference: str) -> ImageFacts | None:
        try:
            with self._calls.client() as client:
                return image_facts(client.inspect_image(reference))  # type: ignore[no-untyped-call]
        except ApiRefusal as refusal:
            if refusal.code in (400, 404):  # 400: not a reference at all, so nothing has it
                return None
            raise

    def pull(
        self,
        reference: str,
        credentials: RegistryCredentials | None,
        deadline_s: float,
        platform: str | None,
        progress: PullProgress | None,
    ) -> ImageFacts:
        name, tag = split_reference(reference)
        query = {"fromImage": name, "tag": tag} | ({"platform": platform} if platform else {})
        deadline = Deadline(deadline_s)
        path = f"/v{self._calls.api_version}/images/create"
        headers = _registry_auth(credentials)
        try:
            with open_stream(
                self._calls.address, "POST", path, query=query, headers=headers, deadline=deadline
            ) as stream:
                for message in stream.json_lines(deadline):
                    _report(message, progress)
        except ApiRefusal as refusal:
            raise pull_error(str(refusal), refusal.code) from refusal
        except EngineNotResponding:
            raise EngineNotResponding(f"pulling {reference} did not finish within {deadline_s:g} s") from None
        facts = self.find(reference)
        if facts is None:
            raise ImagePullFailed(f"the engine pulled {reference} but does not hold it")
        return facts

    def load(self, archive: Iterable[bytes]) -> None:
        try:
            with self._calls.client(LOAD_DEADLINE_S) as client:
                for message in client.load_image(iter(archive)):  # type: ignore[no-untyped-call]
                    if "error" in message:
                        raise ImageLoadFailed(str(message["error"]))
        except ApiRefusal as refusal:
            raise ImageLoadFailed(str(refusal), refusal.code) from refusal

    def tag(self, source: str, target: str) -> None:
        name, tag = split_reference(target)
        try:
            with self._calls.client() as client:
                client.tag(source, name, tag)
        except ApiRefusal as refusal:
            if refusal.code == 404:
                raise ImageNotFound(str(refusal), refusal.code) from refusal
            raise

    def remove(self, reference: str) -> None:
        try:
            with self._calls.client() as client:
                client.remove_image(reference, force=True)
        except ApiRefusal as refusal:
            if refusal.code != 404:
                raise


def pull_error(text: str, status: int | None = None) -> EngineError:
    """ImageNotFound when the registry says that it has no such image; ImagePullFailed for all else.

    The texts are those of Docker 20.10 to 28, which tells a failure after the first progress only as text.
    """
    lowered = text.lower()
    missing = "manifest unknown" in lowered or "name unknown" in lowered or "not found" in lowered
    if missing and "pull access denied" not in lowered and "command not found" not in lowered:
        return ImageNotFound(text, status)
    return ImagePullFailed(text, status)


def _registry_auth(credentials: RegistryCredentials | None) -> dict[str, str]:
    if credentials is None:
        return {}
    words = {"username": credentials.username, "password": credentials.password}
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(words).encode()).decode()}


def _report(message: Mapping[str, Any], progress: PullProgress | None) -> None:
    if "error" in message:
        raise pull_error(str((message.get("errorDetail") or {}).get("message") or message["error"]))
    if progress is not None and message.get("status"):
        layer = f"{message['id']}:" if message.get("id") else ""
        progress(" ".join(word for word in (layer, str(message["status"]), message.get("progress")) if word))
