"""`--enforce-iam` on the real engine: the example of failing first deployments, and a push that is denied."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import docker.errors
import pytest

from tests.docker.homeport import IMAGE, Homeport, aws_commands, engine
from tests.docker.walkthrough import follow

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory, test_image: str) -> Iterator[Homeport]:
    made = Homeport(tmp_path_factory.mktemp("enforcing") / "data", options=("--enforce-iam",))
    made.start()
    yield made
    made.end()
    with contextlib.suppress(docker.errors.ImageNotFound):
        engine().remove_image(f"localhost:{made.port}/denied:v1")


def test_the_example_of_a_failing_secret_runs_as_written(enforcing: Homeport) -> None:
    assert follow(enforcing, "failing-secret") == 4


def test_a_user_pushes_only_with_permission(enforcing: Homeport, tmp_path: Path) -> None:
    iam = enforcing.client("iam")
    iam.create_user(UserName="ci")
    iam.put_user_policy(UserName="ci", PolicyName="login", PolicyDocument=_allowing("ecr:GetAuthorizationToken"))
    key = iam.create_access_key(UserName="ci")["AccessKey"]
    as_ci = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "DOCKER_CONFIG": str(tmp_path / "docker"),
    }
    enforcing.client("ecr").create_repository(repositoryName="denied")
    host = f"localhost:{enforcing.port}"
    login = f"{aws_commands()[0]} ecr get-login-password | docker login -u AWS --password-stdin {host} 2>/dev/null"
    enforcing.shell(f"{login} && docker tag {IMAGE} {host}/denied:v1", **as_ci)
    refused = enforcing.shell(f"docker push {host}/denied:v1", fails=True, **as_ci)
    assert re.search(r"denied: User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:", refused)
    iam.put_user_policy(UserName="ci", PolicyName="login", PolicyDocument=_allowing("ecr:*"))
    assert "digest: sha256:" in enforcing.shell(f"docker push {host}/denied:v1", **as_ci)


def _allowing(action: str) -> str:
    return f'{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}}}'
