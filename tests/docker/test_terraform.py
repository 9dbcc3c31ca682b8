"""The example of a stack by Terraform, followed as written: apply, a plan without changes, destroy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.homeport import IMAGE, ROOT, Homeport, engine, eventually
from tests.docker.walkthrough import follow

pytestmark = pytest.mark.docker

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
    compared = follow(guarded, "terraform-fargate", 300, terraform, **{"nginx:alpine": IMAGE})
    assert compared == 3
    assert len(guarded.client("ec2").describe_vpcs()["Vpcs"]) == 1
    eventually(lambda: not engine().networks(filters={"label": [f"homeport.instance={guarded.instance}"]}), 30)


def test_what_vpc_modules_make_besides(guarded: Homeport, terraform: Path) -> None:
    terraform.mkdir()
    shutil.copy(Path(__file__).with_name("vpc_stack.tf"), terraform / "main.tf")
    here = f"cd {terraform} && terraform"
    guarded.shell(f"{here} init -no-color && terraform apply -no-color -auto-approve", within_s=200)
    said = guarded.shell(f"{here} plan -no-color -detailed-exitcode", within_s=100)
    assert "No changes." in said
    guarded.shell(f"{here} destroy -no-color -auto-approve", within_s=200)
    ec2 = guarded.client("ec2")
    assert ec2.describe_addresses()["Addresses"] == ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1
