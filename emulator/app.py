"""COMPOSITION ROOT: the only module that knows all the others.

`build(config)` makes an Emulator: database, services, gateway, registry, engine, control. `Emulator.front` is the
one WSGI application behind every listener.
"""

from __future__ import annotations

import importlib
import logging
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import api_models
from api_models._generated.index import SERVICES as SERVICE_INDEX
from emulator.clock import Clock, SystemClock, kernel_clock
from emulator.config import Config
from emulator.control.faults import Faults
from emulator.control.housekeeping import chores_of
from emulator.control.parts import ControlParts, FurtherEngine
from emulator.control.plane import ControlPlane
from emulator.control.tasks.container_launch import Identity
from emulator.control.tasks.images import ImageFinder, ImageUnavailable
from emulator.control.tasks.log_delivery import LogDelivery, forget_unknown, sweep_expired
from emulator.data_dir import DataDir, is_dead_lock
from emulator.domain.ecr.image_reference import EcrRegistry
from emulator.domain.engines import DEFAULT_ADDRESS, LOCAL
from emulator.domain.region import partition_of
from emulator.engine.base import Engine, EngineError
from emulator.engine.outage import with_outages
from emulator.engine.pause import RELAY_ADDRESS, SocketRelay, TcpRelay
from emulator.front import Environ, Front, Lazily, StartResponse, Wsgi
from emulator.guard import Guard
from emulator.ids import Ids
from emulator.registry.auth import TokenSigner
from emulator.registry.blobs import BlobStore
from emulator.registry.collect import collect
from emulator.registry.image_signer import ImageSigner
from emulator.registry.naming import RegistryNaming
from emulator.registry.pull_through import Addresses, PullThroughCache, Wanted
from emulator.registry.scanners import scanner_of
from emulator.registry.uploads import Uploads
from emulator.registry.upstream import UpstreamError
from emulator.store import kept_clock, schema
from emulator.store.database import Database
from emulator.store.image_users import Naming
from emulator.store.log_events import LogEvents
from emulator.store.principals import known_deactivated, known_principal
from emulator.store.sealing import Sealer
from emulator.store.settings_table import SETTINGS, setting
from emulator.task_endpoints.caller import Callers
from emulator.wire.authenticate import Authenticator
from emulator.wire.call import Facts, Parts
from emulator.wire.gateway import Gateway, Observer
from emulator.wire.operations import Service, Services

_log = logging.getLogger("homeport")

SERVICES = tuple(SERVICE_INDEX)
"""Each has a package in `services/`."""


