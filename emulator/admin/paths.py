"""Admin at `/_emulator/`: health, status, reset, the clock, explain, logs: what the command `homeport` asks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from flask import Flask, Response, request

from emulator.admin.event_list import BadQuestion, event_lines
from emulator.admin.explain import NothingToExplain, explain, plans
from emulator.admin.image_list import image_list, image_packages
from emulator.admin.status import log_streams, status
from emulator.admin.vantage import Vantages
from emulator.clock import Clock, SystemClock
from emulator.config import Config
from emulator.control.capacity.instances import CannotAdd, add_instances, on_engine, wanted_from, warnings_of
from emulator.control.exec.exec_sessions import NoSession
from emulator.control.faults import Faults
from emulator.control.plane import ControlPlane
from emulator.control.service_scheduler.alarms import NoAlarm, alarm_state, all_alarms, shown
from emulator.domain.ecr.image import registry_host
from emulator.domain.ecr.image_reference import EcrRegistry
from emulator.domain.ecr.public_registry import PUBLIC
from emulator.domain.fault_request import BadFault
from emulator.domain.fault_shape import fault_shape
from emulator.domain.faults import Fault
from emulator.engine.base import Engine, EngineError, EngineInfo
from emulator.ids import Ids
from emulator.registry.address import Addressing
from emulator.registry.auth import TokenSigner
from emulator.registry.image_signer import ImageSigner
from emulator.registry.naming import RegistryNaming
from emulator.registry.repository import find_image
from emulator.store import kept_clock
from emulator.store.database import CannotWrite, Database
from emulator.store.ecr_tables import REPOSITORIES
from emulator.store.ecs_tables import ALARM_STATES
from emulator.store.image_users import Naming
from emulator.store.log_events import LogEvents

FOLLOW_POLL_S = 2.0
FURTHEST_S = 300 * 365.25 * 86_400


@dataclass(slots=True)
class Admin:
    """A small Flask application over the pieces it shows. `reset_all` is the emulator's own, `operation_statuses`
    the coverage table's."""

    config: Config
    clock: Clock
    database: Database
    log_events: LogEvents
    engine: Engine
    plane: ControlPlane
    naming: RegistryNaming
    signer: TokenSigner
    image_signer: ImageSigner
    instance: str
    ids: Ids
    faults_on_demand: Faults
    reset_all: Callable[[], None]
    operation_statuses: Callable[[], dict[str, dict[str, str]]]

    def wsgi(self) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
        app = Flask("homeport.admin", static_folder=None)
        for rule, view, methods in (
            ("health", self.health, ["GET"]),
            ("status", self.status, ["GET"]),
            ("reset", self.reset, ["POST"]),
            ("clock", self.move_clock, ["GET", "POST"]),
            ("explain", self.explain, ["GET"]),
            ("plan", self.plan, ["GET"]),
            ("alarms", self.alarms, ["GET", "POST"]),
            ("images", self.images, ["GET"]),
            ("images/packages", self.packages, ["GET"]),
            ("signing-root", self.signing_root, ["GET"]),
            ("registry-token", self.registry_token, ["POST"]),
            ("coverage", self.coverage, ["GET"]),
            ("hosts", self.hosts, ["GET"]),
            ("logs", self.logs, ["GET"]),
            ("instances", self.add_instances, ["POST"]),
            ("events", self.events, ["GET"]),
            ("faults", self.faults, ["GET", "POST", "DELETE"]),
            ("faults/<path:fault_id>", self.clear_fault, ["DELETE"]),
            ("exec", self.exec, ["POST"]),
            ("exec/<session_id>", self.exec_result, ["GET"]),
        ):
            app.add_url_rule(f"/_emulator/{rule}", endpoint=rule.replace("/", "-"), view_func=view, methods=methods)
        app.register_error_handler(CannotWrite, lambda error: _json({"error": str(error)}, 503))
        app.register_error_handler(EngineError, lambda error: _json({"error": str(error)}, 503))
        app.register_error_handler(TimeoutError, lambda error: _json({"error": str(error)}, 504))
        app.register_error_handler(404, lambda _: _json({"error": "no such admin path"}, 404))
        app.register_error_handler(405, lambda _: _json({"error": "this path takes another method"}, 405))
        wsgi: Callable[[dict[str, Any], Any], Iterable[bytes]] = app.wsgi_app
        return wsgi

    def health(self) -> Response:
        """Who we are, whether an engine answers, and whether limits are a task's or each container's."""
        try:
            info = self.engine.info()
            limits = self.plane.limits.prospect()
            engine: dict[str, Any] = {
                "status": "ok",
                "kind": info.kind,
                "version": info.version,
                "limits": {"level": limits.level, "because": limits.because},
            }
        except EngineError as error:
            engine = {"status": "unavailable", "error": str(error)}
        body = {"status": "ok", "instance": self.instance, "endpoint": self.config.endpoint, "engine": engine}
        if self.config.engine_endpoints:
            body["engines"] = {e.name: {"url": e.url, **self._answering(e.name)} for e in self.config.engine_endpoints}
        return _json(body)

    def _answering(self, name: str) -> dict[str, str]:
        """Whether a further engine answers, as of the last look at it."""
        one = self.plane.engines.named(name)
        return {"status": "ok" if one is not None and one.watch.sight(()).trusted else "unavailable"}

    def status(self) -> Response:
        """Clusters, services, tasks and how to reach them, repositories."""
        with self.database.read() as reader:
            return _json(status(reader, self.naming, Vantages(self.config), self.plane))

    def exec(self) -> Response:
        """A session with a container of a running task, whether or not its API would give one: this is the user's own
        machine. `{"task", "container"?, "command", "interactive"}`; the answer has the session's id, URL and token."""
        asked = _asked()
        try:
            opened = self.plane.exec_sessions.make(asked)
        except NoSession as error:
            return _json({"error": str(error)}, 400)
        return _json({"sessionId": opened.id, "tokenValue": opened.token, "path": f"/v1/data-channel/{opened.id}"})

    def exec_result(self, session_id: str) -> Response:
        """How a session ended: its exit code, if it has one, and why."""
        record = self.plane.exec_sessions.record(session_id)
        if record is None:
            return _json({"error": "no such session"}, 404)
        return _json({"ended": record.ended_at is not None, "exitCode": record.exit_code, "reason": record.reason})

    def signing_root(self) -> Response:
        """The certificate that signatures of images are verified with, in PEM."""
        return Response(self.image_signer.root_certificate(self.clock.now()), mimetype="application/x-pem-file")

    def reset(self) -> Response:
        """Removes every container, network, record, image and log event of this emulator."""
        self.reset_all()
        return _json({"status": "reset"})

    def add_instances(self) -> Response:
        """Virtual hosts for tasks: `{"type": "t3.medium", "zone": "a", "cluster"?, "count"?, "region"?}`."""
        asked = _asked()
        config = self.config
        try:
            wanted = wanted_from(asked, config.default_account, config.default_region)
            wanted = on_engine(wanted, config.engine_endpoints)
            info = self._engine_info(wanted.engine)
            with self.database.write() as tx:
                added = add_instances(
                    tx,
                    wanted,
                    now=self.clock.now(),
                    ids=self.ids,
                    engine=info,
                    privileged=config.allow_privileged,
                )
        except CannotAdd as error:
            return _json({"error": str(error)}, 400)
        shown = [{"arn": i.arn, "ec2InstanceId": i.ec2_instance_id, "zone": i.zone} for i in added]
        return _json({"instances": shown, "warnings": warnings_of(wanted, info)})

    def events(self) -> Response:
        """What EventBridge would have been told, one event a line: `?of=...&type=...&count=100&follow=1`."""
        try:
            lines = event_lines(self.database, request.args)
        except BadQuestion as error:
            return _json({"error": str(error)}, 400)
        return Response(lines, content_type="application/x-ndjson")

    def faults(self) -> Response:
        """GET: faults on demand, those that are over too; POST: adds one (domain/fault_request.py says what there is);
        DELETE: clears all."""
        if request.method == "DELETE":
            return _cleared(*self.faults_on_demand.clear(None))
        if request.method == "POST":
            asked = _asked()
            where = {"account": self.config.default_account, "region": self.config.default_region}
            try:
                added = self.faults_on_demand.add(asked, **where)
            except BadFault as error:
                return _json({"error": str(error)}, 400)
            return _json({"faults": [fault_shape(added, self.clock.now())]}, 201)
        now = self.clock.now()
        return _json({"faults": [fault_shape(fault, now) for fault in self.faults_on_demand.listed()]})

    def clear_fault(self, fault_id: str) -> Response:
        cleared, over = self.faults_on_demand.clear(fault_id)
        if not cleared and not over:
            return _json({"error": f"there is no fault {fault_id}"}, 404)
        return _cleared(cleared, over)

    def _engine_info(self, name: str) -> EngineInfo | None:
        one = self.plane.engines.named(name)
        try:
            return one.engine.info() if one is not None else None
        except EngineError:
            return None

    def move_clock(self) -> Response:
        """GET: the time, and how many seconds it is ahead of the machine's; POST {"advance": seconds}: moves it, timer
        by timer (D15)."""
        if request.method == "POST":
            seconds = _asked().get("advance")
            if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds < math.inf:
                return _json({"error": 'expected {"advance": seconds}'}, 400)
            if not isinstance(self.clock, SystemClock):
                return _json({"error": "this clock cannot be moved"}, 400)
            if self.clock.offset_s + seconds > FURTHEST_S:
                return _json({"error": "the clock goes at most 300 years ahead"}, 400)
            self.plane.advance(float(seconds), partial(kept_clock.advance, self.database, self.clock))
        offset = self.clock.offset_s if isinstance(self.clock, SystemClock) else 0.0
        return _json({"now": self.clock.now(), "ahead": offset})

    def explain(self, *only: str) -> Response:
        """Why a task or a service, `?subject=`, is where it is."""
        try:
            subject, vantage = request.args.get("subject", ""), Vantages(self.config).of
            found = explain(self.database, self.plane, subject, self.clock.now(), vantage)
        except NothingToExplain as error:
            return _json({"error": str(error)}, 404)
        return _json({name: found[name] for name in only or found})

    def plan(self) -> Response:
        """What the next look at it would do; without `?subject=`, what the next tick would."""
        if not request.args.get("subject"):
            return _json(plans(self.database, self.plane, self.clock.now()))
        return self.explain("subject", "because", "actions", "waits", "nextLook")

    def alarms(self) -> Response:
        """GET: the states of CloudWatch alarms; POST: sets one, which deployments that it watches see at once."""
        if request.method == "POST":
            asked = _asked()
            account, region = self.config.default_account, self.config.default_region
            try:
                alarm = alarm_state(asked, account=account, region=region, now=self.clock.now())
            except NoAlarm as error:
                return _json({"error": str(error)}, 400)
            with self.database.write() as tx:
                tx.put(ALARM_STATES, alarm)
        return _json({"alarms": [shown(alarm) for alarm in all_alarms(self.database)]})

    def images(self) -> Response:
        """Of all repositories, or of `?repository=`: tags, digests, sizes, scans, and who uses them."""
        default = EcrRegistry(self.config.default_account, self.config.default_region)
        references = Naming(f"localhost:{self.config.port}", default)
        with self.database.read() as reader:
            return _json(image_list(reader, self.naming, references, request.args.get("repository", "")))

    def packages(self) -> Response:
        """What the last scan found in the image that `?repository=`, a path on localhost, and `&reference=` name."""
        path, reference = request.args.get("repository", ""), request.args.get("reference") or "latest"
        place = Addressing(self.config.default_account, self.config.default_region).place("localhost", path)
        with self.database.read() as reader:
            repository = reader.get(REPOSITORIES, place.account, place.region, place.name) if place.valid else None
            image = None if repository is None else find_image(reader, repository, reference)
            if image is None:
                return _json({"error": f"there is no image {path}:{reference}"}, 404)
            return _json(image_packages(reader, image))

    def registry_token(self) -> Response:
        """The password of a token for the registry that `{"repository"}`, a path on localhost, lies in: this is the
        user's own machine."""
        asked = _asked()
        path = asked.get("repository")
        place = Addressing(self.config.default_account, self.config.default_region).place("localhost", str(path))
        if path is None or not place.valid:
            return _json({"error": f"{path!r} is no repository's name"}, 400)
        principal = f"arn:aws:iam::{place.account}:root"
        return _json({"password": self.signer.issue(place.account, place.region, principal, self.clock.now())[0]})

    def coverage(self) -> Response:
        """What each operation does: `{service: {operation: acts | stores | refused}}`."""
        return _json(self.operation_statuses())

    def hosts(self) -> Response:
        """The hosts lines with which AWS's registry names lead here: the default one, and those with repositories."""
        with self.database.read() as reader:
            known = {(r.account, r.region) for r in reader.find(REPOSITORIES) if r.region != PUBLIC}
        known.add((self.config.default_account, self.config.default_region))
        return _json({"lines": [f"127.0.0.1 {registry_host(*where)}" for where in sorted(known)]})

    def logs(self) -> Response:
        """Lines of a group, a task or a service as they come: `?of=...&follow=1`."""
        with self.database.read() as reader:
            found = log_streams(reader, request.args.get("of", ""))
        if found is None:
            return _json({"error": f"there is no log group or stream of {request.args.get('of', '')!r}"}, 404)
        group_id, stream_ids = found
        lines = self._lines(request.args["of"], group_id, stream_ids, request.args.get("follow") == "1")
        return Response(lines, content_type="text/plain; charset=utf-8")

    def _lines(self, of: str, group_id: str, stream_ids: list[str] | None, follow: bool) -> Iterator[bytes]:
        """What is there, then what comes; a service's new tasks are taken in at every turn."""
        sequence = 0
        self.log_events.flush()
        while True:
            follower = self.log_events.follow(group_id, stream_ids, after=sequence)
            events = follower.next(FOLLOW_POLL_S if follow else 0.0)
            sequence = follower.sequence
            if not events and (not follow or self.log_events.ending):
                return
            yield b"".join(event.message.encode() + b"\n" for event in events)
            with self.database.read() as reader:
                group_id, stream_ids = log_streams(reader, of) or (group_id, stream_ids)


def _asked() -> dict[str, Any]:
    """The body; empty when it is no JSON object."""
    try:
        asked = request.get_json(force=True, silent=True)
    except RecursionError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _cleared(cleared: list[Fault], over: list[Fault]) -> Response:
    """`over`: those that had ended before, and are no longer listed."""
    return _json({"cleared": [fault.id for fault in cleared], "over": [fault.id for fault in over]})


def _json(body: object, status_code: int = 200) -> Response:
    return Response(msgspec.json.encode(body) + b"\n", status_code, content_type="application/json")
