"""`--enforce-iam`: users and sessions of roles do what policies allow; AWS's words say what they may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.app import SERVICES, Emulator, build, load_service
from emulator.clock import VirtualClock
from emulator.config import Config
from tests.conftest import Aws, aws_of, call_wsgi, make_environ, observe

ACCOUNT, OTHER = "123456789012", "210987654321"
ECS = f"arn:aws:ecs:us-east-1:{ACCOUNT}"
ANA = f"arn:aws:iam::{ACCOUNT}:user/ana"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}}


def statement(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**statement(action, resource, **more), "Effect": "Deny"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


@dataclass
class Account:
    """What an administrator (any key: the root user) and a user `ana` see of one emulator."""

    aws: Aws
    key: str

    def root(self, service: str) -> Any:
        return self.aws(service)

    def ana(self, service: str) -> Any:
        return self.aws(service, access_key=self.key)

    def allow(self, *statements: dict[str, Any]) -> None:
        """From now on ana may this, and only this."""
        self.aws("iam").put_user_policy(UserName="ana", PolicyName="p", PolicyDocument=document(*statements))

    def role(self, name: str, *statements: dict[str, Any], principal: Any = None) -> str:
        trusted = trust(principal or {"Service": "ecs-tasks.amazonaws.com"})
        role = self.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]
        if statements:
            self.aws("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
        return str(role["Arn"])

    def session(self, service: str, role: str, **members: Any) -> Any:
        given = self.aws("sts").assume_role(RoleArn=role, RoleSessionName="s1", **members)["Credentials"]
        return self.aws(service, access_key=given["AccessKeyId"])


@pytest.fixture
def enforcing(config: Config, clock: VirtualClock) -> Iterator[Emulator]:
    emulator = build(replace(config, enforce_iam=True), clock=clock, threaded=False, observer=observe)
    emulator.start()
    yield emulator
    emulator.close()


@pytest.fixture
def account(enforcing: Emulator) -> Account:
    aws = aws_of(enforcing)
    aws("iam").create_user(UserName="ana")
    return Account(aws, aws("iam").create_access_key(UserName="ana")["AccessKey"]["AccessKeyId"])


def denied(call: Any, action: str, resource: str, why: str = "", who: str = ANA, **members: Any) -> None:
    """The exact message, code and status."""
    why = why or f"because no identity-based policy allows the {action} action"
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response
    named = f" on resource: {resource}" if resource else ""
    assert error["Error"]["Message"] == f"User: {who} is not authorized to perform: {action}{named} {why}"
    query = call.__self__.meta.service_model.signing_name in ("iam", "sts")
    expected = ("AccessDenied", 403) if query else ("AccessDeniedException", 400)
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == expected


@pytest.mark.parametrize("name", SERVICES)
def test_every_operation_says_what_it_needs(name: str) -> None:
    service = load_service(name)
    assert service.implemented <= set(service.authorization)
    assert {operation for operation in service.authorization if not service.knows(operation)} == set()


def test_whoever_has_no_user_is_the_root_user_and_may_everything(account: Account) -> None:
    assert account.root("ecs").create_cluster()["cluster"]["clusterName"] == "default"
    assert account.root("sts").get_caller_identity()["Arn"].endswith(":root")


def test_a_user_without_policies_may_only_ask_who_it_is(account: Account) -> None:
    assert account.ana("sts").get_caller_identity()["Arn"] == ANA
    denied(account.ana("ecs").list_clusters, "ecs:ListClusters", "*")
    denied(account.ana("ecs").describe_clusters, "ecs:DescribeClusters", f"{ECS}:cluster/default")
    denied(account.ana("iam").list_users, "iam:ListUsers", f"arn:aws:iam::{ACCOUNT}:user/")
    denied(account.ana("iam").get_role, "iam:GetRole", "role web", RoleName="web")
    denied(account.ana("ecr").get_authorization_token, "ecr:GetAuthorizationToken", "*")
    groups = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group::log-stream:"
    denied(account.ana("logs").describe_log_groups, "logs:DescribeLogGroups", groups)
    denied(
        account.ana("ssm").get_parameters,
        "ssm:GetParameters",
        f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/db/url",
        Names=["/db/url"],
    )


def test_users_do_what_their_policies_allow_where_they_allow_it(account: Account) -> None:
    for name in ("dev", "prod"):
        account.root("ecs").create_cluster(clusterName=name)
    account.allow(statement("ecs:*", f"{ECS}:cluster/dev"))
    ecs = account.ana("ecs")
    assert ecs.describe_clusters(clusters=["dev"])["clusters"]
    denied(ecs.describe_clusters, "ecs:DescribeClusters", f"{ECS}:cluster/prod", clusters=["dev", "prod"])
    account.allow(statement("ecs:*"), deny("ecs:DeleteCluster", f"{ECS}:cluster/prod"))
    explicit = "with an explicit deny in an identity-based policy"
    denied(ecs.delete_cluster, "ecs:DeleteCluster", f"{ECS}:cluster/prod", explicit, cluster="prod")
    assert ecs.delete_cluster(cluster="dev")["cluster"]["status"] == "INACTIVE"


def test_attached_policies_boundaries_and_their_versions_count(account: Account) -> None:
    iam = account.root("iam")
    made = iam.create_policy(PolicyName="lists", PolicyDocument=document(statement("ecs:List*")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ana", PolicyArn=made)
    assert account.ana("ecs").list_clusters()["clusterArns"] == []
    iam.create_policy_version(PolicyArn=made, PolicyDocument=document(statement("ecr:*")), SetAsDefault=True)
    denied(account.ana("ecs").list_clusters, "ecs:ListClusters", "*")
    role = iam.create_role(
        RoleName="bounded",
        AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}),
        PermissionsBoundary="arn:aws:iam::aws:policy/AmazonECS_FullAccess",
    )["Role"]["Arn"]
    iam.attach_role_policy(RoleName="bounded", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert account.session("ecs", role).list_clusters()["clusterArns"] == []
    boundary = "because no permissions boundary allows the ssm:DescribeParameters action"
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/bounded/s1"
    resource = f"arn:aws:ssm:us-east-1:{ACCOUNT}:*"
    denied(account.session("ssm", role).describe_parameters, "ssm:DescribeParameters", resource, boundary, who)
    with pytest.raises(ClientError, match="NotEmulatedYet"):
        iam.attach_user_policy(UserName="ana", PolicyArn="arn:aws:iam::aws:policy/SomethingHomeportLacks")


def test_session_policies_only_take_away(account: Account) -> None:
    role = account.role("web", statement(["ecs:List*", "ecr:*"]), principal={"AWS": ACCOUNT})
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/s1"
    narrow = document(statement(["ecs:ListClusters", "logs:*"]))
    ecs = account.session("ecs", role, Policy=narrow)
    assert ecs.list_clusters()["clusterArns"] == []
    missing = "because no session policy allows the ecs:ListTaskDefinitions action"
    denied(ecs.list_task_definitions, "ecs:ListTaskDefinitions", "*", missing, who)
    groups = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group::log-stream:"
    denied(account.session("logs", role, Policy=narrow).describe_log_groups, "logs:DescribeLogGroups", groups, who=who)


def test_conditions_on_tags_clusters_and_the_region(account: Account) -> None:
    account.root("ecs").create_cluster(clusterName="dev", tags=[{"key": "owner", "value": "ana"}])
    account.root("ecs").create_cluster(clusterName="prod")
    mine = {"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}}
    account.allow(
        statement("ecs:DescribeClusters", Condition=mine),
        statement("ecs:ListServices", Condition={"ArnEquals": {"ecs:cluster": f"{ECS}:cluster/dev"}}),
        statement("ecs:ListClusters", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}),
        statement(["ecs:CreateCluster", "ecs:TagResource"], Condition={"StringLike": {"aws:RequestTag/cost": "*"}}),
    )
    ecs = account.ana("ecs")
    assert ecs.describe_clusters(clusters=["dev"])["clusters"]
    denied(ecs.describe_clusters, "ecs:DescribeClusters", f"{ECS}:cluster/prod", clusters=["prod"])
    assert ecs.list_services(cluster="dev")["serviceArns"] == []
    denied(ecs.list_services, "ecs:ListServices", "*", cluster="prod")
    assert ecs.list_clusters()
    elsewhere = account.aws("ecs", region="eu-west-1", access_key=account.key)
    denied(elsewhere.list_clusters, "ecs:ListClusters", "*")
    denied(ecs.create_cluster, "ecs:CreateCluster", f"{ECS}:cluster/new", clusterName="new")
    assert ecs.create_cluster(clusterName="new", tags=[{"key": "cost", "value": "7"}])


def register(account: Account, client: Any, **members: Any) -> Any:
    return client.register_task_definition(
        family="web",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": "app:1"}],
        **members,
    )


def test_the_infrastructure_role_of_managed_instances_is_passed_and_must_exist(account: Account) -> None:
    role = account.role("infrastructure", principal={"Service": "ecs.amazonaws.com"})
    iam, ecs = account.root("iam"), account.ana("ecs")
    profile = iam.create_instance_profile(InstanceProfileName="hosts")["InstanceProfile"]["Arn"]
    account.root("ecs").create_cluster()
    template = {"ec2InstanceProfileArn": profile, "networkConfiguration": {"subnets": ["subnet-aaaa"]}}
    asked = {"infrastructureRoleArn": role, "instanceLaunchTemplate": template}
    made: dict[str, Any] = {"name": "mi", "cluster": "default", "managedInstancesProvider": asked}
    account.allow(statement("ecs:*"))
    denied(ecs.create_capacity_provider, "iam:PassRole", role, **made)
    account.allow(statement("ecs:*"), statement("iam:PassRole"))
    with pytest.raises(ClientError, match="does not exist"):
        ecs.create_capacity_provider(
            **{**made, "managedInstancesProvider": {**asked, "infrastructureRoleArn": f"{role}2"}}
        )
    assert ecs.create_capacity_provider(**made)["capacityProvider"]["status"] == "PROVISIONING"


def test_a_role_is_passed_only_by_who_may_pass_it_to_tasks(account: Account) -> None:
    role, other = account.role("web"), account.role("admin")
    passing = statement(
        "iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    )
    account.root("ecs").create_cluster()
    account.allow(statement("ecs:*"))
    ecs = account.ana("ecs")
    with pytest.raises(ClientError) as caught:
        register(account, ecs, taskRoleArn=role)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert caught.value.response["Error"]["Message"] == (
        f"User: {ANA} is not authorized to perform: iam:PassRole on resource: {role} because no identity-based policy "
        "allows the iam:PassRole action"
    )
    account.allow(statement("ecs:*"), passing)
    assert register(account, ecs, taskRoleArn=role)["taskDefinition"]["taskRoleArn"] == role
    asked: dict[str, Any] = {"taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": NETWORK}
    assert ecs.run_task(**asked)["tasks"]
    overrides: dict[str, Any] = {"overrides": {"taskRoleArn": other}}
    denied(ecs.run_task, "iam:PassRole", other, **asked, **overrides)
    account.allow(statement("ecs:RunTask", f"{ECS}:task-definition/web:2"), passing)
    denied(ecs.run_task, "ecs:RunTask", f"{ECS}:task-definition/web:1", **asked)
    with pytest.raises(ClientError, match="Cross-account pass role is not allowed"):
        register(account, account.root("ecs"), taskRoleArn=f"arn:aws:iam::{OTHER}:role/web")


def test_roles_must_be_there_and_trust_the_tasks(account: Account) -> None:
    missing, wrong = (
        f"arn:aws:iam::{ACCOUNT}:role/missing",
        account.role("wrong", principal={"Service": "ec2.amazonaws.com"}),
    )
    ecs = account.root("ecs")
    ecs.create_cluster()
    for role in (missing, wrong):
        register(account, ecs, executionRoleArn=role)
        with pytest.raises(ClientError, match=f"ECS was unable to assume the role '{role}'") as caught:
            ecs.run_task(taskDefinition="web", launchType="FARGATE", networkConfiguration=NETWORK)
        assert caught.value.response["Error"]["Code"] == "ClientException"


def test_a_role_may_be_assumed_by_whom_it_names_or_whose_account_it_names_and_policy_allows(account: Account) -> None:
    named = account.role("named", principal={"AWS": ANA})
    whole = account.role("whole", principal={"AWS": ACCOUNT})
    closed = account.role("closed")
    sts = account.ana("sts")
    assert sts.assume_role(RoleArn=named, RoleSessionName="s1")["Credentials"]
    for role in (whole, closed, f"arn:aws:iam::{ACCOUNT}:role/missing"):
        denied_text = f"User: {ANA} is not authorized to perform: sts:AssumeRole on resource: {role}"
        with pytest.raises(ClientError) as caught:
            sts.assume_role(RoleArn=role, RoleSessionName="s1")
        assert caught.value.response["Error"] == {
            "Type": "Sender", "Code": "AccessDenied", "Message": denied_text
        }  # fmt: skip
    account.allow(statement("sts:AssumeRole", [whole, closed]))
    assert sts.assume_role(RoleArn=whole, RoleSessionName="s1")["Credentials"]
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=closed, RoleSessionName="s1")


def test_a_secrets_policy_lets_in_and_keeps_out(account: Account) -> None:
    secrets = account.root("secretsmanager")
    arn = secrets.create_secret(Name="db", SecretString="word")["ARN"]
    ana = account.ana("secretsmanager")
    denied(ana.get_secret_value, "secretsmanager:GetSecretValue", arn, SecretId="db")
    by_ana = {"Principal": {"AWS": ANA}}
    secrets.put_resource_policy(
        SecretId="db", ResourcePolicy=document(statement("secretsmanager:GetSecretValue", **by_ana))
    )
    assert ana.get_secret_value(SecretId="db")["SecretString"] == "word"
    answer = account.aws("secretsmanager", access_key=account.key)
    denied(answer.batch_get_secret_value, "secretsmanager:BatchGetSecretValue", "", SecretIdList=["db"])
    account.allow(statement("secretsmanager:*"))
    secrets.put_resource_policy(SecretId="db", ResourcePolicy=document(deny("secretsmanager:GetSecretValue", **by_ana)))
    explicit = "with an explicit deny in a resource-based policy"
    denied(ana.get_secret_value, "secretsmanager:GetSecretValue", arn, explicit, SecretId="db")
    batch = ana.batch_get_secret_value(SecretIdList=["db"])
    assert [error["ErrorCode"] for error in batch["Errors"]] == ["AccessDeniedException"]


def test_a_customers_key_needs_kms_decrypt(account: Account) -> None:
    account.root("secretsmanager").create_secret(Name="db", SecretString="word", KmsKeyId="alias/own")
    account.root("ssm").put_parameter(Name="url", Value="u", Type="SecureString", KeyId="alias/own")
    account.allow(statement(["secretsmanager:GetSecretValue", "ssm:GetParameter"]))
    with pytest.raises(ClientError, match=r"AccessDeniedException.*Access to KMS is not allowed"):
        account.ana("secretsmanager").get_secret_value(SecretId="db")
    ssm, key = account.ana("ssm"), f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/own"
    denied(ssm.get_parameter, "kms:Decrypt", key, Name="url", WithDecryption=True)
    assert ssm.get_parameter(Name="url")["Parameter"]["Type"] == "SecureString"
    account.allow(statement(["secretsmanager:GetSecretValue", "ssm:GetParameter", "kms:Decrypt"]))
    assert account.ana("secretsmanager").get_secret_value(SecretId="db")["SecretString"] == "word"


def test_other_accounts_get_into_a_repository_by_its_policy_and_their_own(account: Account) -> None:
    ecr = account.root("ecr")
    ecr.create_repository(repositoryName="web")
    other = account.aws("ecr", access_key=OTHER)
    arn, who = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/web", f"arn:aws:iam::{OTHER}:root"
    asked = {"registryId": ACCOUNT, "repositoryName": "web"}
    missing = "because no resource-based policy allows the ecr:ListImages action"
    denied(other.list_images, "ecr:ListImages", arn, missing, who, **asked)
    shared = {"Effect": "Allow", "Principal": {"AWS": who}, "Action": "ecr:ListImages"}
    ecr.set_repository_policy(repositoryName="web", policyText=document(shared))
    assert other.list_images(**asked)["imageIds"] == []
    missing = "because no resource-based policy allows the ecr:DescribeImages action"
    denied(other.describe_images, "ecr:DescribeImages", arn, missing, who, **asked)


def registry(emulator: Emulator, ecr: Any, method: str, path: str) -> tuple[int, str]:
    """Status and the first error's text of a request to the registry with the token of a client."""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    status, _, body = call_wsgi(
        emulator.wsgi, make_environ(method, f"/v2/{path}", b"", {"Authorization": f"Basic {token}"})
    )
    return status, json.loads(body)["errors"][0]["message"] if status >= 400 else ""


