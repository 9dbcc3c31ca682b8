"""RunInstances through boto3: hosts that boot, join a cluster, take tasks, and end."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from emulator.app import Emulator
from tests.conftest import Aws
from tests.services.capacity_scene import make_template
from tests.services.ecs_scene import refuses

JOIN = "#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n"


@pytest.fixture
def ec2(aws: Aws) -> Any:
    return aws("ec2")


def run(ec2: Any, **members: Any) -> dict[str, Any]:
    request = {"ImageId": "ami-ecs", "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1, **members}
    made: dict[str, Any] = ec2.run_instances(**{k: v for k, v in request.items() if v is not None})
    return made


def boot(emulator: Emulator) -> None:
    emulator.plane.advance(5, emulator.clock.advance)  # type: ignore[attr-defined]


def test_hosts_join_the_cluster_of_their_user_data(emulator: Emulator, aws: Aws, ec2: Any) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="web")
    profile = aws("iam").create_instance_profile(InstanceProfileName="host")["InstanceProfile"]
    tags = [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": "h"}]} for kind in ("instance", "volume")]
    reservation = run(
        ec2, MaxCount=2, UserData=JOIN, IamInstanceProfile={"Name": "host"}, TagSpecifications=tags, KeyName="k",
        Placement={"AvailabilityZone": "us-east-1b"}, InstanceMarketOptions={"MarketType": "spot"},
    )  # fmt: skip
    first, second = reservation["Instances"]
    assert {i["State"]["Name"] for i in (first, second)} == {"pending"}
    assert (first["AmiLaunchIndex"], second["AmiLaunchIndex"]) == (0, 1)
    assert first["IamInstanceProfile"] == {"Arn": profile["Arn"], "Id": profile["InstanceProfileId"]}
    assert (first["InstanceLifecycle"], first["KeyName"]) == ("spot", "k")
    assert ec2.describe_instance_status()["InstanceStatuses"] == []
    boot(emulator)
    [shown] = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["h"]}])["Reservations"]
    assert [i["State"]["Name"] for i in shown["Instances"]] == ["running"] * 2
    hosts = ecs.describe_container_instances(
        cluster="web",
        containerInstances=ecs.list_container_instances(
            cluster="web", filter="attribute:ecs.availability-zone == us-east-1b"
        )["containerInstanceArns"],
    )["containerInstances"]
    assert {h["ec2InstanceId"] for h in hosts} == {first["InstanceId"], second["InstanceId"]}
    assert all("capacityProviderName" not in host for host in hosts)
    statuses = ec2.describe_instance_status(InstanceIds=[first["InstanceId"]])["InstanceStatuses"]
    assert (statuses[0]["InstanceStatus"]["Status"], statuses[0]["SystemStatus"]["Status"]) == ("ok", "ok")
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[first["InstanceId"]])
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    boot(emulator)
    assert len(ecs.list_container_instances(cluster="web")["containerInstanceArns"]) == 1
    ended = ec2.describe_instance_status(IncludeAllInstances=True, InstanceIds=[first["InstanceId"]])
    assert ended["InstanceStatuses"][0]["InstanceState"]["Name"] == "terminated"
    assert ended["InstanceStatuses"][0]["InstanceStatus"]["Status"] == "not-applicable"


def test_without_a_name_it_is_the_cluster_default(emulator: Emulator, aws: Aws, ec2: Any) -> None:
    """Which the agent makes when it is not there; one that is named is waited for."""
    ecs = aws("ecs")
    run(ec2)
    run(ec2, UserData=JOIN)
    boot(emulator)
    assert len(ecs.list_container_instances()["containerInstanceArns"]) == 1
    ecs.create_cluster(clusterName="web")
    emulator.plane.advance(31, emulator.clock.advance)  # type: ignore[attr-defined]
    assert len(ecs.list_container_instances(cluster="web")["containerInstanceArns"]) == 1


def test_from_a_template_whose_members_the_request_overrides(emulator: Emulator, aws: Aws, ec2: Any) -> None:
    template = make_template(aws, InstanceType="m5.large", InstanceMarketOptions={"MarketType": "spot"})
    made = run(ec2, ImageId=None, InstanceType=None, LaunchTemplate={"LaunchTemplateId": template})["Instances"][0]
    assert (made["InstanceType"], made["ImageId"], made["InstanceLifecycle"]) == ("m5.large", "ami-ecs", "spot")
    made = run(ec2, InstanceType="t3.micro", LaunchTemplate={"LaunchTemplateName": "hosts"})["Instances"][0]
    assert made["InstanceType"] == "t3.micro"


def test_a_repeated_request_runs_nothing_new(ec2: Any) -> None:
    first, again = (run(ec2, ClientToken="t", MaxCount=2) for _ in range(2))
    assert [i["InstanceId"] for i in first["Instances"]] == [i["InstanceId"] for i in again["Instances"]]
    with refuses("IdempotentParameterMismatch"):
        run(ec2, ClientToken="t")
    with refuses("DryRunOperation"):
        run(ec2, DryRun=True)
    assert len(ec2.describe_instances()["Reservations"][0]["Instances"]) == 2


def test_subnet_and_groups_are_of_one_vpc(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.4.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.4.0.0/24", AvailabilityZone="us-east-1c")["Subnet"]["SubnetId"]
    made = run(ec2, NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet}])["Instances"][0]
    assert (made["VpcId"], made["Placement"]["AvailabilityZone"]) == (vpc, "us-east-1c")
    own = made["SecurityGroups"][0]["GroupId"]
    with refuses("InvalidParameterValue", "Security group and subnet belong to different networks."):
        run(ec2, SecurityGroupIds=[own])
    assert run(ec2, SecurityGroups=["default"])["Instances"][0]["SecurityGroups"][0]["GroupId"] != own


@pytest.mark.parametrize(
    ("members", "code", "part"),
    [
        ({"ImageId": None}, "MissingParameter", "The request must contain the parameter ImageId"),
        ({"InstanceType": "p5.48xlarge"}, "InvalidParameterValue", "Invalid value 'p5.48xlarge' for InstanceType"),
        ({"InstanceType": "t4g.small", "ImageId": "resolve:ssm:/nope"}, "InvalidAMIID.NotFound", "does not exist"),
        ({"MinCount": 0}, "InvalidParameterValue", "parameter minCount is invalid. Minimum value is 1."),
        ({"MinCount": 3}, "InvalidParameterValue", "must not be greater than maxCount"),
        ({"MinCount": 201, "MaxCount": 201}, "InstanceLimitExceeded", "(201)"),
        ({"SubnetId": "subnet-0"}, "InvalidSubnetID.NotFound", "'subnet-0'"),
        ({"SecurityGroupIds": ["sg-0"]}, "InvalidGroup.NotFound", "'sg-0'"),
        ({"SecurityGroups": ["nope"]}, "InvalidGroup.NotFound", "'nope'"),
        ({"IamInstanceProfile": {"Name": "nope"}}, "InvalidParameterValue", "Invalid IAM Instance Profile name"),
        ({"Placement": {"AvailabilityZone": "x"}}, "InvalidParameterValue", "Invalid availability zone: [x]"),
        ({"Placement": {"Tenancy": "dedicated"}}, "NotEmulatedYet", "dedicated"),
        ({"DisableApiTermination": True}, "NotEmulatedYet", "DisableApiTermination"),
        ({"EnclaveOptions": {"Enabled": True}}, "NotEmulatedYet", "EnclaveOptions"),
        ({"PrivateIpAddress": "172.31.0.9"}, "NotEmulatedYet", "PrivateIpAddress"),
        ({"NetworkInterfaces": [{"NetworkInterfaceId": "eni-0"}]}, "NotEmulatedYet", "network interfaces"),
        (
            {"NetworkInterfaces": [{"SubnetId": "subnet-0"}], "SubnetId": "subnet-0"},
            "InvalidParameterCombination",
            "Network interfaces and an instance-level subnet ID",
        ),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-0"}}, "InvalidLaunchTemplateId.NotFound", "lt-0"),
        ({"LaunchTemplate": {"LaunchTemplateName": "x"}}, "InvalidLaunchTemplateName.NotFoundException", "name x"),
        (
            {"TagSpecifications": [{"ResourceType": "vpc", "Tags": []}]},
            "InvalidParameterValue",
            "'vpc' is not a valid taggable resource type",
        ),
    ],
)
def test_refusals(ec2: Any, members: dict[str, Any], code: str, part: str) -> None:
    with refuses(code, part, part=True):
        run(ec2, **members)
    assert ec2.describe_instances()["Reservations"] == []


def test_attributes_are_told_one_by_one(ec2: Any) -> None:
    small, large = (run(ec2, InstanceType=kind, UserData=JOIN)["Instances"][0] for kind in ("t2.micro", "m5.large"))
    instance = large["InstanceId"]
    kinds = ec2.describe_instance_attribute(InstanceId=instance, Attribute="instanceType")
    assert (kinds["InstanceId"], kinds["InstanceType"]) == (instance, {"Value": "m5.large"})
    told = ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(told).decode() == JOIN
    for attribute in ("disableApiTermination", "disableApiStop"):
        shown = ec2.describe_instance_attribute(InstanceId=instance, Attribute=attribute)
        assert shown[attribute[0].upper() + attribute[1:]] == {"Value": False}
    groups = ec2.describe_instance_attribute(InstanceId=instance, Attribute="groupSet")["Groups"]
    assert [g["GroupId"] for g in groups] == [g["GroupId"] for g in large["SecurityGroups"]]
    credits = ec2.describe_instance_credit_specifications()["InstanceCreditSpecifications"]
    assert credits == [{"InstanceId": small["InstanceId"], "CpuCredits": "standard"}]
    with refuses("InvalidInstanceID.NotFound"):
        ec2.describe_instance_attribute(InstanceId="i-0", Attribute="userData")
    with refuses("InvalidInstanceID.NotFound"):
        ec2.describe_instance_credit_specifications(InstanceIds=["i-0"])
    with refuses("InvalidParameterValue", "The filter 'x' is invalid"):
        ec2.describe_instance_credit_specifications(Filters=[{"Name": "x", "Values": ["y"]}])
