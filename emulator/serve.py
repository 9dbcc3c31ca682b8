"""The HTTP server: listeners, threads, shutdown. Nothing else in Homeport knows which server it is.

A threaded WSGI server (PEP 3333), one thread per connection, HTTP/1.0 and 1.1. Decides when connections are
taken and ended; what is said on them is decided in `emulator.serving`. Must not know the application.

Why not a ready-made one: bodies of gigabytes must stream in both directions (readinto, sendfile), plain HTTP
and TLS share a port, event streams hold a thread each, and unix sockets are served next to TCP. No threaded
server on PyPI does all of it; `benchmarks/http_server.py` shows what it gains on small requests.

    server = Server(app, [Listener(port=4566), Listener(unix_path="run/tasks.sock")])
    server.start()
    server.wait()
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Sequence
from wsgiref.types import WSGIApplication

from emulator.clock import Clock, SystemClock
from emulator.serving.admission import Admission
from emulator.serving.channel import ClientGone, ClientTooSlow
from emulator.serving.connection import Connection, Patience
from emulator.serving.dates import DateLine
from emulator.serving.files import FileSlice
from emulator.serving.listeners import Address, Door, Listener
from emulator.serving.refusal import MalformedBody

__all__ = ["Address", "ClientGone", "ClientTooSlow", "FileSlice", "Listener", "MalformedBody", "Server"]

log = logging.getLogger(__name__)

_ABORT_S = 1.0  # how long threads may take to notice that their sockets were shut


class Server:
    """Serves one WSGI application on any number of listeners, in daemon threads. Not restartable.

    max_connections: at the limit the longest idle connection is closed for a new one.
    idle_timeout_s: between two requests, and between two pieces of a body. head_timeout_s: for a whole head.
    """

    def __init__(
        self,
        app: WSGIApplication,
        listeners: Sequence[Listener],
        *,
        max_connections: int = 1024,
        idle_timeout_s: float = 75.0,
        head_timeout_s: float = 30.0,
        handshake_timeout_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        self._app = app
        self._listeners = list(listeners)
        self._patience = Patience(idle_timeout_s, head_timeout_s, handshake_timeout_s)
        self._date = DateLine(clock or SystemClock())
        self._admission = Admission(max_connections)
        self._doors: list[Door] = []
        self._lock = threading.Lock()
        self._started = False
        self._stopping = False
        self._stopped = threading.Event()

    @property
    def addresses(self) -> list[Address]:
        """What is bound, in the order of the listeners: (host, port), or the path of a unix socket."""
        with self._lock:
            return [door.address for door in self._doors]

    def start(self) -> None:
        """Bind every listener and serve. Raises OSError if one cannot be bound; then none is left bound."""
        with self._lock:
            if self._started:
                raise RuntimeError("the server was started before")
            doors: list[Door] = []
            try:
                for listener in self._listeners:
                    doors.append(Door(listener))
            except OSError:
                for door in doors:
                    door.close()
                raise
            self._started = True
            self._doors = doors
            for door in doors:
                door.start(self._admission.wait_for_room, self._welcome)

    def add_listener(self, listener: Listener) -> Address:
        """Serve another address from now on. Returns what was bound; raises OSError when it cannot be."""
        with self._lock:
            if not self._started or self._stopping:
                raise RuntimeError("the server is not running")
            door = Door(listener)
            self._doors.append(door)
            door.start(self._admission.wait_for_room, self._welcome)
            return door.address

    def remove_listener(self, listener: Listener) -> None:
        """Serve an address no longer: running requests end, idle connections are closed.

        Raises ValueError when it is not being served.
        """
        with self._lock:
            door = next((door for door in self._doors if door.listener == listener), None)
            if door is None:
                raise ValueError(f"not listening on {listener}")
            self._doors.remove(door)
        self._close([door])
        self._admission.wake_idle(door)

    def stop(self, grace_s: float = 2.0) -> None:
        """Accept nothing more, close idle connections at once, cut running requests after `grace_s`.

        Returns when all is done. A request that calls this is not waited for. May be called twice.
        """
        with self._lock:
            if self._stopping:
                doors = None
            else:
                doors, self._doors, self._stopping = self._doors, [], True
        if doors is None:
            self._stopped.wait(grace_s + _ABORT_S)
            return
        self._close(doors)
        self._admission.wake_idle()
        if not self._admission.wait_until_empty(grace_s):
            cut = self._admission.abort_all()
            log.info("%d requests were still running after %s s and were cut off", cut, grace_s)
            if not self._admission.wait_until_empty(_ABORT_S):
                log.warning("some requests did not notice that their clients were cut off")
        self._stopped.set()

    def wait(self) -> None:
        """Block until the server has been stopped."""
        self._stopped.wait()

    def _close(self, doors: list[Door]) -> None:
        for door in doors:
            door.shut()
        self._admission.announce_closed()
        for door in doors:
            door.close()

    def _welcome(self, sock: socket.socket, door: Door) -> None:
        """Called in an accepting thread: hand the socket to a thread of its own."""
        try:
            connection = Connection(sock, door, self._app, self._patience, self._date)
            thread = threading.Thread(target=self._run, args=(connection,), name="http", daemon=True)
            self._admission.enter(connection, thread)
        except OSError:
            sock.close()
            return
        try:
            thread.start()
        except RuntimeError as error:
            log.warning("no thread for a connection to %s: %s", door.listener, error)
            self._admission.leave(connection)
            sock.close()

    def _run(self, connection: Connection) -> None:
        try:
            connection.run()
        except Exception:
            log.exception("a connection to %s failed", connection.door.listener)
        finally:
            self._admission.leave(connection)
