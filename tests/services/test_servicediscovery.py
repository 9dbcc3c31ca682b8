"""AWS Cloud Map through boto3: namespaces, services, instances, operations, discovery; and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.app import Emulator
from emulator.domain.networks.network import default_vpc_id
from emulator.guard import Guard
from tests.conftest import Aws
from tests.services.ecs_scene import refuses

VPC = default_vpc_id("123456789012", "us-east-1")
A_RECORD = {"DnsRecords": [{"Type": "A", "TTL": 10}]}


class Scene:
    """Asks, and lets what was asked for happen."""

    def __init__(self, emulator: Emulator, aws: Aws) -> None:
        self.emulator = emulator
        self.client = aws("servicediscovery")

    def done(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The operation, once it has ended."""
        self.emulator.plane.settle()
        operation: dict[str, Any] = self.client.get_operation(OperationId=answer["OperationId"])["Operation"]
        return operation

    def http(self, name: str = "apps", **members: Any) -> str:
        return str(self.done(self.client.create_http_namespace(Name=name, **members))["Targets"]["NAMESPACE"])

    def private(self, name: str = "example.local", **members: Any) -> str:
        made = self.client.create_private_dns_namespace(Name=name, **{"Vpc": VPC, **members})
        operation = self.done(made)
        assert operation["Status"] == "SUCCESS", operation
        return str(operation["Targets"]["NAMESPACE"])

    def service(self, namespace: str, name: str = "web", **members: Any) -> str:
        made = self.client.create_service(Name=name, NamespaceId=namespace, **members)
        return str(made["Service"]["Id"])

    def register(self, service: str, instance: str, **attributes: str) -> dict[str, Any]:
        return self.done(self.client.register_instance(ServiceId=service, InstanceId=instance, Attributes=attributes))

    def discovered(self, **members: Any) -> list[str]:
        found = self.client.discover_instances(**{"NamespaceName": "apps", "ServiceName": "web", **members})
        return sorted(instance["InstanceId"] for instance in found["Instances"])


@pytest.fixture
def scene(emulator: Emulator, aws: Aws) -> Scene:
    return Scene(emulator, aws)


def test_an_http_namespace_from_its_creation_to_its_end(scene: Scene) -> None:
    made = scene.client.create_http_namespace(
        Name="apps", Description="ours", CreatorRequestId="r1", Tags=[{"Key": "team", "Value": "a"}]
    )
    operation = scene.client.get_operation(OperationId=made["OperationId"])["Operation"]
    assert (operation["Status"], operation["Type"]) == ("SUBMITTED", "CREATE_NAMESPACE")
    namespace_id = operation["Targets"]["NAMESPACE"]
    with refuses("NamespaceNotFound", namespace_id):
        scene.client.get_namespace(Id=namespace_id)
    assert scene.done(made)["Status"] == "SUCCESS"
    shown = scene.client.get_namespace(Id=namespace_id)["Namespace"]
    assert shown["Arn"] == f"arn:aws:servicediscovery:us-east-1:123456789012:namespace/{namespace_id}"
    assert (shown["Name"], shown["Type"], shown["Description"], shown["CreatorRequestId"], shown["ServiceCount"]) == (
        "apps", "HTTP", "ours", "r1", 0,
    )  # fmt: skip
    assert shown["Properties"] == {"DnsProperties": {}, "HttpProperties": {"HttpName": "apps"}}
    assert scene.client.get_namespace(Id=shown["Arn"])["Namespace"]["Id"] == namespace_id
    changed = scene.done(scene.client.update_http_namespace(Id=namespace_id, Namespace={"Description": "theirs"}))
    assert (changed["Type"], changed["Status"]) == ("UPDATE_NAMESPACE", "SUCCESS")
    assert scene.client.get_namespace(Id=namespace_id)["Namespace"]["Description"] == "theirs"
    with refuses("InvalidInput"):
        scene.client.update_private_dns_namespace(Id=namespace_id, Namespace={"Description": "x"})
    gone = scene.done(scene.client.delete_namespace(Id=namespace_id))
    assert (gone["Type"], gone["Status"]) == ("DELETE_NAMESPACE", "SUCCESS")
    assert scene.client.list_namespaces()["Namespaces"] == []
    with refuses("NamespaceNotFound", namespace_id):
        scene.client.delete_namespace(Id=namespace_id)
    with refuses("NamespaceNotFound", "ns-nope"):
        scene.client.update_http_namespace(Id="ns-nope", Namespace={"Description": "x"})


