"""Service Connect as tasks have it: which names they know, and what their proxies are told as tasks come and go."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.admin.explain import explain
from emulator.app import build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.control.discovery.service_connect import CannotConnect
from emulator.domain.tasks.task import Task
from emulator.engine.base import EngineUnavailable
from emulator.store.ecs_tables import SERVICES, TASKS
from tests.conftest import aws_of, observe
from tests.control.world import NETWORK, World, container, health_check

PORT = {"name": "http", "containerPort": 8080, "appProtocol": "http"}


def service_connect(*aliases: tuple[str, int], **members: Any) -> dict[str, Any]:
    """A configuration that offers the port `http` under each alias's name (there is at most one), or nothing."""
    services = []
    for name, port in aliases:
        alias = {"dnsName": name, "port": port}
        services.append({"portName": "http", "discoveryName": f"d-{name}", "clientAliases": [alias], **members})
    return {"enabled": True, "namespace": "shop", "services": services}


@pytest.fixture
def shop(world: World) -> World:
    return prepared(world)


def prepared(world: World) -> World:
    world.aws("servicediscovery").create_http_namespace(Name="shop")
    world.settle()
    world.image()
    world.define(container(portMappings=[PORT]))
    return world


def create(world: World, name: str, *aliases: tuple[str, int], count: int = 1, **members: Any) -> None:
    world.ecs.create_service(
        serviceName=name,
        taskDefinition="web",
        desiredCount=count,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        serviceConnectConfiguration=service_connect(*aliases),
        **members,
    )
    world.settle()


def tasks(world: World, service: str) -> list[Task]:
    """Running ones, by id."""
    with world.emulator.database.read() as reader:
        found = [t for t in reader.find(TASKS) if t.service == service and t.desired_status == "RUNNING"]
    return sorted(found, key=lambda task: task.id)


def addresses(world: World, service: str) -> list[str]:
    found = [task.eni.private_ip for task in tasks(world, service) if task.eni is not None]
    return [address for address in found if address]


def told(world: World, task: Task) -> dict[str, list[str]]:
    """What its proxy knows: the alias's name to its endpoints."""
    assert task.pause_id is not None
    lines = [line.split(" ") for line in world.engine.aliases(task.pause_id) or ()]
    return {words[4]: words[5:] for words in lines}


def hosts(world: World, task: Task) -> dict[str, str]:
    assert task.pause_id is not None
    return dict(world.engine.spec(task.pause_id).extra_hosts)


def instances(world: World, discovery: str) -> dict[str, str]:
    """Cloud Map's instances of an endpoint: id to address."""
    cloud_map = world.aws("servicediscovery")
    found = [s for s in cloud_map.list_services()["Services"] if s["Name"] == discovery]
    listed = cloud_map.list_instances(ServiceId=found[0]["Id"])["Instances"] if found else []
    return {each["Id"]: each["Attributes"]["AWS_INSTANCE_IPV4"] for each in listed}


def test_a_client_names_what_was_there_when_its_deployment_began(shop: World) -> None:
    create(shop, "api", ("api", 80), count=2)
    create(shop, "client")
    (client,) = tasks(shop, "client")
    assert hosts(shop, client) == {"api": "127.255.0.1"}
    assert told(shop, client) == {"api": [f"{address}:8080" for address in addresses(shop, "api")]}
    create(shop, "late", ("late", 80))
    shop.pass_time(60)
    assert told(shop, client).keys() == {"api"}
    shop.ecs.update_service(service="client", forceNewDeployment=True)
    shop.pass_time(120)
    (client,) = tasks(shop, "client")
    assert hosts(shop, client) == {"api": "127.255.0.1", "late": "127.255.0.2"}
    assert told(shop, client)["late"] == [f"{addresses(shop, 'late')[0]}:8080"]


def test_the_proxy_follows_tasks_that_come_and_go_and_so_does_cloud_map(shop: World) -> None:
    create(shop, "api", ("api", 80), count=2)
    create(shop, "client")
    (client,) = tasks(shop, "client")
    shop.ecs.update_service(service="api", desiredCount=3)
    shop.pass_time(30)
    assert len(addresses(shop, "api")) == 3
    assert told(shop, client)["api"] == [f"{address}:8080" for address in addresses(shop, "api")]
    assert instances(shop, "d-api") == {t.id: t.eni.private_ip for t in tasks(shop, "api") if t.eni}
    gone = tasks(shop, "api")[0]
    shop.ecs.stop_task(task=gone.arn)
    shop.pass_time(30)
    assert gone.id not in instances(shop, "d-api")
    assert told(shop, client)["api"] == [f"{address}:8080" for address in addresses(shop, "api")]
    shop.ecs.delete_service(service="api", force=True)
    shop.pass_time(60)
    assert told(shop, client) == {"api": []}
    assert instances(shop, "d-api") == {}
    assert shop.aws("servicediscovery").list_services()["Services"] == []


def test_a_task_is_told_before_its_first_container_starts(shop: World) -> None:
    create(shop, "api", ("api", 80))
    seen: list[str] = []
    shop.engine.on_call = lambda when, call, _: seen.append(call) if when == "before" else None
    create(shop, "client")
    starts = [index for index, call in enumerate(seen) if call == "start_container"]
    assert starts[0] < seen.index("run_in_container") < starts[1]


