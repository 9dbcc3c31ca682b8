"""Machine images and the public parameters that lead to them, through boto3."""

from __future__ import annotations

import json

from emulator.app import Emulator
from tests.conftest import Aws
from tests.services.capacity_scene import group, make_group, make_provider, make_template, use_provider
from tests.services.ecs_scene import refuses

PARAMETER = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended"


def test_a_stack_finds_the_image_of_its_hosts(aws: Aws) -> None:
    ec2, ssm = aws("ec2"), aws("ssm")
    shown = ssm.get_parameter(Name=f"{PARAMETER}/image_id")["Parameter"]
    assert (shown["DataType"], shown["Version"]) == ("aws:ec2:image", 1)
    assert shown["ARN"] == f"arn:aws:ssm:us-east-1::parameter{PARAMETER}/image_id"
    told = json.loads(ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"])
    assert told["image_id"] == shown["Value"] and told["os"] == "Amazon Linux 2023"
    [image] = ec2.describe_images(ImageIds=[shown["Value"]])["Images"]
    assert image["Name"] == told["image_name"] and image["Architecture"] == "x86_64"
    found = ec2.describe_images(
        Owners=["amazon"],
        Filters=[{"Name": "name", "Values": ["amzn2-ami-ecs-hvm-*-arm64-ebs"]}],
    )["Images"]
    assert [i["Architecture"] for i in found] == ["arm64"]
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    assert ec2.describe_images(ExecutableUsers=["self"])["Images"] == []
    page = ec2.describe_images(MaxResults=3)
    assert len(page["Images"]) == 3
    assert len(ec2.describe_images(MaxResults=3, NextToken=page["NextToken"])["Images"]) == 1
    for image_id, code in (("ami-0", "InvalidAMIID.NotFound"), ("x", "InvalidAMIID.Malformed")):
        with refuses(code):
            ec2.describe_images(ImageIds=[image_id])
    with refuses("InvalidParameterValue", "The filter 'colour' is invalid"):
        ec2.describe_images(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_public_parameters_are_read_by_path_and_by_nobody_written(aws: Aws) -> None:
    ssm = aws("ssm")
    found = ssm.get_parameters_by_path(Path=PARAMETER)["Parameters"]
    assert {p["Name"].rpartition("/")[2] for p in found} >= {"image_id", "image_name", "ecs_agent_version"}
    everything = ssm.get_parameters_by_path(Path="/", Recursive=True)["Parameters"]
    assert everything == [] == ssm.describe_parameters()["Parameters"]
    answer = ssm.get_parameters(Names=[f"{PARAMETER}/image_id", f"{PARAMETER}/colour", f"{PARAMETER}/image_id:2"])
    assert [p["Name"] for p in answer["Parameters"]] == [f"{PARAMETER}/image_id"]
    assert len(answer["InvalidParameters"]) == 2


def test_hosts_are_of_the_image_that_their_template_names(emulator: Emulator, aws: Aws) -> None:
    ec2, ecs = aws("ec2"), aws("ecs")
    image = aws("ssm").get_parameter(Name=f"{PARAMETER}/image_id")["Parameter"]["Value"]
    make_template(aws, ImageId=f"resolve:ssm:{PARAMETER}/image_id")
    make_provider(aws, make_group(aws, DesiredCapacity=1))
    use_provider(aws, "ec2")
    emulator.plane.advance(10, emulator.clock.advance)  # type: ignore[attr-defined]
    [instance] = ec2.describe_instances()["Reservations"][0]["Instances"]
    assert instance["ImageId"] == image
    [arn] = ecs.list_container_instances(cluster="c", filter=f"attribute:ecs.ami-id == {image}")[
        "containerInstanceArns"
    ]
    assert arn.startswith("arn:aws:ecs:us-east-1:123456789012:container-instance/c/")


def test_a_group_is_refused_that_could_launch_nothing(aws: Aws) -> None:
    ec2, iam = aws("ec2"), aws("iam")
    arm = ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["arm64"]}])["Images"][0]["ImageId"]
    faults = {
        "bare": ({"ImageId": ""}, "The request must contain the parameter ImageId"),
        "odd": ({"InstanceType": "p5.48xlarge"}, "Invalid value 'p5.48xlarge' for InstanceType. Homeport has t2, t3"),
        "arm": ({"ImageId": arm}, "The architecture 'x86_64' of the specified instance type does not match"),
        "lost": ({"ImageId": "resolve:ssm:/nowhere"}, "The image id '[resolve:ssm:/nowhere]' does not exist"),
        "named": (
            {"IamInstanceProfile": {"Name": "nope"}},
            "Value (nope) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
        ),
        "told": (
            {"IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/nope"}},
            "Value (arn:aws:iam::123456789012:instance-profile/nope) for parameter iamInstanceProfile.arn is invalid. "
            "Invalid IAM Instance Profile ARN",
        ),
    }
    for name, (data, text) in faults.items():
        make_template(aws, name, **data)
        with refuses("ValidationError", f"You must use a valid fully-formed launch template. {text}", part=True):
            make_group(aws, LaunchTemplate={"LaunchTemplateName": name})
        with refuses("ValidationError", text, part=True):
            policy = {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": name}}}
            make_group(aws, LaunchTemplate=None, MixedInstancesPolicy=policy)
    autoscaling = aws("autoscaling")
    with refuses("ValidationError", "Invalid IamInstanceProfile: nope"):
        autoscaling.create_launch_configuration(
            LaunchConfigurationName="l", InstanceType="t3.micro", ImageId="ami-1", IamInstanceProfile="nope"
        )
    with refuses("ValidationError", "Invalid value 'x1.large' for InstanceType", part=True):
        autoscaling.create_launch_configuration(LaunchConfigurationName="l", InstanceType="x1.large", ImageId="ami-1")
    assert iam.list_instance_profiles()["InstanceProfiles"] == []


def test_hosts_have_the_profile_of_their_template(emulator: Emulator, aws: Aws) -> None:
    ec2, iam = aws("ec2"), aws("iam")
    profile = iam.create_instance_profile(InstanceProfileName="hosts", Path="/ecs/")["InstanceProfile"]
    make_template(aws, IamInstanceProfile={"Arn": profile["Arn"]})
    make_group(aws, DesiredCapacity=1)
    emulator.plane.advance(10, emulator.clock.advance)  # type: ignore[attr-defined]
    [instance] = ec2.describe_instances()["Reservations"][0]["Instances"]
    assert instance["IamInstanceProfile"] == {"Arn": profile["Arn"], "Id": profile["InstanceProfileId"]}
    # One that is deleted later is missed at the next launch, and back again it is found.
    iam.delete_instance_profile(InstanceProfileName="hosts")
    autoscaling = aws("autoscaling")
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=2)
    emulator.plane.advance(10, emulator.clock.advance)  # type: ignore[attr-defined]
    newest = autoscaling.describe_scaling_activities(AutoScalingGroupName="hosts")["Activities"][0]
    assert newest["StatusCode"] == "Failed" and "Invalid IAM Instance Profile ARN" in newest["StatusMessage"]
    iam.create_instance_profile(InstanceProfileName="hosts", Path="/ecs/")
    emulator.plane.advance(61, emulator.clock.advance)  # type: ignore[attr-defined]
    assert len(group(aws)["Instances"]) == 2