def test_a_private_namespace_has_a_hosted_zone(scene: Scene) -> None:
    namespace_id = scene.private(Properties={"DnsProperties": {"SOA": {"TTL": 60}}})
    shown = scene.client.get_namespace(Id=namespace_id)["Namespace"]
    zone = shown["Properties"]["DnsProperties"]
    assert shown["Type"] == "DNS_PRIVATE" and zone["HostedZoneId"].startswith("Z") and zone["SOA"] == {"TTL": 60}
    scene.done(
        scene.client.update_private_dns_namespace(
            Id=namespace_id,
            Namespace={"Description": "d", "Properties": {"DnsProperties": {"SOA": {"TTL": 5}}}},
        )
    )
    shown = scene.client.get_namespace(Id=namespace_id)["Namespace"]
    assert (shown["Description"], shown["Properties"]["DnsProperties"]["SOA"]) == ("d", {"TTL": 5})
    failed = scene.done(scene.client.create_private_dns_namespace(Name="example.local", Vpc=VPC))
    assert (failed["Status"], failed["ErrorCode"]) == ("FAIL", "CANNOT_CREATE_HOSTED_ZONE")
    assert "overlapping name space, example.local" in failed["ErrorMessage"]
    with refuses("InvalidInput", "Namespace name is not a valid domain name: a..b"):
        scene.client.create_private_dns_namespace(Name="a..b", Vpc=VPC)


def test_names_that_are_taken(scene: Scene) -> None:
    first = scene.client.create_http_namespace(Name="apps", CreatorRequestId="r1")
    with pytest.raises(ClientError) as caught:
        scene.client.create_http_namespace(Name="apps", CreatorRequestId="r1")
    assert caught.value.response["Error"]["Code"] == "DuplicateRequest"
    assert caught.value.response["DuplicateOperationId"] == first["OperationId"]
    namespace_id = scene.done(first)["Targets"]["NAMESPACE"]
    with pytest.raises(ClientError) as caught:
        scene.client.create_http_namespace(Name="apps")
    assert caught.value.response["Error"]["Code"] == "NamespaceAlreadyExists"
    assert (caught.value.response["NamespaceId"], caught.value.response["CreatorRequestId"]) == (namespace_id, "r1")
    other = scene.client.get_namespace(Id=scene.private("apps"))["Namespace"]
    assert other["Properties"]["HttpProperties"]["HttpName"].startswith("apps-")
    for number in range(48):
        scene.http(f"n{number}")
    with refuses("ResourceLimitExceeded"):
        scene.client.create_http_namespace(Name="one-too-many")


def test_namespaces_are_listed_by_filter_and_page(scene: Scene) -> None:
    for name in ("alpha", "beta", "gamma"):
        scene.http(name)
    scene.private()

    def listed(**filter: Any) -> list[str]:
        found = scene.client.list_namespaces(Filters=[filter])["Namespaces"]
        return sorted(n["Name"] for n in found)

    assert listed(Name="TYPE", Values=["DNS_PRIVATE"]) == ["example.local"]
    assert listed(Name="NAME", Values=["b"], Condition="BEGINS_WITH") == ["beta"]
    assert listed(Name="HTTP_NAME", Values=["gamma"], Condition="EQ") == ["gamma"]
    assert len(listed(Name="RESOURCE_OWNER", Values=["SELF"])) == 4
    assert listed(Name="RESOURCE_OWNER", Values=["OTHER_ACCOUNTS"]) == []
    pages = scene.client.get_paginator("list_namespaces").paginate(PaginationConfig={"PageSize": 3})
    assert [len(page["Namespaces"]) for page in pages] == [3, 1]
    with refuses("InvalidInput"):
        listed(Name="NAME", Values=["a", "b"])
    with refuses("InvalidInput"):
        listed(Name="NAME", Values=["a"], Condition="BETWEEN")
    with refuses("InvalidInput"):
        scene.client.list_namespaces(NextToken="nonsense")


