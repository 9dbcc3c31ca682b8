"""What a task finds at 169.254.170.2: the AWS APIs, now and after the emulator came back; port 80 stays the task's."""

from __future__ import annotations

import pytest

from tests.docker.homeport import AWSLOGS, IMAGE, Homeport, container, engine, eventually, shell

pytestmark = pytest.mark.docker

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
