"""Launch templates and instances through boto3."""

from __future__ import annotations

from emulator.app import Emulator
from tests.conftest import Aws
from tests.control.test_instances import add
from tests.services.capacity_scene import make_template, user_data
from tests.services.ecs_scene import refuses


def test_versions_of_a_template(aws: Aws) -> None:
    ec2 = aws("ec2")
    template = make_template(aws, UserData=user_data("c"))
    with refuses("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use."):
        make_template(aws)
    second = ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "m5.large"}
    )["LaunchTemplateVersion"]
    assert (second["VersionNumber"], second["DefaultVersion"]) == (2, False)
    assert second["LaunchTemplateData"]["UserData"] == user_data("c")
    with refuses("InvalidLaunchTemplateId.VersionNotFound"):
        ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="7")
    changed = ec2.modify_launch_template(LaunchTemplateName="hosts", DefaultVersion="2")["LaunchTemplate"]
    assert (changed["DefaultVersionNumber"], changed["LatestVersionNumber"]) == (2, 2)
    versions = ec2.describe_launch_template_versions(LaunchTemplateName="hosts")["LaunchTemplateVersions"]
    assert [v["VersionNumber"] for v in versions] == [2, 1]
    [latest] = ec2.describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"]
    assert latest["LaunchTemplateData"]["InstanceType"] == "m5.large"
    with refuses("MissingParameter"):
        ec2.describe_launch_template_versions()
    answer = ec2.delete_launch_template_versions(LaunchTemplateId=template, Versions=["1", "2", "9"])
    assert [v["VersionNumber"] for v in answer["SuccessfullyDeletedLaunchTemplateVersions"]] == [1]
    assert [v["VersionNumber"] for v in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]] == [2, 9]
    with refuses("InvalidLaunchTemplateId.NotFound"):
        ec2.delete_launch_template_versions(LaunchTemplateId="lt-0", Versions=["1"])
    with refuses("InvalidLaunchTemplateId.NotFound"):
        ec2.create_launch_template_version(LaunchTemplateId="lt-0", LaunchTemplateData={"ImageId": "ami-1"})


def test_templates_are_described_tagged_and_deleted(aws: Aws) -> None:
    ec2 = aws("ec2")
    made = ec2.create_launch_template(
        LaunchTemplateName="tagged",
        LaunchTemplateData={"InstanceType": "t3.micro"},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "a"}]}],
    )["LaunchTemplate"]
    template = made["LaunchTemplateId"]
    ec2.create_tags(Resources=[template], Tags=[{"Key": "stage", "Value": "b"}])
    [shown] = ec2.describe_launch_templates(Filters=[{"Name": "tag:stage", "Values": ["b"]}])["LaunchTemplates"]
    assert shown["LaunchTemplateId"] == template and len(shown["Tags"]) == 2
    with refuses("InvalidLaunchTemplateName.NotFoundException"):
        ec2.describe_launch_templates(LaunchTemplateNames=["nope"])
    with refuses("InvalidUserData.Malformed"):
        make_template(aws, "bad", UserData="not base64!")
    ec2.delete_launch_template(LaunchTemplateName="tagged")
    with refuses("InvalidLaunchTemplateId.NotFound"):
        ec2.delete_launch_template(LaunchTemplateId=template)
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []


def test_an_added_host_is_an_instance(emulator: Emulator, aws: Aws) -> None:
    ec2, ecs = aws("ec2"), aws("ecs")
    _, added = add(emulator, type="t3.medium", zone="b")
    instance_id = added["instances"][0]["ec2InstanceId"]
    [reservation] = ec2.describe_instances(Filters=[{"Name": "instance-type", "Values": ["t3.*"]}])["Reservations"]
    [instance] = reservation["Instances"]
    assert (instance["InstanceId"], instance["State"]["Name"], instance["Placement"]["AvailabilityZone"]) == (
        instance_id, "running", "us-east-1b",
    )  # fmt: skip
    with refuses("InvalidInstanceID.NotFound", "The instance ID 'i-0' does not exist"):
        ec2.terminate_instances(InstanceIds=[instance_id, "i-0"])
    ec2.terminate_instances(InstanceIds=[instance_id])
    emulator.plane.settle()
    assert ecs.list_container_instances()["containerInstanceArns"] == []
    [shown] = ecs.describe_container_instances(containerInstances=[added["instances"][0]["arn"]])["containerInstances"]
    assert (shown["status"], shown["agentConnected"]) == ("INACTIVE", False)


def test_instance_types(aws: Aws) -> None:
    ec2 = aws("ec2")
    [kind] = ec2.describe_instance_types(InstanceTypes=["t4g.small"])["InstanceTypes"]
    assert kind["VCpuInfo"]["DefaultVCpus"] == 2 and kind["MemoryInfo"]["SizeInMiB"] == 2048
    assert kind["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    found = ec2.describe_instance_types(Filters=[{"Name": "instance-type", "Values": ["c5.*"]}])["InstanceTypes"]
    assert {k["InstanceType"].split(".")[0] for k in found} == {"c5"}
    with refuses("InvalidInstanceType"):
        ec2.describe_instance_types(InstanceTypes=["p5.48xlarge"])
