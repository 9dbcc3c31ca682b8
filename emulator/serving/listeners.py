"""Where the server listens: the description of an address, and the bound socket with its accepting thread.

Decides how an address is bound (TCP of either family, unix socket) and how it is given up again.
Must not know HTTP, nor what becomes of an accepted socket.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import ssl
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

Address = tuple[str, int] | str
"""What a listener is bound to: (host, port), or the path of a unix socket."""

_BACKLOG = 1024
_OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_RETRY_MS = 100


@dataclass(frozen=True, slots=True)
class Listener:
    """One address to serve.

    host, port: a TCP address; port 0 lets the system choose. unix_path: a unix socket instead of TCP.
    tls: with TCP only; plain HTTP and TLS are then both served on the port (the first byte tells them apart).
    unix_mode: permission bits of the socket file, None leaves them to the umask.
    name: for the application, which finds the listener of a request in `environ["homeport.listener"]`.
    """

    host: str = "127.0.0.1"
    port: int = 0
    unix_path: str | None = None
    tls: ssl.SSLContext | None = None
    unix_mode: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.unix_path is not None and self.tls is not None:
            raise ValueError("TLS is served on TCP listeners only")

    def __str__(self) -> str:
        if self.unix_path is not None:
            return f"unix:{self.unix_path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Door:
    """A bound listener. `open` turns False for good when it is closed; connections look at it."""

    def __init__(self, listener: Listener) -> None:
        """Bind and listen. Raises OSError, naming the address, when that cannot be done."""
        self.listener = listener
        self.open = True
        try:
            self._socket = _bind_unix(listener) if listener.unix_path is not None else _bind_tcp(listener)
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on {listener}: {error.strerror or error}") from error
        self.address = _address(self._socket)
        self._inode = os.stat(listener.unix_path).st_ino if listener.unix_path is not None else None
        self._socket.setblocking(False)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._thread: threading.Thread | None = None

    def start(self, admit: Callable[[Door], bool], welcome: Callable[[socket.socket, Door], None]) -> None:
        """Accept in a thread of our own. `admit` waits for room (False: none comes), `welcome` takes over."""
        self._thread = threading.Thread(
            target=self._accept, args=(admit, welcome), name=f"accept {self.listener}", daemon=True
        )
        self._thread.start()

    def shut(self) -> None:
        """Accept nothing more; does not wait for the accepting thread."""
        self.open = False
        self._wake_writer.send(b"x")

    def close(self) -> None:
        """Shut and give the address up: afterwards a connect is refused. Once only."""
        self.shut()
        if self._thread is not None:
            self._thread.join()
        self._socket.close()
        self._wake_reader.close()
        self._wake_writer.close()
        self._remove_socket_file()

    def _accept(self, admit: Callable[[Door], bool], welcome: Callable[[socket.socket, Door], None]) -> None:
        ready = select.poll()
        ready.register(self._socket, select.POLLIN)
        ready.register(self._wake_reader, select.POLLIN)
        while self.open:
            ready.poll()
            if not self.open or not admit(self):
                continue
            try:
                accepted, _ = self._socket.accept()
            except OSError as error:
                if error.errno in _OUT_OF_DESCRIPTORS:
                    log.warning("cannot accept on %s: %s", self.listener, error)
                    self._pause()
                continue
            accepted.setblocking(True)
            welcome(accepted, self)

    def _pause(self) -> None:
        """Accepting again at once would fail again at once: wait for descriptors to come back."""
        woken = select.poll()
        woken.register(self._wake_reader, select.POLLIN)
        woken.poll(_RETRY_MS)

    def _remove_socket_file(self) -> None:
        path = self.listener.unix_path
        if path is None:
            return
        try:
            # A later server may have taken the path over: its file is not ours to remove.
            if os.stat(path).st_ino == self._inode:
                os.unlink(path)
        except OSError:
            pass


def _address(bound: socket.socket) -> Address:
    name = bound.getsockname()
    return name if isinstance(name, str) else (str(name[0]), int(name[1]))


def _bind_tcp(listener: Listener) -> socket.socket:
    found = socket.getaddrinfo(listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # `localhost` may name ::1 first, while most clients of a local server expect 127.0.0.1.
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _bind_unix(listener: Listener) -> socket.socket:
    path = listener.unix_path
    assert path is not None
    _remove_dead_socket(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(path)
        if listener.unix_mode is not None:
            os.chmod(path, listener.unix_mode)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _remove_dead_socket(path: str) -> None:
    """A killed server leaves its socket file, and bind refuses an existing file. One that answers is kept."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
