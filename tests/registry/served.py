"""The registry of conftest on a real socket: in this process, or in one of its own that a test can kill.

python -m tests.registry.served DIRECTORY    prints the port, then serves until it is killed
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from emulator.serve import Listener, Server
from tests.registry.conftest import House


@contextmanager
def serving(house: House) -> Iterator[int]:
    """Serves it on a free port, which is given."""
    server = Server(house.app, [Listener()])
    server.start()
    try:
        ((_, port),) = [address for address in server.addresses if isinstance(address, tuple)]
        yield port
    finally:
        server.stop()


class Client:
    """One keep-alive connection with the registry's credentials."""

    def __init__(self, port: int, credentials: str) -> None:
        self.connection = HTTPConnection("localhost", port, timeout=90)
        self.credentials = credentials

    def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[HTTPResponse, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, {"Authorization": self.credentials, **named})
        answer = self.connection.getresponse()
        return answer, answer.read()


class Mortal:
    """A registry in a process of its own."""

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-m", "tests.registry.served", str(directory)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()


if __name__ == "__main__":
    with serving(House(Path(sys.argv[1]))) as port:
        print(port, flush=True)
        signal.pause()
