"""Calling the Docker API: clients, deadlines, and what its failures mean in the Engine's words.

Two ways lead to the engine. The docker SDK serves calls with one answer. What streams (output, events, pulls, exec) is
read from the socket itself by docker_stream.py, because the SDK's streams can neither be given a deadline as a whole
nor be read by a selector without losing what its buffer already holds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from urllib.parse import urlsplit

import docker
import docker.errors
import requests.exceptions

from emulator.engine.base import EngineError, EngineNotResponding, EngineUnavailable

NEWEST_API = (1, 45)
"""The newest API version spoken; a newer engine is asked to speak this one. With it a directory of a volume can be
mounted."""


class ApiRefusal(EngineError):
    """The engine answered with an error status. `str` is the `message` of its body; `status` is always there."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text, status)
        self.code = status


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where the engine listens: a unix socket's path, or a TCP host and port."""

    url: str
    unix_path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, url: str) -> EngineAddress:
        """From DOCKER_HOST's form. EngineUnavailable for what cannot be spoken (ssh://, npipe://, TLS)."""
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return cls(url=url, unix_path="/" + (parts.netloc + parts.path).lstrip("/"))
        if parts.scheme in ("tcp", "http") and parts.hostname:
            return cls(url=url, host=parts.hostname, port=parts.port or 2375)
        raise EngineUnavailable(f"engine address {url!r} is not supported: use unix:///path or tcp://host:port")


class DockerCalls:
    """Lends SDK clients, each to one thread at a time, so that every call can have a deadline of its own."""

    def __init__(self, address: EngineAddress, deadline_s: float) -> None:
        self.address = address
        self.deadline_s = deadline_s
        self._idle: deque[docker.APIClient] = deque(maxlen=16)
        self._lock = threading.Lock()
        self._api_version = ""
        self._serialises = True
        self._endpoints = threading.RLock()

    @contextmanager
    def client(self, deadline_s: float | None = None) -> Iterator[docker.APIClient]:
        """A client whose calls end within the deadline; failures leave as the Engine's errors.

        ApiRefusal for an error answer, EngineNotResponding past the deadline, EngineUnavailable without an engine.
        """
        deadline_s = self.deadline_s if deadline_s is None else deadline_s
        with engine_errors(deadline_s):
            client = self._borrow()
            client.timeout = deadline_s  # type: ignore[assignment]  # requests takes fractions
            try:
                yield client
            except docker.errors.APIError:
                self._idle.append(client)
                raise
            except BaseException:
                client.close()
                raise
            self._idle.append(client)

    @property
    def api_version(self) -> str:
        """The negotiated version, e.g. 1.41."""
        if not self._api_version:
            with self._lock:
                if not self._api_version:
                    self._negotiate()
        return self._api_version

    def endpoint_removal(self) -> AbstractContextManager[None]:
        """Held while a network endpoint goes away. Docker before 23 can deadlock when several do (moby#46661)."""
        return self._one_endpoint_at_a_time() if self.api_version and self._serialises else nullcontext()

    @contextmanager
    def _one_endpoint_at_a_time(self) -> Iterator[None]:
        if not self._endpoints.acquire(timeout=self.deadline_s):
            raise EngineNotResponding(f"the engine is still removing a network endpoint after {self.deadline_s:g} s")
        try:
            yield
        finally:
            self._endpoints.release()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _borrow(self) -> docker.APIClient:
        version = self.api_version
        try:
            return self._idle.pop()
        except IndexError:
            return self._make(version)

    def _make(self, version: str) -> docker.APIClient:
        client = docker.APIClient(base_url=self.address.url, version=version, timeout=int(self.deadline_s) or 1)
        client.trust_env = False  # a proxy for the web is none for the engine
        return client

    def _negotiate(self) -> None:
        with engine_errors(self.deadline_s):
            client = self._make("1.24")
            client.timeout = self.deadline_s  # type: ignore[assignment]
            answer = client.version(api_version=False)
            client.close()
        self._serialises = _major(str(answer.get("Version", ""))) < 23
        offered = tuple(int(part) for part in str(answer["ApiVersion"]).split("."))
        self._api_version = ".".join(str(part) for part in min(offered, NEWEST_API))


def _major(version: str) -> int:
    digits = version.split(".", 1)[0]
    return int(digits) if digits.isdigit() else 0


@contextmanager
def engine_errors(deadline_s: float) -> Iterator[None]:
    """Turns what the SDK and its HTTP library raise into the Engine's errors."""
    try:
        yield
    except docker.errors.APIError as error:
        text = str(error.explanation or error)
        raise ApiRefusal(text.strip(), error.status_code or 500) from error
    except requests.exceptions.Timeout as error:
        raise EngineNotResponding(f"the engine did not answer within {deadline_s:g} s") from error
    except (requests.exceptions.RequestException, docker.errors.DockerException, OSError) as error:
        raise EngineUnavailable(f"no engine answers: {_root_cause(error)}") from error


def _root_cause(error: BaseException) -> str:
    while error.__context__ is not None and not isinstance(error, FileNotFoundError | PermissionError):
        error = error.__context__
    return str(error)
