"""What a task finds at 169.254.170.2: the AWS APIs, now and after the emulator came back; port 80 stays the task's."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.homeport import ACCOUNT, AWSLOGS, GROUP, IMAGE, Homeport, container, engine, eventually, shell

pytestmark = pytest.mark.docker

CREDENTIALS = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
SIGNED = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0"
ASK = (
    "wget -q -O - --header 'X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters' "
    "--header 'Content-Type: application/x-amz-json-1.1' "
    f"--header 'Authorization: {SIGNED}' --post-data '{{}}' $AWS_ENDPOINT_URL/"
)


def _inside(homeport: Homeport, arn: str, command: str) -> str:
    api = engine()
    run = api.exec_create(homeport.containers(arn)["app"]["Id"], ["sh", "-c", command])
    return str(api.exec_start(run["Id"]).decode())


def test_a_task_reaches_the_apis_and_its_own_port_80_is_free(homeport: Homeport) -> None:
    script = f"{ASK}; echo; httpd -p 0.0.0.0:80 -h /www && wget -q -O - http://127.0.0.1/"
    homeport.define("relay", shell(script, logConfiguration=AWSLOGS))
    said = homeport.said("relay")
    assert "cluster/default" in said[0]
    assert "Hello from a task" in said[-1]


def test_its_own_endpoint_wins(homeport: Homeport) -> None:
    own = [{"name": "AWS_ENDPOINT_URL", "value": "http://elsewhere.example"}]
    homeport.define("own", shell("echo $AWS_ENDPOINT_URL", environment=own, logConfiguration=AWSLOGS))
    assert homeport.said("own") == ["http://elsewhere.example"]


def test_there_the_paths_are_ecs_own_and_never_the_registry(homeport: Homeport) -> None:
    homeport.define("paths", shell("wget -S -O - http://169.254.170.2/v2/ 2>&1", logConfiguration=AWSLOGS))
    said = "\n".join(homeport.said("paths"))
    assert "Docker-Distribution-Api-Version" not in said
    assert "HTTP/1.1 404" in said


def test_a_request_without_credentials_is_refused_as_everywhere(homeport: Homeport) -> None:
    ask = ASK.replace("Authorization", "X-Nothing").replace("-q ", "-S ")
    homeport.define("unsigned", shell(f"{ask} 2>&1", logConfiguration=AWSLOGS))
    assert "HTTP/1.1 400" in "\n".join(homeport.said("unsigned"))


def test_it_works_again_after_the_emulator_came_back(own_homeport: Homeport) -> None:
    own_homeport.define("stays", container(image=IMAGE))
    arn = own_homeport.run("stays")
    own_homeport.running(arn)
    assert "cluster/default" in _inside(own_homeport, arn, ASK)
    own_homeport.kill()
    assert "cluster/default" not in _inside(own_homeport, arn, f"{ASK} 2>&1")
    own_homeport.start()
    assert "cluster/default" in eventually(lambda: _inside(own_homeport, arn, ASK))
    own_homeport.stop_task(arn)
    own_homeport.stopped(arn)


ASK_OTHERS = """
for url in $URLS; do wget -S -q -O - http://169.254.170.2$url 2>&1 | grep -o '^ *HTTP/1.1 [0-9]*'; done
"""


@pytest.fixture
def over_tcp(tmp_path: Path, test_image: str) -> Iterator[Homeport]:
    (bridge,) = engine().inspect_network("bridge")["IPAM"]["Config"]
    made = Homeport(tmp_path / "data", host="127.0.0.1")
    made.options = ("--host", "0.0.0.0", "--relay-host", f"{ipaddress.ip_network(bridge['Subnet'])[1]}:{made.port}")
    made.start()
    made.client("ecs").create_cluster()
    made.client("logs").create_log_group(logGroupName=GROUP)
    yield made
    made.end()


def test_over_tcp_a_task_is_known_by_its_address(over_tcp: Homeport) -> None:
    """`--relay-host`: no socket is shared; the metadata, the credentials and the APIs are at the same address."""
    homeport = over_tcp
    role = f"arn:aws:iam::{ACCOUNT}:role/tcp"
    urls = "wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task; echo; wget -q -O - http://169.254.170.2/v2/metadata; echo"
    script = f"{urls}; wget -q -O - http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI; echo; {ASK}; echo; "
    stays = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    homeport.define("tcp", shell(script + stays, logConfiguration=AWSLOGS), taskRoleArn=role)
    arn = homeport.run("tcp")
    homeport.running(arn)
    said = eventually(lambda: (lines := homeport.messages(arn)) and len(lines) >= 4 and lines)
    assert [json.loads(line)["TaskARN"] for line in said[:2]] == [arn, arn]
    assert json.loads(said[2])["RoleArn"] == role
    assert "cluster/default" in said[3]
    variables = dict(entry.split("=", 1) for entry in homeport.containers(arn)["app"]["Config"]["Env"])
    host = "http://169.254.170.2"
    wanted = [variables["ECS_CONTAINER_METADATA_URI_V4"].removeprefix(host), variables[CREDENTIALS], "/v2/metadata"]
    others = [{"name": "URLS", "value": " ".join(wanted)}]
    homeport.define("other", shell(ASK_OTHERS, environment=others, logConfiguration=AWSLOGS))
    assert [line.split()[1] for line in homeport.said("other")] == ["404", "400", "200"]
