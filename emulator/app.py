"""COMPOSITION ROOT: the only module that knows all the others.

`build(config)` makes an Emulator: database, services, gateway, registry, control. `Emulator.wsgi` is the one
application behind every listener: AWS APIs at `/`, the registry at `/v2/`, admin at `/_emulator/`.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import api_models
from emulator.clock import Clock, SystemClock
from emulator.config import Config
from emulator.guard import Guard
from emulator.ids import Ids
from emulator.store import schema
from emulator.store.database import Database
from emulator.store.principals import principal_finder
from emulator.store.sealing import Sealer
from emulator.store.log_events import LogEvents
from emulator.wire.authenticate import Authenticator
from emulator.wire.call import Facts, Parts
from emulator.wire.gateway import Gateway, Observer
from emulator.wire.operations import Service
from emulator.wire.request import HttpRequest

_log = logging.getLogger("homeport")

SERVICES = ("ecs", "iam", "logs", "secretsmanager", "ssm", "sts")

StartResponse = Callable[..., Any]
Environ = dict[str, Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_REASONS = {
    200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 413: "Content Too Large",
    500: "Internal Server Error",
}  # fmt: skip


@dataclass(slots=True)
class Emulator:
    """Everything, assembled."""

    config: Config
    clock: Clock
    ids: Ids
    database: Database
    log_events: LogEvents
    gateway: Gateway
    guard: Guard

    def wsgi(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Guards, then sends the request to the room its path names."""
        refusal = self.guard.refusal(environ)
        if refusal is not None:
            return _plain(start_response, 403, refusal)
        return self._api(environ, start_response)

    def _api(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        response = self.gateway.handle(_request(environ))
        headers = [*response.headers, ("Content-Length", str(len(response.body)))]
        start_response(f"{response.status} {_REASONS.get(response.status, 'Error')}", headers)
        return [response.body]

    def close(self) -> None:
        self.log_events.close()
        self.database.close()


def build(config: Config, *, clock: Clock | None = None, observer: Observer | None = None) -> Emulator:
    """Opens the data directory and puts every piece in its place; serves nothing yet."""
    clock = clock or SystemClock()
    ids = Ids(config.seed)
    config.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(config.data_dir / "homeport.db", schema.TABLES)
    facts = Facts(
        endpoint=config.endpoint,
        strict=config.strict,
        default_account=config.default_account,
        default_region=config.default_region,
        allow_privileged=config.allow_privileged,
        allow_host_paths=config.allow_host_paths,
        engine_kind=config.engine,
    )
    log_events = LogEvents(config.data_dir / "logs.db", clock)
    parts = Parts(database, log_events, Sealer.at(config.data_dir / "sealing.key"))
    gateway = Gateway(
        services=load_services(),
        database=database,
        clock=clock,
        ids=ids,
        facts=facts,
        parts=parts,
        authenticator=Authenticator(
            config.default_account, config.auth_strict, config.keys, principal_finder(database)
        ),
        observer=observer,
    )
    return Emulator(config, clock, ids, database, log_events, gateway, Guard(config.allowed_hosts))


def load_services() -> dict[str, Service]:
    """Every service's functions, checked against its model's names."""
    return {
        name: Service(api_models.load(name), importlib.import_module(f"emulator.services.{name}").MODULES)
        for name in SERVICES
    }


def _request(environ: Environ) -> HttpRequest:
    def header(name: str) -> str | None:
        key = name.upper().replace("-", "_")
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            return environ.get(key) or None
        value: str | None = environ.get(f"HTTP_{key}")
        return value

    def read_body(limit: int) -> bytes:
        length = environ.get("CONTENT_LENGTH")
        wanted = limit + 1 if not length else min(int(length), limit + 1)
        body: bytes = environ["wsgi.input"].read(wanted) if wanted else b""
        return body

    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "/"),
        query=environ.get("QUERY_STRING", ""),
        header=header,
        read_body=read_body,
        remote_address=environ.get("REMOTE_ADDR", ""),
    )


def _plain(start_response: StartResponse, status: int, text: str) -> Iterable[bytes]:
    body = text.encode() + b"\n"
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(f"{status} {_REASONS[status]}", headers)
    return [body]
