"""Service Connect with real containers: a client calls `http://api:8080` and gets each of two tasks, whatever ends."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.docker.homeport import AWSLOGS, NETWORK, SLEEP, Homeport, container, engine, eventually, shell

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

WHO = "mkdir -p /tmp/w && hostname >/tmp/w/index.html && exec httpd -f -p 80 -h /tmp/w"
"""A web server that says its task's host name."""


def create(homeport: Homeport, name: str, count: int, *services: dict[str, Any], **members: Any) -> None:
    homeport.client("ecs").create_service(
        serviceName=name,
        taskDefinition=name,
        desiredCount=count,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        serviceConnectConfiguration={"enabled": True, "namespace": "shop", "services": list(services), **members},
    )


def running(homeport: Homeport, name: str, count: int) -> list[str]:
    """The tasks' ARNs, once so many of the service are RUNNING."""

    def look() -> list[str]:
        ecs = homeport.client("ecs")
        arns = ecs.list_tasks(serviceName=name)["taskArns"]
        tasks = ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
        found = [task["taskArn"] for task in tasks if task["lastStatus"] == "RUNNING"]
        return found if len(found) == count == len(arns) else []

    found: list[str] = eventually(look, 120)
    return found


def hosts(homeport: Homeport, arns: list[str]) -> set[str]:
    shown = homeport.client("ecs").describe_tasks(tasks=arns)["tasks"]
    addresses = [task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for task in shown]
    return {f"ip-{address.replace('.', '-')}" for address in addresses}


class Client:
    """What a container of the client's task sees."""

    def __init__(self, homeport: Homeport, arn: str) -> None:
        self.container = homeport.containers(arn)["app"]["Id"]

    def run(self, script: str) -> str:
        api = engine()
        run = api.exec_create(self.container, ["sh", "-c", script])["Id"]
        return str(api.exec_start(run).decode())

    def asks(self, count: int = 8) -> Counter[str]:
        """Who answered so many requests."""
        answers = self.run(f"for i in $(seq {count}); do wget -q -O - http://api:8080 || echo failed; done")
        return Counter(answers.split())


def test_a_client_reaches_each_task_by_name_also_when_a_task_and_homeport_have_died(own_homeport: Homeport) -> None:
    homeport = own_homeport
    homeport.client("servicediscovery").create_http_namespace(Name="shop")
    eventually(lambda: homeport.client("servicediscovery").list_namespaces()["Namespaces"])
    homeport.define("api", shell(WHO, portMappings=[{"name": "web", "containerPort": 80, "appProtocol": "http"}]))
    homeport.define("client", container(command=SLEEP))
    create(homeport, "api", 2, {"portName": "web", "clientAliases": [{"port": 8080, "dnsName": "api"}]})
    create(homeport, "client", 1, logConfiguration=AWSLOGS)
    servers = running(homeport, "api", 2)
    (arn,) = running(homeport, "client", 1)
    client = Client(homeport, arn)
    assert "127.255.0.1\tapi" in client.run("cat /etc/hosts")
    eventually(lambda: client.asks().keys() == hosts(homeport, servers), 60)

    # A task dies, and with it whoever could tell the proxy: it goes on with what it knows, and no request is lost.
    app = homeport.containers(servers[0])["app"]["Id"]
    homeport.kill()
    engine().kill(app)
    answers = client.asks()
    assert "failed" not in answers and len(answers) == 1
    homeport.start()
    eventually(lambda: servers[0] not in homeport.client("ecs").list_tasks(serviceName="api")["taskArns"], 60)
    renewed = running(homeport, "api", 2)
    eventually(lambda: client.asks().keys() == hosts(homeport, renewed), 60)
    told = eventually(lambda: homeport.messages(arn, "ecs-service-connect"))
    assert told.count("service connect: api has 2 endpoints") >= 1
