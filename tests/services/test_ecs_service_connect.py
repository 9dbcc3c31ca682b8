"""Service Connect in the API of services: what a configuration makes, what it must not say, who is in a namespace."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.services.ecs_scene import fargate_definition, prepare, refuses
from tests.services.service_scene import Scene

PORTS = [{"name": "http", "containerPort": 8080, "appProtocol": "http"}, {"name": "db", "containerPort": 5432}]


@pytest.fixture
def scene(aws: Aws, emulator: Emulator, clock: VirtualClock) -> Scene:
    made = Scene(emulator, clock, aws("ecs"))
    prepare(made.ecs, container={"portMappings": PORTS})
    aws("servicediscovery").create_http_namespace(Name="shop")
    emulator.plane.settle()
    return made


@pytest.fixture
def namespace(aws: Aws, scene: Scene) -> str:
    (found,) = aws("servicediscovery").list_namespaces()["Namespaces"]
    return str(found["Arn"])


def connect(*services: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "serviceConnectConfiguration": {"enabled": True, "namespace": "shop", "services": list(services), **members}
    }


def offer(port_name: str = "http", name: str = "api", port: int = 80, **members: Any) -> dict[str, Any]:
    return {"portName": port_name, "clientAliases": [{"dnsName": name, "port": port}], **members}


def discovered(aws: Aws) -> dict[str, str]:
    """Cloud Map's services: name to ARN."""
    return {s["Name"]: s["Arn"] for s in aws("servicediscovery").list_services()["Services"]}


def test_a_configuration_makes_services_in_cloud_map_and_is_shown_by_the_deployment(scene: Scene, aws: Aws) -> None:
    asked = connect(offer(), offer("db", "db", 5432, discoveryName="postgres"))
    (deployment,) = scene.create(**asked)["deployments"]
    made = discovered(aws)
    assert made.keys() == {"http", "postgres"}
    assert deployment["serviceConnectConfiguration"] == asked["serviceConnectConfiguration"]
    assert deployment["serviceConnectResources"] == [
        {"discoveryName": "http", "discoveryArn": made["http"]},
        {"discoveryName": "postgres", "discoveryArn": made["postgres"]},
    ]
    assert scene.create(**asked)["deployments"][0]["id"] == deployment["id"], "the same again is the same service"
    revision = scene.ecs.describe_service_revisions(
        serviceRevisionArns=[scene.describe()["currentServiceRevisions"][0]["arn"]]
    )["serviceRevisions"][0]
    assert revision["serviceConnectConfiguration"] == asked["serviceConnectConfiguration"]


def test_an_update_begins_a_deployment_and_what_is_offered_no_more_goes(scene: Scene, aws: Aws) -> None:
    scene.create(desiredCount=0, **connect(offer(), offer("db", "db", 5432)))
    changed = scene.update(**connect(offer()))
    assert [d["status"] for d in changed["deployments"]] == ["PRIMARY", "ACTIVE"]
    scene.run_on()
    scene.emulator.plane.settle()
    scene.update(forceNewDeployment=True)
    scene.run_on()
    scene.emulator.plane.settle()
    assert discovered(aws).keys() == {"http"}
    assert len(scene.update(**connect(offer()))["deployments"]) == 1, "nothing has changed"
    off = scene.update(serviceConnectConfiguration={"enabled": False})
    assert "serviceConnectResources" not in off["deployments"][0]
    scene.run_on()
    scene.emulator.plane.settle()
    assert discovered(aws) == {}


def test_a_deleted_service_leaves_nothing_in_the_namespace(scene: Scene, aws: Aws) -> None:
    scene.create(desiredCount=0, **connect(offer()))
    scene.ecs.delete_service(cluster="c", service="web")
    assert discovered(aws) == {}
    scene.emulator.plane.settle()
    (namespace,) = aws("servicediscovery").list_namespaces()["Namespaces"]
    aws("servicediscovery").delete_namespace(Id=namespace["Id"])


def test_services_are_listed_by_namespace_over_all_clusters_page_by_page(scene: Scene, namespace: str) -> None:
    scene.ecs.create_cluster(clusterName="other")
    arns = [scene.create(f"s{n:02}", desiredCount=0, **connect())["serviceArn"] for n in range(11)]
    arns.append(scene.create("far", cluster="other", desiredCount=0, **connect())["serviceArn"])
    scene.create("alone", desiredCount=0)
    first = scene.ecs.list_services_by_namespace(namespace="shop")
    assert len(first["serviceArns"]) == 10
    rest = scene.ecs.list_services_by_namespace(namespace="shop", nextToken=first["nextToken"])
    assert sorted(first["serviceArns"] + rest["serviceArns"]) == sorted(arns)
    assert "nextToken" not in rest
    pages = scene.ecs.get_paginator("list_services_by_namespace").paginate(
        namespace=namespace, PaginationConfig={"PageSize": 5}
    )
    assert sorted(arn for page in pages for arn in page["serviceArns"]) == sorted(arns)
    scene.ecs.delete_service(cluster="other", service="far")
    assert arns[-1] not in scene.ecs.list_services_by_namespace(namespace="shop", maxResults=100)["serviceArns"]


