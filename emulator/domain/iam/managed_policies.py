"""The AWS managed policies that container stacks name, each with a document that grants what AWS says it is for.

The documents are written from the service authorization reference and the descriptions in AWS's managed policy
guides; they are shorter than AWS's own in places, and have one version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

OWNER = "aws"
"""Stands in place of the account in these policies' ARNs."""


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """`path` begins and ends with a slash; `service-role/` and `aws-service-role/` policies have one of their own."""

    name: str
    path: str
    description: str
    document: str

    def arn(self, partition: str) -> str:
        return f"arn:{partition}:iam::{OWNER}:policy{self.path}{self.name}"


def is_aws_managed(arn: str) -> bool:
    return f":iam::{OWNER}:policy/" in arn


@cache
def managed_policies() -> dict[str, ManagedPolicy]:
    """By path and name, e.g. `/service-role/AmazonECSTaskExecutionRolePolicy`."""
    found = [_policy(path, text, statements) for path, (text, *statements) in _POLICIES.items()]
    return {f"{policy.path}{policy.name}": policy for policy in found}


def managed_policy(arn: str) -> ManagedPolicy | None:
    return managed_policies().get(arn.partition(f":iam::{OWNER}:policy")[2])


def _policy(full: str, description: str, statements: list[Any]) -> ManagedPolicy:
    path, _, name = full.rpartition("/")
    document = {"Version": "2012-10-17", "Statement": statements}
    return ManagedPolicy(name, f"{path}/", description, json.dumps(document))


