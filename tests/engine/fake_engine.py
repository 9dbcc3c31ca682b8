"""A socket that speaks as much of the Docker Engine's API as a test tells it to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path


class FakeEngine:
    """A socket that answers `/version`, and then does with a request's path what it is told to."""

    def __init__(self, path: Path, answer: Callable[[str, socket.socket], None]) -> None:
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while data := connection.recv(65536):
                path = data.split(b" ", 2)[1].decode()
                if path.endswith("/version"):
                    answer_json(connection, {"ApiVersion": "1.41", "Version": "20.10.24"})
                else:
                    self._answer(path, connection)
        except OSError:
            pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def answer_json(connection: socket.socket, value: object, status: str = "200 OK") -> None:
    body = json.dumps(value).encode()
    connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
