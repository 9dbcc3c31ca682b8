"""Names of a private namespace on the real engine: a task resolves `web.example.local` to the healthy tasks of a
service and fetches from one; SRV records; names from elsewhere; a restart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.docker.homeport import SLEEP, Homeport, container, engine, eventually

pytestmark = pytest.mark.docker

SICK = {"command": ["CMD-SHELL", "test ! -f /tmp/sick"], "interval": 5, "timeout": 2, "retries": 1}


@dataclass
class Vpc:
    """A VPC with the namespace example.local, whose services are named by their ids."""

    homeport: Homeport
    namespace: str
    network: dict[str, Any]

    def service(self, name: str, kind: str) -> str:
        made = self.homeport.client("servicediscovery").create_service(
            Name=name,
            NamespaceId=self.namespace,
            DnsConfig={"DnsRecords": [{"Type": kind, "TTL": 5}]},
            HealthCheckCustomConfig={},
        )
        return str(made["Service"]["Arn"])

    def deploy(self, name: str, count: int, **registry: Any) -> None:
        self.homeport.client("ecs").create_service(
            serviceName=name, taskDefinition=name, desiredCount=count, launchType="FARGATE",
            networkConfiguration=self.network, serviceRegistries=[registry],
        )  # fmt: skip

    def addresses(self, name: str) -> dict[str, str]:
        """Of the service's tasks that run: address by ARN."""
        ecs = self.homeport.client("ecs")
        arns = ecs.list_tasks(serviceName=name)["taskArns"]
        tasks = ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
        return {
            task["taskArn"]: detail["value"]
            for task in tasks
            for detail in task["attachments"][0]["details"]
            if detail["name"] == "privateIPv4Address" and task["lastStatus"] == "RUNNING"
        }


@pytest.fixture
def vpc(own_homeport: Homeport) -> Vpc:
    ec2, discovery = own_homeport.client("ec2"), own_homeport.client("servicediscovery")
    vpc_id = ec2.create_vpc(CidrBlock="10.78.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.78.1.0/24")["Subnet"]["SubnetId"]
    made = discovery.create_private_dns_namespace(Name="example.local", Vpc=vpc_id)["OperationId"]

    def done() -> dict[str, Any] | None:
        operation: dict[str, Any] = discovery.get_operation(OperationId=made)["Operation"]
        return operation if operation["Status"] == "SUCCESS" else None

    namespace = eventually(done)["Targets"]["NAMESPACE"]
    return Vpc(own_homeport, namespace, {"awsvpcConfiguration": {"subnets": [subnet]}})


def inside(homeport: Homeport, arn: str, *command: str) -> str:
    made = engine().exec_create(homeport.containers(arn)["app"]["Id"], list(command))
    return str(engine().exec_start(made["Id"]).decode(errors="replace"))


def test_a_task_finds_the_healthy_tasks_of_a_service_by_name(vpc: Vpc) -> None:
    homeport = vpc.homeport
    ecs = homeport.client("ecs")
    homeport.define("web", container(healthCheck=SICK, portMappings=[{"containerPort": 80}]))
    homeport.define("client", container(entryPoint=SLEEP[:2], command=SLEEP[2:]))
    vpc.deploy("web", 2, registryArn=vpc.service("web", "A"))
    homeport.define("web-srv", container(portMappings=[{"containerPort": 80}]))
    named = {"containerName": "app", "containerPort": 80}
    vpc.deploy("web-srv", 1, registryArn=vpc.service("_web._tcp", "SRV"), **named)
    started = ecs.run_task(taskDefinition="client", launchType="FARGATE", networkConfiguration=vpc.network)
    client = started["tasks"][0]["taskArn"]
    homeport.running(client)

    def resolved(name: str = "web.example.local", *options: str) -> set[str]:
        """Addresses, or SRV targets, that busybox's nslookup prints after the server's own."""
        said = inside(homeport, client, "nslookup", *options, name)
        lines = said.partition("\n\n")[2].splitlines()
        return {line.split()[-1] for line in lines if line.startswith("Address") or "service =" in line}

    both = eventually(lambda: found if len(found := vpc.addresses("web")) == 2 else None)
    eventually(lambda: resolved() == set(both.values()))
    fetch = "until wget -q -O - http://web.example.local/ 2>/dev/null; do sleep 0.2; done"
    assert "Hello" in inside(homeport, client, "sh", "-c", fetch)
    [target] = eventually(lambda: resolved("_web._tcp.example.local", "-type=srv"))
    eventually(lambda: resolved(target) == set(vpc.addresses("web-srv").values()))
    assert "NXDOMAIN" in inside(homeport, client, "nslookup", "nope.example.local")
    sick, address = next(iter(both.items()))
    assert resolved(f"ip-{address.replace('.', '-')}.ec2.internal") == {address}  # the engine's own names

    inside(homeport, sick, "touch", "/tmp/sick")
    eventually(lambda: (found := resolved()) and address not in found)
    homeport.kill()
    assert resolved() == set()  # said at once: the engine asks its next name server, which knows nothing of it
    homeport.start()
    eventually(lambda: (found := resolved()) and address not in found)