def _allow(actions: str, resource: str = "*", condition: dict[str, Any] | None = None) -> dict[str, Any]:
    """`service: A B C; other: D` in the short form used below."""
    listed = [
        f"{service.strip()}:{name}"
        for service, _, names in (group.partition(":") for group in actions.split(";"))
        for name in names.split()
    ]
    statement: dict[str, Any] = {"Effect": "Allow", "Action": listed, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def _pass_role(*services: str) -> dict[str, Any]:
    return _allow("iam: PassRole", "*", {"StringLike": {"iam:PassedToService": list(services)}})


def _linked_role(*services: str) -> dict[str, Any]:
    return _allow("iam: CreateServiceLinkedRole", "*", {"StringLike": {"iam:AWSServiceName": list(services)}})


_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_PULL = "GetAuthorizationToken BatchCheckLayerAvailability GetDownloadUrlForLayer BatchGetImage"
_LOOK = (
    f"{_PULL} GetRepositoryPolicy DescribeRepositories ListImages DescribeImages GetLifecyclePolicy "
    "GetLifecyclePolicyPreview ListTagsForResource DescribeImageScanFindings"
)
_ENI = (
    "AttachNetworkInterface CreateNetworkInterface CreateNetworkInterfacePermission DeleteNetworkInterface "
    "DeleteNetworkInterfacePermission Describe* DetachNetworkInterface"
)
_TARGETS = (
    "DeregisterInstancesFromLoadBalancer DeregisterTargets Describe* RegisterInstancesWithLoadBalancer RegisterTargets"
)
_AGENT = (
    "ecs: CreateCluster DeregisterContainerInstance DiscoverPollEndpoint Poll RegisterContainerInstance "
    "StartTelemetrySession UpdateContainerInstancesState Submit*"
)

_POLICIES: dict[str, tuple[Any, ...]] = {
    "/service-role/AmazonECSTaskExecutionRolePolicy": (
        "Provides access to other AWS service resources that are required to run Amazon ECS tasks",
        _allow(f"ecr: {_PULL}; logs: CreateLogStream PutLogEvents"),
    ),
    "/service-role/AmazonEC2ContainerServiceforEC2Role": (
        "Default policy for the Amazon EC2 Role for Amazon EC2 Container Service.",
        _allow(f"ec2: DescribeTags; {_AGENT}; ecr: {_PULL}; logs: CreateLogStream PutLogEvents"),
        _allow(
            "ecs: TagResource",
            "*",
            {"StringEquals": {"ecs:CreateAction": ["CreateCluster", "RegisterContainerInstance"]}},
        ),
    ),
    "/service-role/AmazonEC2ContainerServiceEventsRole": (
        "Policy to enable CloudWatch Events for EC2 Container Service",
        _allow("ecs: RunTask"),
        _pass_role("ecs-tasks.amazonaws.com"),
        _allow("ecs: TagResource", "*", {"StringEquals": {"ecs:CreateAction": ["RunTask"]}}),
    ),
    "/service-role/AmazonEC2ContainerServiceRole": (
        "Default policy for Amazon ECS service role.",
        _allow(f"ec2: AuthorizeSecurityGroupIngress Describe*; elasticloadbalancing: {_TARGETS}"),
    ),
    "/service-role/AmazonEC2ContainerServiceAutoscaleRole": (
        "Policy to enable Task Autoscaling for Amazon EC2 Container Service",
        _allow("ecs: DescribeServices UpdateService; cloudwatch: DescribeAlarms PutMetricAlarm"),
    ),
    "/AmazonECS_FullAccess": (
        "Provides administrative access to Amazon ECS resources.",
        _allow(
            "ecs: *; application-autoscaling: *; ec2: Describe*; ecr: Describe* List*; elasticloadbalancing: *; "
            "cloudwatch: DeleteAlarms DescribeAlarms GetMetricStatistics PutMetricAlarm; "
            "logs: CreateLogGroup DescribeLogGroups FilterLogEvents; servicediscovery: *; "
            "autoscaling: Describe* CreateAutoScalingGroup UpdateAutoScalingGroup DeleteAutoScalingGroup; "
            "events: DeleteRule DescribeRule ListRuleNamesByTarget ListTargetsByRule PutRule PutTargets RemoveTargets; "
            "iam: ListAttachedRolePolicies ListInstanceProfiles ListRoles; lambda: ListFunctions; sns: ListTopics"
        ),
        _allow("ssm: GetParameter GetParameters GetParametersByPath", "arn:aws:ssm:*:*:parameter/aws/service/ecs*"),
        _pass_role("ecs-tasks.amazonaws.com", "ecs.amazonaws.com", "application-autoscaling.amazonaws.com"),
        _linked_role(
            "ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com"
        ),
    ),
    "/AmazonEC2ContainerRegistryReadOnly": (
        "Provides read-only access to Amazon EC2 Container Registry repositories.",
        _allow(f"ecr: {_LOOK}"),
    ),
    "/AmazonEC2ContainerRegistryPullOnly": (
        "Policy that grants necessary permissions to pull images from ECR.",
        _allow(
            "ecr: GetAuthorizationToken BatchImportUpstreamImage BatchGetImage GetDownloadUrlForLayer "
            "BatchCheckLayerAvailability"
        ),
    ),
    "/AmazonEC2ContainerRegistryPowerUser": (
        "Provides full access to Amazon EC2 Container Registry repositories, but does not allow repository deletion "
        "or policy changes.",
        _allow(f"ecr: {_LOOK} InitiateLayerUpload UploadLayerPart CompleteLayerUpload PutImage"),
    ),
    "/AmazonEC2ContainerRegistryFullAccess": (
        "Provides administrative access to Amazon ECR resources",
        _allow("ecr: *; cloudtrail: LookupEvents"),
        _linked_role("replication.ecr.amazonaws.com"),
    ),
    "/service-role/AWSAppRunnerServicePolicyForECRAccess": (
        "AWS App Runner service policy for ECR access",
        _allow(
            "ecr: GetDownloadUrlForLayer BatchGetImage DescribeImages GetAuthorizationToken BatchCheckLayerAvailability"
        ),
    ),
    "/CloudWatchLogsFullAccess": (
        "Provides full access to CloudWatch Logs",
        _allow("logs: *; cloudwatch: GenerateQuery"),
    ),
    "/CloudWatchLogsReadOnlyAccess": (
        "Provides read only access to CloudWatch Logs",
        _allow(
            "logs: Describe* Get* List* StartQuery StopQuery TestMetricFilter FilterLogEvents StartLiveTail "
            "StopLiveTail"
        ),
    ),
    "/CloudWatchFullAccess": (
        "Provides full access to CloudWatch.",
        _allow("autoscaling: Describe*; cloudwatch: *; logs: *; sns: *; iam: GetPolicy GetPolicyVersion GetRole"),
    ),
    "/CloudWatchAgentServerPolicy": (
        "Permissions required to use AmazonCloudWatchAgent on servers",
        _allow(
            "cloudwatch: PutMetricData; ec2: DescribeVolumes DescribeTags; "
            "logs: PutLogEvents PutRetentionPolicy DescribeLogStreams DescribeLogGroups CreateLogStream CreateLogGroup"
        ),
        _allow("ssm: GetParameter", "arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*"),
    ),
    "/AmazonSSMReadOnlyAccess": (
        "Provides read only access to Amazon SSM.",
        _allow("ssm: Describe* Get* List*"),
    ),
    "/AmazonSSMFullAccess": (
        "Provides full access to Amazon SSM.",
        _allow(
            "cloudwatch: PutMetricData; ds: CreateComputer DescribeDirectories; ec2: DescribeInstanceStatus; logs: *; "
            "ssm: *; ec2messages: *"
        ),
        _linked_role("ssm.amazonaws.com"),
    ),
    "/AmazonSSMManagedInstanceCore": (
        "The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality.",
        _allow(
            "ssm: DescribeAssociation GetDeployablePatchSnapshotForInstance GetDocument DescribeDocument GetManifest "
            "GetParameter GetParameters ListAssociations ListInstanceAssociations PutInventory PutComplianceItems "
            "PutConfigurePackageResult UpdateAssociationStatus UpdateInstanceAssociationStatus "
            "UpdateInstanceInformation; "
            "ssmmessages: CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel; "
            "ec2messages: AcknowledgeMessage DeleteMessage FailMessage GetEndpoint GetMessages SendReply"
        ),
    ),
    "/SecretsManagerReadWrite": (
        "Provides read/write access to AWS Secrets Manager via the AWS Management Console.",
        _allow(
            "secretsmanager: *; kms: DescribeKey ListAliases ListKeys; lambda: ListFunctions; rds: DescribeDBClusters "
            "DescribeDBInstances; tag: GetResources; ec2: DescribeSecurityGroups DescribeSubnets DescribeVpcs; "
            "cloudformation: CreateChangeSet DescribeChangeSet DescribeStacks ExecuteChangeSet"
        ),
    ),
    "/AmazonEKSClusterPolicy": (
        "This policy provides Kubernetes the permissions it requires to manage resources on your behalf.",
        _allow(
            "autoscaling: DescribeAutoScalingGroups UpdateAutoScalingGroup; ec2: AttachVolume "
            "AuthorizeSecurityGroupIngress CreateRoute CreateSecurityGroup CreateTags CreateVolume DeleteRoute "
            "DeleteSecurityGroup DeleteVolume Describe* DetachVolume ModifyInstanceAttribute ModifyVolume "
            "RevokeSecurityGroupIngress; elasticloadbalancing: *; "
            "kms: DescribeKey"
        ),
        _linked_role("elasticloadbalancing.amazonaws.com"),
    ),
    "/AmazonEKSWorkerNodePolicy": (
        "This policy allows Amazon EKS worker nodes to connect to Amazon EKS Clusters.",
        _allow("ec2: Describe*; eks: DescribeCluster; eks-auth: AssumeRoleForPodIdentity"),
    ),
    "/AmazonEKS_CNI_Policy": (
        "This policy provides the Amazon VPC CNI Plugin the permissions it requires to modify the IP address "
        "configuration on your EKS worker nodes.",
        _allow(
            "ec2: AssignPrivateIpAddresses AttachNetworkInterface CreateNetworkInterface DeleteNetworkInterface "
            "DescribeInstances DescribeTags DescribeNetworkInterfaces DescribeInstanceTypes DescribeSubnets "
            "DetachNetworkInterface ModifyNetworkInterfaceAttribute UnassignPrivateIpAddresses"
        ),
        _allow("ec2: CreateTags", "arn:aws:ec2:*:*:network-interface/*"),
    ),
    "/AmazonEKSFargatePodExecutionRolePolicy": (
        "Provides access to other AWS service resources that are required to run Amazon EKS pods on AWS Fargate",
        _allow(f"ecr: {_PULL}"),
    ),
    "/AmazonEKSVPCResourceController": (
        "Policy used by VPC Resource Controller to manage ENI and IPs for worker nodes.",
        _allow(f"ec2: {_ENI} ModifyNetworkInterfaceAttribute AssignPrivateIpAddresses UnassignPrivateIpAddresses"),
    ),
    "/AmazonS3ReadOnlyAccess": (
        "Provides read only access to all buckets via the AWS Management Console.",
        _allow("s3: Get* List* Describe*; s3-object-lambda: Get* List*"),
    ),
    "/AmazonS3FullAccess": (
        "Provides full access to all buckets via the AWS Management Console.",
        _allow("s3: *; s3-object-lambda: *"),
    ),
    "/IAMFullAccess": (
        "Provides full access to IAM via the AWS Management Console.",
        _allow("iam: *; organizations: DescribeAccount DescribeOrganization ListAccounts ListPolicies"),
    ),
    "/AdministratorAccess": ("Provides full access to AWS services and resources.", _EVERYTHING),
    "/PowerUserAccess": (
        "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
        {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
        _allow("iam: CreateServiceLinkedRole DeleteServiceLinkedRole ListRoles; organizations: DescribeOrganization"),
    ),
    "/aws-service-role/AmazonECSServiceRolePolicy": (
        "Policy to enable Amazon ECS to manage your cluster.",
        _allow(
            f"ec2: {_ENI}; elasticloadbalancing: {_TARGETS}; route53: ChangeResourceRecordSets CreateHealthCheck "
            "DeleteHealthCheck Get* List* UpdateHealthCheck; servicediscovery: DeregisterInstance Get* List* "
            "RegisterInstance UpdateInstanceCustomHealthStatus; autoscaling: Describe*; "
            "cloudwatch: DeleteAlarms DescribeAlarms PutMetricAlarm; "
            "logs: CreateLogGroup CreateLogStream DescribeLogGroups DescribeLogStreams PutLogEvents; "
            "ssm: DescribeSessions"
        ),
    ),
    "/aws-service-role/AWSApplicationAutoscalingECSServicePolicy": (
        "Policy granting permissions to Application Auto Scaling to access ECS and CloudWatch.",
        _allow("ecs: DescribeServices UpdateService; cloudwatch: PutMetricAlarm DescribeAlarms DeleteAlarms"),
    ),
}