def test_pushes_and_pulls_go_by_the_policies_of_who_got_the_token(account: Account, enforcing: Emulator) -> None:
    account.root("ecr").create_repository(repositoryName="web")
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/web"
    account.allow(statement("ecr:GetAuthorizationToken"), statement("ecr:ListImages", arn))
    ana = account.ana("ecr")
    assert registry(enforcing, ana, "GET", "web/tags/list") == (200, "")
    status, text = registry(enforcing, ana, "POST", "web/blobs/uploads/")
    assert (status, text) == (
        403,
        f"User: {ANA} is not authorized to perform: ecr:InitiateLayerUpload on resource: {arn} because no "
        "identity-based policy allows the ecr:InitiateLayerUpload action",
    )
    pushing = {"Effect": "Allow", "Principal": {"AWS": ANA}, "Action": "ecr:InitiateLayerUpload"}
    account.root("ecr").set_repository_policy(repositoryName="web", policyText=document(pushing))
    assert registry(enforcing, ana, "POST", "web/blobs/uploads/") == (202, "")
    role = account.role("ci", statement("ecr:*"), principal={"AWS": ACCOUNT})
    narrow = document(statement("ecr:GetAuthorizationToken"))
    bounded = account.session("ecr", role, Policy=narrow)
    status, text = registry(enforcing, bounded, "GET", "web/tags/list")
    assert (status, text.partition("because ")[2]) == (403, "no session policy allows the ecr:ListImages action")
    assert registry(enforcing, account.root("ecr"), "GET", "web/tags/list") == (200, "")


