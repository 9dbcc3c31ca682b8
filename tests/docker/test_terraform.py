"""The example of a stack by Terraform, followed as written: apply, a plan without changes, destroy."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.homeport import IMAGE, ROOT, Homeport, engine, eventually
from tests.docker.walkthrough import follow

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

EXAMPLE = ROOT / "examples" / "terraform-fargate"
PROVIDER = "registry.terraform.io/hashicorp/aws"
MIRRORS = (*Path("/opt").glob("*"), *(Path(home) for home in ("/usr/share/terraform/plugins",)))
"""Where a machine may keep a copy of providers; without one, Terraform asks its registry."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, test_image: str) -> Iterator[Homeport]:
    made = Homeport(tmp_path_factory.mktemp("terraform") / "data", options=("--enforce-security-groups", "--strict"))
    made.start()
    yield made
    made.end()


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for a stack, once Terraform knows where its providers are."""
    assert shutil.which("terraform"), "Terraform is not on this machine; install it to run the whole suite"
    mirror = next((each for each in MIRRORS if (each / PROVIDER).is_dir()), None)
    settings = tmp_path / "terraform.rc"
    settings.write_text(
        f'provider_installation {{ filesystem_mirror {{ path = "{mirror}" }} }}\n' if mirror is not None else ""
    )
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(settings))
    monkeypatch.setenv("CHECKPOINT_DISABLE", "1")
    for name in [name for name in os.environ if name.startswith("TF_VAR_")]:
        monkeypatch.delenv(name)
    return tmp_path / "stack"


def test_the_stack_is_made_unchanged_and_unmade(guarded: Homeport, terraform: Path) -> None:
    shutil.copytree(EXAMPLE, terraform, ignore=shutil.ignore_patterns(".terraform*", "terraform.tfstate*"))
    own = f"10.{random.SystemRandom().randrange(90, 127)}"  # a range that others have by then would be another here
    for name in ("main.tf", "README.md"):
        (terraform / name).write_text((terraform / name).read_text().replace("10.20", own))
    compared = follow(guarded, "terraform-fargate", 500, terraform, **{"nginx:alpine": IMAGE})
    assert compared == 3
    assert len(guarded.client("ec2").describe_vpcs()["Vpcs"]) == 1
    eventually(lambda: not engine().networks(filters={"label": [f"homeport.instance={guarded.instance}"]}))


@pytest.mark.timeout(900)
def test_what_vpc_modules_and_hosts_need_besides(guarded: Homeport, terraform: Path) -> None:
    """One run of Terraform for three stacks, since its waiting is most of the time."""
    terraform.mkdir()
    for name in ("vpc_stack.tf", "hosts_stack.tf", "discovery_stack.tf"):
        shutil.copy(Path(__file__).with_name(name), terraform / name)
    here = f"cd {terraform} && export TF_VAR_image={IMAGE} && terraform"
    guarded.shell(f"{here} init -no-color && terraform apply -no-color -auto-approve", within_s=400)
    said = guarded.shell(f"{here} plan -no-color -detailed-exitcode", within_s=300)
    assert "No changes." in said
    ecs = guarded.client("ecs")
    full = {"cluster": "stack", "filter": "runningTasksCount == 2"}
    [host] = eventually(lambda: ecs.list_container_instances(**full)["containerInstanceArns"])
    said = guarded.shell(f"{here} apply -no-color -auto-approve -var most=3", within_s=300)
    assert "Resources: 0 added, 2 changed, 0 destroyed." in said and "same_image = true" in said
    # With half of its hosts to be in use, the group has another, which is not protected.
    eventually(lambda: len(ecs.list_container_instances(cluster="stack")["containerInstanceArns"]) == 2)
    app = {"cluster": "stack", "serviceName": "app"}
    [task, _] = eventually(lambda: len(found := ecs.list_tasks(**app)["taskArns"]) == 2 and found)
    assert guarded.task(task)["containerInstanceArn"] == host
    discovery = guarded.client("servicediscovery")
    [web] = discovery.list_services()["Services"]
    eventually(lambda: len(discovery.list_instances(ServiceId=web["Id"])["Instances"]) == 1)
    guarded.shell(f"{here} destroy -no-color -auto-approve", within_s=400)
    assert discovery.list_namespaces()["Namespaces"] == []
    ec2 = guarded.client("ec2")
    assert ec2.describe_addresses()["Addresses"] == ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1
    assert guarded.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
