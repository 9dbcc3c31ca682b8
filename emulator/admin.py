"""Admin at `/_emulator/`: health, reset, the clock, explain. What `homeport` the command asks over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from flask import Flask, Response, request

from emulator.clock import Clock, SystemClock
from emulator.config import Config
from emulator.control.plane import ControlPlane
from emulator.engine.base import Engine, EngineError
from emulator.store.database import Database
from emulator.store.log_events import LogEvents


class Admin:
    """A small Flask application over the pieces it shows."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        database: Database,
        log_events: LogEvents,
        engine: Engine,
        plane: ControlPlane,
        instance: str,
    ) -> None:
        self._config = config
        self._clock = clock
        self._database = database
        self._log_events = log_events
        self._engine = engine
        self._plane = plane
        self._instance = instance
        self._app = Flask("homeport.admin", static_folder=None)
        self._app.add_url_rule("/_emulator/health", view_func=self.health, methods=["GET"])
        self._app.add_url_rule("/_emulator/reset", view_func=self.reset, methods=["POST"])
        self._app.add_url_rule("/_emulator/clock", view_func=self.clock, methods=["GET", "POST"])

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self._app.wsgi_app(environ, start_response)

    def health(self) -> Response:
        """Who we are and whether an engine answers."""
        try:
            info = self._engine.info()
            engine: dict[str, Any] = {"status": "ok", "kind": info.kind, "version": info.version}
        except EngineError as error:
            engine = {"status": "unavailable", "error": str(error)}
        body = {"status": "ok", "instance": self._instance, "endpoint": self._config.endpoint, "engine": engine}
        return _json(body)

    def reset(self) -> Response:
        """Removes every container, network and record."""
        self._plane.remove_everything()
        self._database.clear()
        self._log_events.clear()
        return _json({"status": "reset"})

    def clock(self) -> Response:
        """GET: the time; POST {"advance": seconds}: moves it, timer by timer (D15)."""
        if request.method == "POST":
            body = request.get_json(silent=True) or {}
            seconds = body.get("advance")
            if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds < 0:
                return _json({"error": 'expected {"advance": seconds}'}, 400)
            if not isinstance(self._clock, SystemClock):
                return _json({"error": "this clock cannot be moved"}, 400)
            self._plane.advance(float(seconds), self._clock.advance)
        return _json({"now": self._clock.now()})


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body) + b"\n", status, content_type="application/json")