def test_a_deactivated_key_and_expired_credentials_are_nobodys(account: Account, clock: VirtualClock) -> None:
    role = account.role("web", statement("ecs:*"), principal={"AWS": ACCOUNT})
    ecs = account.session("ecs", role, DurationSeconds=900)
    assert ecs.list_clusters()
    clock.advance(900)
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        ecs.list_clusters()
    account.root("iam").update_access_key(UserName="ana", AccessKeyId=account.key, Status="Inactive")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        account.ana("sts").get_caller_identity()


def test_without_enforcement_nobody_is_asked(aws: Aws) -> None:
    aws("iam").create_user(UserName="ana")
    key = aws("iam").create_access_key(UserName="ana")["AccessKey"]["AccessKeyId"]
    assert aws("ecs", access_key=key).list_clusters()["clusterArns"] == []


def test_ec2_has_words_of_its_own(account: Account) -> None:
    account.allow(statement("ec2:CreateVpc", Condition={"StringEquals": {"aws:RequestTag/team": "blue"}}))
    ec2 = account.ana("ec2")
    with pytest.raises(ClientError) as caught:
        ec2.describe_vpcs(DryRun=True)
    assert caught.value.response["Error"] == {
        "Code": "UnauthorizedOperation",
        "Message": f"You are not authorized to perform this operation. User: {ANA} is not authorized to perform: "
        "ec2:DescribeVpcs because no identity-based policy allows the ec2:DescribeVpcs action",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "blue"}]}]
    with pytest.raises(ClientError, match=f"ec2:CreateTags on resource: arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/"):
        ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags)
    with pytest.raises(ClientError, match=f"ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/"):
        ec2.create_vpc(CidrBlock="10.9.0.0/16")
    account.allow(
        statement("ec2:CreateVpc"),
        statement("ec2:CreateTags", Condition={"StringEquals": {"ec2:CreateAction": "CreateVpc"}}),
    )
    made = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
    account.allow(statement("ec2:DeleteVpc", Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}}))
    ec2.delete_vpc(VpcId=made)