def test_a_service_from_its_creation_to_its_end(scene: Scene) -> None:
    namespace_id = scene.private()
    made = scene.client.create_service(
        Name="web", NamespaceId=namespace_id, CreatorRequestId="s1", Description="d", DnsConfig=A_RECORD,
        HealthCheckCustomConfig={"FailureThreshold": 3},
    )["Service"]  # fmt: skip
    assert made["DnsConfig"] == {
        "NamespaceId": namespace_id, "RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 10}],
    }  # fmt: skip
    assert (made["Type"], made["HealthCheckCustomConfig"], made["InstanceCount"]) == (
        "DNS_HTTP", {"FailureThreshold": 1}, 0,
    )  # fmt: skip
    again = scene.client.create_service(
        Name="web", NamespaceId=namespace_id, CreatorRequestId="s1", Description="d", DnsConfig=A_RECORD,
        HealthCheckCustomConfig={"FailureThreshold": 3},
    )["Service"]  # fmt: skip
    assert again["Id"] == made["Id"]
    with pytest.raises(ClientError) as caught:
        scene.client.create_service(Name="WEB", NamespaceId=namespace_id, DnsConfig=A_RECORD)
    assert caught.value.response["Error"] == {"Code": "ServiceAlreadyExists", "Message": "Service already exists."}
    assert (caught.value.response["ServiceId"], caught.value.response["ServiceArn"]) == (made["Id"], made["Arn"])
    with refuses("ResourceInUse"):
        scene.client.delete_namespace(Id=namespace_id)
    change = {"Description": "e", "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 60}]}}
    assert scene.done(scene.client.update_service(Id=made["Arn"], Service=change))["Status"] == "SUCCESS"
    shown = scene.client.get_service(Id=made["Id"])["Service"]
    assert (shown["Description"], shown["DnsConfig"]["DnsRecords"]) == ("e", [{"Type": "A", "TTL": 60}])
    for refused in ({"Description": "x"}, {"DnsConfig": {"DnsRecords": [{"Type": "SRV", "TTL": 1}]}}):
        with refuses("InvalidInput"):
            scene.client.update_service(Id=made["Id"], Service=refused)
    [listed] = scene.client.list_services(Filters=[{"Name": "NAMESPACE_ID", "Values": [namespace_id]}])["Services"]
    assert listed["Id"] == made["Id"] and "NamespaceId" not in listed
    assert scene.client.list_services(Filters=[{"Name": "NAMESPACE_ID", "Values": ["ns-other"]}])["Services"] == []
    with refuses("InvalidInput"):
        scene.client.list_services(NextToken="nonsense")
    scene.register(made["Id"], "i1", AWS_INSTANCE_IPV4="10.0.0.1")
    with refuses(
        "ResourceInUse", "Service contains registered instances; delete the instances before deleting the service"
    ):
        scene.client.delete_service(Id=made["Id"])
    scene.done(scene.client.deregister_instance(ServiceId=made["Id"], InstanceId="i1"))
    scene.client.delete_service(Id=made["Id"])
    for ask in (scene.client.get_service, scene.client.delete_service):
        with refuses("ServiceNotFound", made["Id"]):
            ask(Id=made["Id"])


@pytest.mark.parametrize(
    ("private", "members", "code"),
    [
        (True, {}, "InvalidInput"),
        (True, {"DnsConfig": {"DnsRecords": []}}, "InvalidInput"),
        (True, {"DnsConfig": {"DnsRecords": [{"Type": "CNAME", "TTL": 1}]}}, "InvalidInput"),
        (True, {"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 1}, {"Type": "CNAME", "TTL": 1}]}}, "InvalidInput"),
        (True, {"DnsConfig": A_RECORD, "Type": "HTTP"}, "InvalidInput"),
        (True, {"DnsConfig": A_RECORD, "Name": "a.b"}, "InvalidInput"),
        (True, {"DnsConfig": A_RECORD, "Name": "-"}, "InvalidInput"),
        (False, {"DnsConfig": A_RECORD}, "InvalidInput"),
        (False, {"HealthCheckConfig": {"Type": "HTTP"}}, "NotEmulatedYet"),
        (False, {"HealthCheckConfig": {"Type": "HTTP"}, "HealthCheckCustomConfig": {}}, "InvalidInput"),
        (False, {"NamespaceId": None}, "InvalidInput"),
        (False, {"NamespaceId": "ns-nope"}, "NamespaceNotFound"),
    ],
)
def test_services_that_cannot_be(scene: Scene, private: bool, members: dict[str, Any], code: str) -> None:
    namespace_id = scene.private() if private else scene.http()
    request = {"Name": "web", "NamespaceId": namespace_id, **members}
    with refuses(code):
        scene.client.create_service(**{k: v for k, v in request.items() if v is not None})
    assert scene.client.list_services()["Services"] == []


def test_an_instance_is_registered_shown_and_deregistered(scene: Scene) -> None:
    service = scene.service(scene.http(), CreatorRequestId="s")
    registered = scene.client.register_instance(
        ServiceId=service, InstanceId="i1", CreatorRequestId="r", Attributes={"AWS_INSTANCE_IPV4": "10.0.0.1", "v": "1"}
    )
    with pytest.raises(ClientError) as caught:
        scene.register(service, "i1")
    assert caught.value.response["DuplicateOperationId"] == registered["OperationId"]
    operation = scene.done(registered)
    assert operation["Type"] == "REGISTER_INSTANCE"
    assert operation["Targets"]["INSTANCE"] == "i1" and operation["Targets"]["SERVICE"] == service
    shown = scene.client.get_instance(ServiceId=service, InstanceId="i1")
    assert shown["Instance"] == {
        "Id": "i1", "CreatorRequestId": "r", "CreatedByAccount": "123456789012",
        "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.1", "v": "1"},
    }  # fmt: skip
    scene.register(service, "i1", v="2")
    assert scene.client.list_instances(ServiceId=service)["Instances"] == [
        {"Id": "i1", "Attributes": {"v": "2"}, "CreatedByAccount": "123456789012"}
    ]
    assert scene.client.get_service(Id=service)["Service"]["InstanceCount"] == 1
    assert scene.done(scene.client.deregister_instance(ServiceId=service, InstanceId="i1"))["Status"] == "SUCCESS"
    for ask in (scene.client.get_instance, scene.client.deregister_instance):
        with refuses("InstanceNotFound", "i1"):
            ask(ServiceId=service, InstanceId="i1")
        with refuses("ServiceNotFound", "srv-nope"):
            ask(ServiceId="srv-nope", InstanceId="i1")
    with refuses("ServiceNotFound", "srv-nope"):
        scene.client.list_instances(ServiceId="srv-nope")


@pytest.mark.parametrize(
    ("records", "attributes", "code"),
    [
        (["A"], {}, "InvalidInput"),
        (["A"], {"AWS_INSTANCE_IPV4": "::1"}, "InvalidInput"),
        (["AAAA"], {"AWS_INSTANCE_IPV4": "10.0.0.1"}, "InvalidInput"),
        (["SRV"], {"AWS_INSTANCE_IPV4": "10.0.0.1"}, "InvalidInput"),
        (["SRV"], {"AWS_INSTANCE_PORT": "80"}, "InvalidInput"),
        (["SRV"], {"AWS_INSTANCE_PORT": "65536", "AWS_INSTANCE_IPV4": "10.0.0.1"}, "InvalidInput"),
        (["CNAME"], {}, "InvalidInput"),
        (["A"], {"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INIT_HEALTH_STATUS": "HEALTHY"}, "InvalidInput"),
        (["A"], {"AWS_EC2_INSTANCE_ID": "i-1"}, "InvalidInput"),
        (["A"], {"AWS_ALIAS_DNS_NAME": "lb.example.com"}, "NotEmulatedYet"),
        (["A"], {"AWS_ALIAS_DNS_NAME": "lb", "AWS_INSTANCE_IPV4": "10.0.0.1"}, "InvalidInput"),
        (None, {"AWS_EC2_INSTANCE_ID": "i-1"}, "NotEmulatedYet"),
        (None, {"AWS_EC2_INSTANCE_ID": "i-1", "v": "1"}, "InvalidInput"),
        (None, {"AWS_OTHER": "1"}, "InvalidInput"),
        (None, {f"k{n}": "v" for n in range(31)}, "InvalidInput"),
        (None, {f"k{n}": "v" * 1000 for n in range(6)}, "InvalidInput"),
    ],
)
def test_instances_that_cannot_be(
    scene: Scene, records: list[str] | None, attributes: dict[str, str], code: str
) -> None:
    dns = {
        "DnsConfig": {
            "RoutingPolicy": "WEIGHTED", "DnsRecords": [{"Type": kind, "TTL": 1} for kind in records],
        }
    } if records else {}  # fmt: skip
    service = scene.service(scene.private() if records else scene.http(), **dns)
    with refuses(code):
        scene.register(service, "i1", **attributes)
    assert scene.client.list_instances(ServiceId=service)["Instances"] == []


def test_a_custom_health_status_counts_after_thirty_seconds(scene: Scene) -> None:
    service = scene.service(scene.http(), HealthCheckCustomConfig={})
    scene.register(service, "a")
    scene.register(service, "b", AWS_INIT_HEALTH_STATUS="UNHEALTHY")

    def statuses(**members: Any) -> dict[str, str]:
        found: dict[str, str] = scene.client.get_instances_health_status(ServiceId=service, **members)["Status"]
        return found

    assert statuses() == {"a": "HEALTHY", "b": "UNHEALTHY"}
    scene.client.update_instance_custom_health_status(ServiceId=service, InstanceId="a", Status="UNHEALTHY")
    scene.emulator.plane.advance(20, scene.emulator.clock.advance)  # type: ignore[attr-defined]
    assert statuses(Instances=["a"]) == {"a": "HEALTHY"}
    scene.client.update_instance_custom_health_status(ServiceId=service, InstanceId="a", Status="UNHEALTHY")
    scene.emulator.plane.advance(10, scene.emulator.clock.advance)  # type: ignore[attr-defined]
    assert statuses() == {"a": "UNHEALTHY", "b": "UNHEALTHY"}
    assert scene.discovered() == ["a", "b"]  # fails open
    scene.client.update_instance_custom_health_status(ServiceId=service, InstanceId="b", Status="HEALTHY")
    scene.emulator.plane.advance(30, scene.emulator.clock.advance)  # type: ignore[attr-defined]
    assert scene.discovered() == ["b"]
    assert scene.discovered(HealthStatus="UNHEALTHY") == ["a"]
    assert scene.discovered(HealthStatus="ALL") == ["a", "b"]
    with refuses("InstanceNotFound", "c"):
        statuses(Instances=["c"])
    with refuses("InstanceNotFound", "c"):
        scene.client.update_instance_custom_health_status(ServiceId=service, InstanceId="c", Status="HEALTHY")
    plain = scene.service(scene.http("plain"))
    scene.register(plain, "a")
    with refuses("CustomHealthNotFound"):
        scene.client.update_instance_custom_health_status(ServiceId=plain, InstanceId="a", Status="HEALTHY")


def test_discovery_by_parameters(scene: Scene) -> None:
    service = scene.service(scene.http())
    for name, attributes in {
        "a": {"v": "1", "zone": "x"}, "b": {"v": "1", "zone": "y"}, "c": {"v": "2", "zone": "x"},
    }.items():  # fmt: skip
        scene.register(service, name, **attributes)
    assert scene.discovered() == ["a", "b", "c"]
    assert scene.discovered(QueryParameters={"v": "1"}) == ["a", "b"]
    assert scene.discovered(QueryParameters={"v": "1"}, OptionalParameters={"zone": "y"}) == ["b"]
    assert scene.discovered(QueryParameters={"v": "1"}, OptionalParameters={"zone": "z"}) == ["a", "b"]
    assert scene.discovered(QueryParameters={"v": "3"}) == []
    assert len(scene.discovered(MaxResults=2)) == 2
    found = scene.client.discover_instances(NamespaceName="apps", ServiceName="web", QueryParameters={"v": "2"})
    assert found["Instances"] == [
        {
            "InstanceId": "c", "NamespaceName": "apps", "ServiceName": "web", "HealthStatus": "UNKNOWN",
            "Attributes": {"v": "2", "zone": "x"},
        }
    ]  # fmt: skip
    before = scene.client.discover_instances_revision(NamespaceName="apps", ServiceName="web")["InstancesRevision"]
    assert found["InstancesRevision"] == before
    scene.done(scene.client.deregister_instance(ServiceId=service, InstanceId="c"))
    after = scene.client.discover_instances_revision(NamespaceName="apps", ServiceName="web")["InstancesRevision"]
    assert after > before
    for ask in (scene.client.discover_instances, scene.client.discover_instances_revision):
        with refuses("NamespaceNotFound", "nope"):
            ask(NamespaceName="nope", ServiceName="web")
        with refuses("ServiceNotFound", "nope"):
            ask(NamespaceName="apps", ServiceName="nope")
        with refuses("NamespaceNotFound", "apps"):
            ask(NamespaceName="apps", ServiceName="web", OwnerAccount="210987654321")


def test_operations_are_listed_by_filter(scene: Scene) -> None:
    namespace_id = scene.http()
    service = scene.service(namespace_id)
    scene.register(service, "a")
    scene.client.register_instance(ServiceId=service, InstanceId="b", Attributes={})

    def listed(name: str, *values: str, **members: Any) -> int:
        found = scene.client.list_operations(Filters=[{"Name": name, "Values": list(values), **members}])
        return len(found["Operations"])

    assert listed("STATUS", "SUCCESS", "SUBMITTED", Condition="IN") == 3
    assert listed("STATUS", "SUBMITTED") == 1
    assert listed("TYPE", "CREATE_NAMESPACE") == 1
    assert listed("SERVICE_ID", service) == 2
    assert listed("NAMESPACE_ID", namespace_id) == 3
    now = scene.emulator.clock.now()
    assert listed("UPDATE_DATE", str(now - 1), str(now + 1), Condition="BETWEEN") == 3
    assert listed("UPDATE_DATE", str(now + 1), str(now + 2), Condition="BETWEEN") == 0
    for values in (["x", "y"], ["1"]):
        with refuses("InvalidInput"):
            listed("UPDATE_DATE", *values, Condition="BETWEEN")
    with refuses("OperationNotFound", "nope"):
        scene.client.get_operation(OperationId="nope")
    scene.emulator.plane.advance(31 * 24 * 3600, scene.emulator.clock.advance)  # type: ignore[attr-defined]
    assert scene.client.list_operations()["Operations"] == []


def test_attributes_of_a_service(scene: Scene) -> None:
    service = scene.service(scene.http())
    scene.client.update_service_attributes(ServiceId=service, Attributes={"port": "80", "team": "a"})
    scene.client.update_service_attributes(ServiceId=service, Attributes={"port": "81"})
    shown = scene.client.get_service_attributes(ServiceId=service)["ServiceAttributes"]
    assert shown["Attributes"] == {"port": "81", "team": "a"} and shown["ServiceArn"].endswith(service)
    scene.client.delete_service_attributes(ServiceId=service, Attributes=["port", "nope"])
    assert scene.client.get_service_attributes(ServiceId=service)["ServiceAttributes"]["Attributes"] == {"team": "a"}
    with refuses("ServiceAttributesLimitExceededException"):
        scene.client.update_service_attributes(ServiceId=service, Attributes={f"k{n}": "v" for n in range(30)})
    with refuses("InvalidInput"):
        scene.client.update_service_attributes(ServiceId=service, Attributes={"a b": "v"})
    with refuses("ServiceNotFound"):
        scene.client.get_service_attributes(ServiceId="srv-nope")
    with refuses("ServiceNotFound"):
        scene.client.delete_service_attributes(ServiceId="srv-nope", Attributes=["a"])


def test_tags_of_namespaces_and_services(scene: Scene) -> None:
    namespace_id = scene.http(Tags=[{"Key": "a", "Value": "1"}])
    service = scene.service(namespace_id, Tags=[{"Key": "b", "Value": "2"}])
    arns = [
        scene.client.get_namespace(Id=namespace_id)["Namespace"]["Arn"],
        scene.client.get_service(Id=service)["Service"]["Arn"],
    ]
    for arn, key in zip(arns, "ab", strict=True):
        scene.client.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": "3"}])
        scene.client.untag_resource(ResourceARN=arn, TagKeys=[key])
        assert scene.client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "c", "Value": "3"}]
        with pytest.raises(ClientError) as caught:
            scene.client.tag_resource(ResourceARN=arn, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
        assert caught.value.response["Error"]["Code"] == "TooManyTagsException"
        assert caught.value.response["ResourceName"] == arn
    nobody = arns[0].replace(namespace_id, "ns-nope")
    for ask in (
        lambda arn: scene.client.tag_resource(ResourceARN=arn, Tags=[]),
        lambda arn: scene.client.untag_resource(ResourceARN=arn, TagKeys=["a"]),
        lambda arn: scene.client.list_tags_for_resource(ResourceARN=arn),
    ):
        with refuses("ResourceNotFoundException"):
            ask(nobody)
        with refuses("InvalidInput"):
            ask("arn:aws:ecs:us-east-1:123456789012:cluster/c")


def test_public_namespaces_are_refused(scene: Scene) -> None:
    with refuses("NotEmulatedYet"):
        scene.client.create_public_dns_namespace(Name="example.com")


def test_a_vpc_that_nobody_made_is_the_default_one(scene: Scene) -> None:
    scene.private(Vpc="vpc-12345678")
    failed = scene.done(scene.client.create_private_dns_namespace(Name="example.local", Vpc=VPC))
    assert failed["ErrorCode"] == "CANNOT_CREATE_HOSTED_ZONE"


def test_accounts_and_regions_see_their_own(scene: Scene, aws: Aws) -> None:
    namespace_id = scene.http()
    for other in (aws("servicediscovery", region="eu-west-1"), aws("servicediscovery", access_key="210987654321")):
        assert other.list_namespaces()["Namespaces"] == []
        with refuses("NamespaceNotFound"):
            other.get_namespace(Id=f"arn:aws:servicediscovery:us-east-1:123456789012:namespace/{namespace_id}")


def test_an_operation_outlives_a_restart(scene: Scene) -> None:
    made = scene.client.create_http_namespace(Name="apps")
    scene.emulator.plane.start()
    assert scene.done(made)["Status"] == "SUCCESS"


def test_sdks_put_data_before_the_endpoints_name() -> None:
    for host in ("data-localhost:4566", "data-127.0.0.1:4566", "data-servicediscovery.us-east-1.amazonaws.com"):
        assert Guard().refusal({"HTTP_HOST": host}) is None
    assert Guard().refusal({"HTTP_HOST": "data-evil.example:4566"}) is not None