@dataclass(slots=True)
class Emulator:
    """Everything, assembled. `engine` and, by name, `engines` are the machines themselves, whatever outage is on.

    `start` begins to act; `close` lets go, leaving containers as they are.
    """

    config: Config
    clock: Clock
    ids: Ids
    data: DataDir
    database: Database
    log_events: LogEvents
    gateway: Gateway
    engine: Engine
    engines: Mapping[str, Engine]
    plane: ControlPlane
    faults: Faults
    front: Front
    blobs: BlobStore
    uploads: Uploads
    instance: str
    host_endpoint_port: int | None = None

    def wsgi(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return self.front(environ, start_response)

    def start(self) -> None:
        forget_unknown(self.database, self.log_events)
        self.plane.start(is_dead_lock)

    def reset(self) -> None:
        """As new: no container, network, record, image, log event or fault is left; the time is the machine's."""
        self.faults.clear(None)

        def forget() -> None:
            self.database.clear(keep=(SETTINGS,))
            self.log_events.clear()
            kept_clock.put_back(self.database, self.clock)
            self.plane.loop.look_at_all()
            collect(self.database, self.blobs, self.uploads, self.clock.now())

        self.plane.reset(forget)

    def close(self) -> None:
        self.faults.suspend()
        self.plane.close()
        if self.config.ephemeral:
            try:
                self.plane.remove_everything()
            except EngineError as error:
                _log.warning("what this run made is left to the next start of Homeport: %s", error)
        for one in self.plane.engines.all:
            one.engine.close()
        self.log_events.close()
        self.database.close()
        self.data.close()


def build(
    config: Config,
    *,
    clock: Clock | None = None,
    observer: Observer | None = None,
    engine: Engine | None = None,
    threaded: bool = True,
) -> Emulator:
    """Opens the data directory and puts every piece in its place; serves nothing and acts on nothing yet."""
    clock = clock or SystemClock()
    ids = Ids(config.seed)
    data = DataDir.open(config.data_dir, ephemeral=config.ephemeral)
    database = Database(data.path / "homeport.db", schema.TABLES, durable=not config.ephemeral)
    kept_clock.restore(database, clock)
    log_events = LogEvents(data.path / "logs.db", clock, durable=not config.ephemeral)
    instance = setting(database, "instance", lambda: data.instance or ids.hex(12))
    blobs = BlobStore(data.path / "registry")
    uploads = Uploads(blobs)
    signer = TokenSigner.kept_in(database, ids)
    sealer = Sealer.at(data.path / "keys" / "sealing.key")
    naming = RegistryNaming(config.port, config.default_account, config.default_region)
    delivery = LogDelivery(log_events, clock)
    host_port = _host_endpoint_port(config, database)
    machines = _engines(config, clock)
    machine = engine or machines[LOCAL]
    faults = Faults(clock, database, ids)
    engines = {name: with_outages(one, faults.outage) for name, one in {**machines, LOCAL: machine}.items()}
    engine = engines[LOCAL]
    cache = PullThroughCache(database, blobs, uploads, ids, sealer, _upstreams(config, signer, clock))
    gateway = Gateway(
        services=load_services(),
        database=database,
        clock=clock,
        ids=ids,
        facts=_facts(config),
        parts=Parts(database, log_events, blobs, uploads, cache, signer, sealer, naming),
        authenticator=Authenticator(
            config.default_account,
            config.auth_strict,
            config.keys,
            partial(known_principal, database),
            partial(known_deactivated, database) if config.enforce_iam else None,
        ),
        observer=observer,
        throttles=faults.throttles,
    )

    def password(where: EcrRegistry) -> str:
        principal = f"arn:aws:iam::{where.account}:root"
        return signer.issue(where.account, where.region, principal, clock.now())[0]

    def bring(where: EcrRegistry, repository: str, reference: str, architecture: str) -> None:
        wanted = Wanted(where.account, where.region, repository, reference)
        try:
            cache.bring_for_platform(wanted, architecture, clock.now())
        except UpstreamError as error:
            raise ImageUnavailable(str(error)) from error

    image_signer = ImageSigner(database, blobs, uploads, ids, sealer)
    own_names = Naming(f"localhost:{config.port}", EcrRegistry(config.default_account, config.default_region))
    images = ImageFinder(
        database,
        engine,
        blobs,
        own_host=f"localhost:{config.port}",
        password=password,
        now=clock.now,
        default=EcrRegistry(config.default_account, config.default_region),
        bring=bring,
    )
    plane = ControlPlane(
        ControlParts(
            clock=clock,
            ids=ids,
            database=database,
            engine=engine,
            images=images,
            sealer=sealer,
            delivery=delivery,
            identity=Identity(instance, ids.hex(8), data.lock_place if config.ephemeral else ""),
            faults=faults,
            vpc_cidr=config.vpc_cidr,
            bind_ip=config.bind_ip,
            allow_privileged=config.allow_privileged,
            allow_host_paths=config.allow_host_paths,
            s3_folder=config.s3_folder,
            relay=_relay(config, data),
            further=_further(config, data, engines),
            roles_must_exist=config.strict or config.enforce_iam,
            enforce_iam=config.enforce_iam,
            read_statistics=config.statistics,
            enforce_security_groups=config.enforce_security_groups,
            endpoint_in_task=f"http://{RELAY_ADDRESS}" if config.task_endpoint else None,
            endpoint_on_host=f"http://127.0.0.1:{host_port}" if host_port else None,
            scanner=scanner_of(blobs, config),
            signer=image_signer,
            redeploy_on_push=own_names if config.redeploy_on_push else None,
            chores={
                "expired log events": lambda now: sweep_expired(database, log_events, now),
                "unneeded layers": lambda now: collect(database, blobs, uploads, now),
                **chores_of(database),
            },
        ),
        threaded=threaded,
    )

    def registry() -> Wsgi:
        from emulator.registry.http import RegistryApp

        return RegistryApp(
            database,
            blobs,
            uploads,
            signer,
            clock,
            ids,
            default_account=config.default_account,
            default_region=config.default_region,
            strict=config.registry_strict_ecr,
            enforce_iam=config.enforce_iam,
            cache=cache,
        )

    def admin() -> Wsgi:
        from emulator.admin.paths import Admin
        from emulator.coverage import current_statuses

        pieces = (config, clock, database, log_events, engine, plane, naming, signer, image_signer)
        return Admin(*pieces, instance, ids, faults, emulator.reset, current_statuses).wsgi()

    callers = Callers(database, over_tcp=config.relay_host is not None)

    def task_endpoints() -> Wsgi:
        from emulator.task_endpoints import credentials, metadata, protection
        from emulator.task_endpoints.room import TaskEndpoints
        from emulator.task_endpoints.views import TaskViews

        views = TaskViews(database, plane.definitions, plane.engines.states, plane.engines.storage_mib, kernel_clock)
        return TaskEndpoints(
            clock,
            callers.task_id,
            [
                *metadata.routes(views, plane.engines.latest_statistics),
                *credentials.routes(database, clock, ids, plane.roles.assumable),
                *protection.routes(views, database, clock, ids, enforce_iam=config.enforce_iam),
            ],
        )

    def data_channel() -> Wsgi:
        from emulator.data_channel.room import DataChannel

        return DataChannel(plane.exec_sessions.open)

    def names() -> Wsgi:
        from emulator.task_endpoints.names import NameServer

        return NameServer(database, clock, ids, callers.task_id)

    # What Flask and werkzeug serve is put up when it is first asked for: the first answer comes sooner.
    front = Front(
        Guard(config.allowed_hosts),
        gateway,
        Lazily(registry),
        Lazily(admin),
        Lazily(task_endpoints),
        Lazily(data_channel),
        Lazily(names),
        callers.came_through_relay,
    )
    emulator = Emulator(
        config,
        clock,
        ids,
        data,
        database,
        log_events,
        gateway,
        machine,
        {**machines, LOCAL: machine},
        plane,
        faults,
        front,
        blobs,
        uploads,
        instance,
        host_port,
    )
    return emulator


def load_services() -> Services:
    """Every service, each loaded when it is first called; its functions' names are checked against its model then."""
    return Services({name: SERVICE_INDEX[name] for name in SERVICES}, load_service)


def load_service(name: str) -> Service:
    package = importlib.import_module(f"emulator.services.{name.replace('-', '_')}")
    return Service(api_models.load(name), package.MODULES, getattr(package, "AUTHORIZATION", None))


def _engines(config: Config, clock: Clock) -> dict[str, Engine]:
    """By name: Homeport's own, and those that the user named. Only the kind that is used is imported."""
    if config.engine == "simulated":
        from emulator.engine.simulated.engine import SimulatedEngine
        from emulator.engine.simulated.network import SimulatedSwarm

        if not config.engine_endpoints:
            return {LOCAL: SimulatedEngine(clock)}
        swarm, names = SimulatedSwarm(), [LOCAL, *(endpoint.name for endpoint in config.engine_endpoints)]
        return {name: SimulatedEngine(clock, swarm=swarm, swarm_node=name) for name in names}
    from emulator.engine.docker.engine import DockerEngine

    addresses = {LOCAL: config.docker_host or DEFAULT_ADDRESS, **{e.name: e.url for e in config.engine_endpoints}}
    return {name: DockerEngine(clock, address) for name, address in addresses.items()}


def _further(config: Config, data: DataDir, engines: dict[str, Engine]) -> dict[str, FurtherEngine]:
    """The engines that the user named. Files of ours can be mounted where the engine's socket is one of this host."""
    relay = _relay(config, data)
    return {
        e.name: FurtherEngine(engines[e.name], relay, config.allow_host_paths if e.on_this_host else ())
        for e in config.engine_endpoints
    }


def _upstreams(config: Config, signer: TokenSigner, clock: Clock) -> Addresses:
    def own_credentials(account: str, region: str) -> tuple[str, str]:
        principal = f"arn:{partition_of(region)}:iam::{account}:root"
        return "AWS", signer.issue(account, region, principal, clock.now())[0]

    return Addresses(dict(config.upstream_registries), f"http://127.0.0.1:{config.port}", own_credentials)


def _facts(config: Config) -> Facts:
    return Facts(
        endpoint=config.endpoint,
        strict=config.strict,
        default_account=config.default_account,
        default_region=config.default_region,
        allow_privileged=config.allow_privileged,
        allow_host_network=config.allow_host_network,
        allow_host_paths=config.allow_host_paths,
        s3_folder=config.s3_folder is not None,
        engine_kind=config.engine,
        registry_strict_ecr=config.registry_strict_ecr,
        enforce_iam=config.enforce_iam,
        enforce_security_groups=config.enforce_security_groups,
    )


def _relay(config: Config, data: DataDir) -> SocketRelay | TcpRelay | None:
    """How tasks reach us: a unix socket in a directory that is mounted into the pause container, or TCP."""
    if not config.task_endpoint:
        return None
    if config.relay_host is not None:
        host, _, port = config.relay_host.rpartition(":")
        return TcpRelay(host, int(port))
    return SocketRelay(config.relay_volume or str(data.relay_directory))


def _host_endpoint_port(config: Config, database: Database) -> int | None:
    """Where tasks in host mode find their endpoints, at every start the same: it is in their environment."""
    if not (config.allow_host_network and config.task_endpoint):
        return None

    def free() -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return str(probe.getsockname()[1])

    return int(setting(database, "host-endpoint-port", free))
