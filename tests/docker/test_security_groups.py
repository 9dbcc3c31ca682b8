"""Security groups between real tasks: what no rule allows does not pass, and changed rules act at once."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.homeport import GROUP, ROOT, SLEEP, Homeport, container, engine, eventually

pytestmark = pytest.mark.docker

WEB = {"portMappings": [{"containerPort": 80}]}
HTTP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, test_image: str) -> Iterator[Homeport]:
    made = Homeport(tmp_path_factory.mktemp("guarded") / "data", options=("--enforce-security-groups",))
    made.start()
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    made.define("web", container(**WEB))
    made.define("client", container(command=SLEEP))
    yield made
    made.end()


def group(homeport: Homeport, name: str) -> str:
    return str(homeport.client("ec2").create_security_group(GroupName=name, Description=name)["GroupId"])


def launch(homeport: Homeport, family: str, group_id: str, public: str = "DISABLED") -> str:
    network = {"subnets": ["subnet-aaaa"], "securityGroups": [group_id], "assignPublicIp": public}
    ecs = homeport.client("ecs")
    answer = ecs.run_task(
        taskDefinition=family, launchType="FARGATE", networkConfiguration={"awsvpcConfiguration": network}
    )
    arn = str(answer["tasks"][0]["taskArn"])
    homeport.running(arn)
    return arn


def address(homeport: Homeport, arn: str) -> str:
    return str(homeport.task(arn)["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])


def reaches(homeport: Homeport, client: str, host: str) -> bool:
    """Whether a container of the client's task can connect to port 80."""
    api = engine()
    app = homeport.containers(client)["app"]["Id"]
    run = api.exec_create(app, ["sh", "-c", f"echo | nc -w 1 {host} 80"])["Id"]
    api.exec_start(run)
    return int(api.exec_inspect(run)["ExitCode"]) == 0


def test_a_task_is_reached_only_after_a_rule_allows_it(guarded: Homeport) -> None:
    ec2 = guarded.client("ec2")
    servers, clients = group(guarded, "servers"), group(guarded, "clients")
    server, client, other = (
        launch(guarded, "web", servers),
        launch(guarded, "client", clients),
        launch(guarded, "client", group(guarded, "others")),
    )
    host = address(guarded, server)
    assert not reaches(guarded, client, host)
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://{host}/", timeout=1)
    pair = [{**HTTP, "UserIdGroupPairs": [{"GroupId": clients}]}]
    ec2.authorize_security_group_ingress(GroupId=servers, IpPermissions=pair)
    eventually(lambda: reaches(guarded, client, host))
    assert not reaches(guarded, other, host)
    late = launch(guarded, "client", clients)
    eventually(lambda: reaches(guarded, late, host))
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=clients, IpPermissions=everything)
    eventually(lambda: not reaches(guarded, client, host))
    ec2.authorize_security_group_egress(
        GroupId=clients, IpPermissions=[{**HTTP, "IpRanges": [{"CidrIp": f"{host}/32"}]}]
    )
    eventually(lambda: reaches(guarded, client, host))
    ec2.revoke_security_group_ingress(GroupId=servers, IpPermissions=pair)
    eventually(lambda: not reaches(guarded, client, host))
    for arn in (server, client, other, late):
        guarded.stop_task(arn)


def test_a_public_address_answers_to_the_host_when_a_rule_lets_everybody_in(guarded: Homeport) -> None:
    ec2 = guarded.client("ec2")
    public = group(guarded, "public")
    arn = launch(guarded, "web", public, "ENABLED")
    eni = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [public]}])["NetworkInterfaces"][0]
    url = f"http://{eni['Association']['PublicIp']}/"

    def answers() -> bool:
        try:
            return bool(urllib.request.urlopen(url, timeout=1).read())
        except OSError:
            return False

    assert not answers()
    ec2.authorize_security_group_ingress(
        GroupId=public, IpPermissions=[{**HTTP, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    eventually(answers)
    guarded.stop_task(arn)


def test_metadata_and_names_pass_whatever_the_groups_say(guarded: Homeport) -> None:
    closed = group(guarded, "closed")
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    guarded.client("ec2").revoke_security_group_egress(GroupId=closed, IpPermissions=everything)
    ask = "wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task | grep -q TaskARN && exit 5; exit 6"
    guarded.define("curious", container(entryPoint=["sh", "-c"], command=[ask]))
    ecs = guarded.client("ecs")
    network = {"subnets": ["subnet-aaaa"], "securityGroups": [closed]}
    answer = ecs.run_task(
        taskDefinition="curious", launchType="FARGATE", networkConfiguration={"awsvpcConfiguration": network}
    )
    task: dict[str, Any] = guarded.stopped(answer["tasks"][0]["taskArn"])
    assert task["containers"][0]["exitCode"] == 5


def test_filters_outlive_a_crash_and_go_when_nobody_asks_for_them(tmp_path: Path, test_image: str) -> None:
    homeport = Homeport(tmp_path / "data", options=("--enforce-security-groups",))
    homeport.start()
    homeport.client("ecs").create_cluster()
    homeport.define("web", container(**WEB))
    homeport.define("client", container(command=SLEEP))
    closed = group(homeport, "closed")
    server, client = launch(homeport, "web", closed), launch(homeport, "client", closed)
    host = address(homeport, server)
    homeport.kill()
    assert not reaches(homeport, client, host)
    homeport.start()
    ec2 = homeport.client("ec2")
    ec2.authorize_security_group_ingress(
        GroupId=closed, IpPermissions=[{**HTTP, "UserIdGroupPairs": [{"GroupId": closed}]}]
    )
    eventually(lambda: reaches(homeport, client, host))
    ec2.revoke_security_group_ingress(
        GroupId=closed, IpPermissions=[{**HTTP, "UserIdGroupPairs": [{"GroupId": closed}]}]
    )
    eventually(lambda: not reaches(homeport, client, host))
    homeport.stop()
    homeport.options = ()
    homeport.start()
    eventually(lambda: reaches(homeport, client, host))
    homeport.end()


def test_the_simulated_engine_filters_nothing_and_says_so() -> None:
    command = [sys.executable, "-m", "emulator", "up", "--engine", "simulated", "--ephemeral", "--port", "0"]
    done = subprocess.run(
        [*command, "--enforce-security-groups"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "--enforce-security-groups cannot be had here: the simulated engine runs nothing" in done.stderr