def test_only_healthy_tasks_answer(shop: World) -> None:
    shop.define(container(portMappings=[PORT], healthCheck=health_check()))
    create(shop, "api", ("api", 80))
    create(shop, "client")
    (client,), (server,) = tasks(shop, "client"), tasks(shop, "api")
    assert server.last_status == "RUNNING" and server.health_status == "UNKNOWN"
    assert told(shop, client) == {"api": []}
    shop.pass_time(10)
    assert tasks(shop, "api")[0].health_status == "HEALTHY"
    assert told(shop, client) == {"api": [f"{addresses(shop, 'api')[0]}:8080"]}


def runs(world: World) -> list[str]:
    """Which commands are run in containers from now on."""
    seen: list[str] = []
    world.engine.on_call = lambda when, call, _: (
        seen.append(call) if (when, call) == ("before", "run_in_container") else None
    )
    return seen


def test_nothing_is_told_twice_and_everything_again_after_a_restart(config: Config, clock: VirtualClock) -> None:
    emulator = build(config, clock=clock, threaded=False, observer=observe)
    emulator.start()
    shop = World(emulator, clock, aws_of(emulator))
    shop.cluster()
    prepared(shop)
    create(shop, "api", ("api", 80))
    create(shop, "client")
    seen = runs(shop)
    with emulator.database.write() as tx:
        for service in tx.find(SERVICES):
            tx.put(SERVICES, service)
    shop.settle()
    assert seen == []
    emulator.close()
    again = build(config, clock=clock, engine=shop.engine, threaded=False)
    again.start()
    again.plane.settle()
    again.close()
    assert len(seen) == 2, "the proxies of both tasks"


def test_an_engine_that_is_away_is_told_later(shop: World) -> None:
    create(shop, "api", ("api", 80))
    create(shop, "client")
    shop.engine.fail("run_in_container", EngineUnavailable("away"), EngineUnavailable("away"))
    shop.ecs.stop_task(task=tasks(shop, "api")[0].arn)
    shop.pass_time(60)
    assert told(shop, tasks(shop, "client")[0]) == {"api": [f"{addresses(shop, 'api')[0]}:8080"]}


def test_a_task_whose_proxy_takes_nothing_does_not_run(shop: World) -> None:
    shop.engine.fail("run_in_container", CannotConnect("the proxy does not run"))
    create(shop, "client")
    shop.settle()
    (arn,) = shop.ecs.list_tasks(serviceName="client", desiredStatus="STOPPED")["taskArns"]
    assert shop.stopped(arn) == (
        "TaskFailedToStart",
        "ResourceInitializationError: the task's Service Connect proxy cannot be set up: the proxy does not run",
    )


def test_the_log_of_a_proxy_has_a_stream_of_its_own_or_the_task_does_not_start(shop: World) -> None:
    options = {"awslogs-group": "/proxies", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}
    logged = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    configuration = {**service_connect(), **logged}
    shop.ecs.create_service(
        serviceName="client", taskDefinition="web", desiredCount=1, launchType="FARGATE",
        networkConfiguration=NETWORK, serviceConnectConfiguration=configuration,
    )  # fmt: skip
    shop.settle()
    (arn,) = shop.ecs.list_tasks(serviceName="client", desiredStatus="STOPPED")["taskArns"]
    assert "The specified log group does not exist" in shop.stopped(arn)[1]
    assert shop.containers() == []
    logs = shop.aws("logs")
    logs.create_log_group(logGroupName="/proxies")
    shop.pass_time(30)
    (client,) = tasks(shop, "client")
    (stream,) = logs.describe_log_streams(logGroupName="/proxies")["logStreams"]
    assert stream["logStreamName"] == f"p/ecs-service-connect/{client.id}"
    assert client.last_status == "RUNNING"


def test_a_task_tells_of_its_part_in_an_attachment(shop: World) -> None:
    create(shop, "api", ("api", 80))
    shown = shop.task(tasks(shop, "api")[0].arn)["attachments"]
    (connected,) = [each for each in shown if each["type"] == "Service Connect"]
    assert connected["status"] == "ATTACHED"
    assert connected["details"] == [
        {"name": "portName", "value": "http"},
        {"name": "clientAliases", "value": '[{"dnsName": "api", "port": 80}]'},
        {"name": "discoveryName", "value": "d-api"},
    ]


def test_it_is_told_whom_a_service_reaches_and_why_nobody_answers(shop: World) -> None:
    create(shop, "api", ("api", 80))
    create(shop, "client")
    create(shop, "late", ("late", 80))

    def words() -> list[str]:
        said = explain(shop.emulator.database, shop.emulator.plane, "service/client", shop.clock.now())["words"]
        return [word for word in said if "api:80" in word or "late:80" in word]

    late = "Its tasks do not know late:80: that came after its deployment began; begin another."
    (address,) = addresses(shop, "api")
    assert words() == [f"Its tasks reach service/api ({address}:8080) at api:80.", late]
    shop.ecs.update_service(service="api", desiredCount=0)
    shop.pass_time(60)
    nobody = ["Its tasks reach nobody at api:80."]
    assert words() == [*nobody, "But api:80 has no healthy endpoint: its service has no task.", late]
    shop.ecs.delete_service(service="api")
    assert explain(shop.emulator.database, shop.emulator.plane, "service/client", shop.clock.now())["aliases"] == [
        {
            "name": "api",
            "port": 80,
            "service": "api",
            "answering": [],
            "problems": ["service/api does not offer d-api any more"],
        }
    ]
