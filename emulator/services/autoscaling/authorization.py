"""What a caller of Auto Scaling needs (Service Authorization Reference, Amazon EC2 Auto Scaling).

Descriptions have no resource; changes are on a group or a launch configuration, whose ARN has a UUID in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.domain.iam.policy_conditions import resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.services.access import request_tags
from emulator.store.autoscaling_tables import GROUPS, LAUNCH_CONFIGURATIONS
from emulator.store.ec2_tables import INSTANCES
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call

Request = Mapping[str, Any]


def _anything(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"autoscaling:{call.operation}")


def _group(call: Call, request: Request) -> Iterable[Access]:
    yield _on_group(call, request["AutoScalingGroupName"], request)


def _instance(call: Call, request: Request) -> Iterable[Access]:
    found = call.reader.get(INSTANCES, call.account, call.region, request.get("InstanceId") or "")
    yield _on_group(call, (found.scaling_group if found else None) or "*", {})


def _tags(call: Call, request: Request) -> Iterable[Access]:
    """Without a tag there is no group that one could name: any."""
    names = dict.fromkeys(str(tag.get("ResourceId") or "*") for tag in request["Tags"])
    for name in names or ["*"]:
        yield _on_group(call, name, request)


def _policy(call: Call, request: Request) -> Iterable[Access]:
    """On the group, which the ARN of a policy names too."""
    named = str(request["PolicyName"]).rpartition(":autoScalingGroupName/")[2].partition(":policyName/")
    yield _on_group(call, request.get("AutoScalingGroupName") or (named[0] if named[1] else "*"), request)


def _configuration(call: Call, request: Request) -> Iterable[Access]:
    name = request["LaunchConfigurationName"]
    found = call.reader.get(LAUNCH_CONFIGURATIONS, call.account, call.region, name)
    arn = found.arn if found else call.arn(f"launchConfiguration:*:launchConfigurationName/{name}")
    yield Access(f"autoscaling:{call.operation}", arn)


def _on_group(call: Call, name: str, request: Request) -> Access:
    found = call.reader.get(GROUPS, call.account, call.region, name)
    arn = found.arn if found else call.arn(f"autoScalingGroup:*:autoScalingGroupName/{name}")
    own = resource_tags("autoscaling", {tag.key: tag.value for tag in found.tags}) if found else {}
    given = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in request.get("Tags") or ()}
    return Access(f"autoscaling:{call.operation}", arn, {**own, **(request_tags(given) if given else {})})


AUTHORIZATION: Authorization = {
    **dict.fromkeys(
        (
            "DescribeAutoScalingGroups", "DescribeAutoScalingInstances", "DescribeInstanceRefreshes",
            "DescribeLaunchConfigurations",
            "DescribeLifecycleHookTypes", "DescribeLifecycleHooks",
            "DescribePolicies", "DescribeScalingActivities", "DescribeScalingProcessTypes", "DescribeTags",
        ),
        _anything,
    ),
    **dict.fromkeys(
        (
            "AttachInstances", "CancelInstanceRefresh", "CompleteLifecycleAction", "CreateAutoScalingGroup",
            "DeleteAutoScalingGroup", "DeleteLifecycleHook", "DetachInstances", "EnterStandby", "ExitStandby",
            "PutLifecycleHook", "PutScalingPolicy", "RecordLifecycleActionHeartbeat", "ResumeProcesses",
            "SetDesiredCapacity", "SetInstanceProtection", "StartInstanceRefresh", "SuspendProcesses",
            "UpdateAutoScalingGroup",
        ),
        _group,
    ),
    **dict.fromkeys(("CreateLaunchConfiguration", "DeleteLaunchConfiguration"), _configuration),
    **dict.fromkeys(("CreateOrUpdateTags", "DeleteTags"), _tags),
    **dict.fromkeys(("DeletePolicy", "ExecutePolicy"), _policy),
    **dict.fromkeys(("SetInstanceHealth", "TerminateInstanceInAutoScalingGroup"), _instance),
}  # fmt: skip