def test_what_list_services_by_namespace_refuses(scene: Scene, namespace: str) -> None:
    with refuses("NamespaceNotFoundException", "The specified namespace was not found."):
        scene.ecs.list_services_by_namespace(namespace="nowhere")
    with refuses("NamespaceNotFoundException"):
        scene.ecs.list_services_by_namespace(namespace=f"{namespace}x")
    with refuses("InvalidParameterException", "Namespace can not be blank."):
        scene.ecs.list_services_by_namespace(namespace="")
    with refuses("InvalidParameterException"):
        scene.ecs.list_services_by_namespace(namespace="shop", nextToken="x")


def test_the_clusters_default_namespace_is_taken_when_none_is_named(scene: Scene) -> None:
    alone = {"serviceConnectConfiguration": {"enabled": True}}
    with refuses("InvalidParameterException", "A namespace is required", part=True):
        scene.create(**alone)
    scene.ecs.update_cluster(cluster="c", serviceConnectDefaults={"namespace": "shop"})
    arn = scene.create(desiredCount=0, **alone)["serviceArn"]
    assert scene.ecs.list_services_by_namespace(namespace="shop")["serviceArns"] == [arn]
    scene.ecs.update_cluster(cluster="c", serviceConnectDefaults={"namespace": ""})
    scene.update(forceNewDeployment=True)
    assert scene.ecs.list_services_by_namespace(namespace="shop")["serviceArns"] == [arn], "it stays where it is"


def test_what_is_refused(scene: Scene, aws: Aws) -> None:
    with refuses("NamespaceNotFoundException", "The specified namespace was not found."):
        scene.create(**connect(namespace="nowhere"))
    with refuses("InvalidParameterException", "The portName other names no port mapping", part=True):
        scene.create(**connect(offer("other")))
    with refuses("NotEmulatedYet", "serviceConnectConfiguration.services.tls", part=True):
        scene.create(**connect(offer(tls={"issuerCertificateAuthority": {"awsPcaAuthorityArn": "arn"}})))
    with refuses("InvalidParameterException", "EXTERNAL deployment controller does not support Service", part=True):
        scene.ecs.create_service(
            cluster="c", serviceName="x", deploymentController={"type": "EXTERNAL"}, **connect(namespace="shop")
        )
    scene.ecs.register_task_definition(family="ec2", containerDefinitions=[{"name": "a", "image": "b", "memory": 64}])
    with refuses("NotEmulatedYet", "network mode bridge", part=True):
        scene.create(taskDefinition="ec2", launchType="EC2", networkConfiguration=None, **connect())
    assert scene.ecs.list_services(cluster="c")["serviceArns"] == []
    assert discovered(aws) == {}


def test_names_are_unique_in_a_namespace(scene: Scene, aws: Aws, namespace: str) -> None:
    scene.create(desiredCount=0, **connect(offer()))
    with refuses("InvalidParameterException", "discoveryName http is already in use in the namespace shop", part=True):
        scene.create("two", **connect(offer(name="other")))
    taken = "The client alias api:80 is already in use in the namespace shop, by service web."
    with refuses("InvalidParameterException", taken):
        scene.create("two", **connect(offer(discoveryName="other")))
    aws("servicediscovery").create_service(
        Name="mine", NamespaceId=aws("servicediscovery").list_namespaces()["Namespaces"][0]["Id"]
    )
    with refuses("InvalidParameterException", "discoveryName mine is already in use", part=True):
        scene.create("two", **connect(offer(name="other", discoveryName="mine")))
    scene.create("two", desiredCount=0, **connect(offer(port=81, discoveryName="other")))


def test_port_and_protocol_of_an_endpoint_cannot_be_changed(scene: Scene) -> None:
    scene.create(desiredCount=0, **connect(offer(discoveryName="api")))
    with refuses("InvalidParameterException", "The portName of Service Connect service api", part=True):
        scene.update(**connect(offer("db", discoveryName="api")))
    scene.ecs.register_task_definition(
        **fargate_definition(container={"portMappings": [{"name": "http", "containerPort": 8080}]})
    )
    with refuses("InvalidParameterException", "from http to tcp", part=True):
        scene.update(taskDefinition="web")


def test_a_service_with_service_connect_keeps_the_ecs_controller(scene: Scene) -> None:
    scene.create(desiredCount=0, **connect(offer()))
    scene.run_on()
    with refuses("InvalidParameterException", "does not support Service Connect", part=True):
        scene.update(deploymentController={"type": "EXTERNAL"})


def test_an_endpoint_that_nobody_can_name_is_said(scene: Scene) -> None:
    answer = scene.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="web", desiredCount=0, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}, **connect({"portName": "http"}),
    )  # fmt: skip
    said = answer["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
    assert "http has no client alias" in said
