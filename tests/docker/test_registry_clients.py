"""docker, skopeo and podman push to the registry and pull from it, unchanged, over a real socket."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.cli.images_client import RegistryClient, export_layout, import_layout
from emulator.domain.ecr.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from emulator.ids import Ids
from emulator.registry.archive import docker_archive
from emulator.registry.repository import find_image, find_repository
from emulator.serve import Listener, Server
from tests.registry.conftest import ACCOUNT, REGION, House, descriptor, digest, error_of, index_of

pytestmark = pytest.mark.docker


class Shop:
    """A served registry, a throw-away client configuration, and the commands of a user."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.house = House(directory)
        self.house.create("app")
        self.server = Server(self.house.app, [Listener()])
        self.server.start()
        ((_, port),) = [address for address in self.server.addresses if isinstance(address, tuple)]
        self.host = f"localhost:{port}"
        self.authfile = directory / "auth.json"
        self.images: list[str] = []

    @property
    def password(self) -> str:
        return self.house.signer.issue(ACCOUNT, REGION, f"arn:aws:iam::{ACCOUNT}:root", self.house.clock.now())[0]

    def run(self, *command: str, stdin: bytes | None = None, fails: bool = False) -> str:
        environment = {**os.environ, "DOCKER_CONFIG": str(self.directory / "docker")}
        done = subprocess.run(command, input=stdin, capture_output=True, env=environment, timeout=180, check=False)
        output = (done.stdout + done.stderr).decode()
        assert (done.returncode != 0) == fails, output
        return output

    def docker(self, *command: str, stdin: bytes | None = None, fails: bool = False) -> str:
        return self.run("docker", *command, stdin=stdin, fails=fails)

    def login(self) -> None:
        output = self.docker("login", "-u", "AWS", "--password-stdin", self.host, stdin=self.password.encode())
        assert "Login Succeeded" in output

    def make_image(self, name: str, *files: bytes) -> None:
        """An image of the engine with one layer, from nothing."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            for number, content in enumerate(files):
                entry = tarfile.TarInfo(f"file-{number}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        made = self.docker("import", "-", name, stdin=layer.getvalue())
        self.images += [name, made.strip()]  # the id too: another image may take the name over

    def close(self) -> None:
        for image in self.images:
            subprocess.run(["docker", "rmi", image], capture_output=True, timeout=180, check=False)
        self.server.stop()
        self.house.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.close()


def image_id(shop: Shop, name: str) -> str:
    return shop.docker("image", "inspect", "-f", "{{.Id}}", name).strip()


class TestDocker:
    def test_push_and_pull(self, shop: Shop) -> None:
        shop.login()
        name = f"{shop.host}/app:v1"
        shop.make_image(name, b"hello", os.urandom(300_000))
        pushed = image_id(shop, name)
        output = shop.docker("push", name)
        manifest = shop.house.call("GET", "/v2/app/manifests/v1")
        assert manifest.headers["Content-Type"] == DOCKER_MANIFEST
        assert f"v1: digest: {digest(manifest.data)}" in output
        shop.docker("rmi", name)
        assert "Downloaded newer image" in shop.docker("pull", name)
        assert image_id(shop, name) == pushed
        shop.docker("rmi", name)
        by_digest = f"{shop.host}/app@{digest(manifest.data)}"
        shop.docker("pull", by_digest)
        shop.images.append(by_digest)
        assert image_id(shop, by_digest) == pushed

    def test_pushing_again_uploads_nothing(self, shop: Shop) -> None:
        shop.login()
        name = f"{shop.host}/app:v1"
        shop.make_image(name, b"again")
        shop.docker("push", name)
        assert "Layer already exists" in shop.docker("push", name)

    def test_layers_are_mounted_from_another_repository(self, shop: Shop) -> None:
        shop.house.create("second")
        shop.login()
        first, second = f"{shop.host}/app:v1", f"{shop.host}/second:v1"
        shop.make_image(first, b"shared")
        shop.docker("push", first)
        shop.docker("tag", first, second)
        shop.images.append(second)
        assert "Mounted from app" in shop.docker("push", second)

    def test_says_what_ecr_says(self, shop: Shop) -> None:
        shop.house.create("kept", tag_mutability="IMMUTABLE")
        unknown, kept = f"{shop.host}/unknown:v1", f"{shop.host}/kept:v1"
        shop.make_image(kept, b"one")
        assert "no basic auth credentials" in shop.docker("push", kept, fails=True)
        shop.login()
        shop.docker("push", kept)
        shop.make_image(kept, b"two")
        assert (
            "tag invalid: The image tag 'v1' already exists in the 'kept' repository and cannot be overwritten because "
            "the tag is immutable."
        ) in shop.docker("push", kept, fails=True)
        shop.docker("tag", kept, unknown)
        shop.images.append(unknown)
        assert (
            "name unknown: The repository with name 'unknown' does not exist in the registry with id '123456789012'"
        ) in shop.docker("push", unknown, fails=True)
        shop.house.clock.advance(12 * 3600)
        assert "denied: Your authorization token has expired. Reauthenticate and try again." in shop.docker(
            "push", kept, fails=True
        )

    def test_a_wrong_password_does_not_log_in(self, shop: Shop) -> None:
        shop.docker("login", "-u", "AWS", "--password-stdin", shop.host, stdin=b"wrong", fails=True)

    def test_an_index_gives_the_image_of_the_platform(self, shop: Shop) -> None:
        shop.login()
        single, multi = f"{shop.host}/app:single", f"{shop.host}/app:multi"
        shop.make_image(single, b"of this platform")
        shop.docker("push", single)
        manifest = shop.house.call("GET", "/v2/app/manifests/single").data
        index = json.loads(index_of(manifest, media_type=DOCKER_MANIFEST))
        architecture = shop.docker("version", "-f", "{{.Server.Arch}}").strip()
        index["manifests"][0]["platform"] = {"os": "linux", "architecture": architecture}
        shop.house.push_manifest("app", "multi", json.dumps(index).encode(), OCI_INDEX)
        shop.docker("pull", multi)
        shop.images.append(multi)
        assert image_id(shop, multi) == image_id(shop, single)

    def test_an_archive_loads_as_the_same_image(self, shop: Shop) -> None:
        shop.login()
        name = f"{shop.host}/app:v1"
        real_name = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/app:loaded-{Ids().hex(8)}"
        shop.make_image(name, b"load me", os.urandom(100_000))
        pushed = image_id(shop, name)
        shop.docker("push", name)
        shop.docker("rmi", name)
        with shop.house.database.read() as reader:
            repository = find_repository(reader, ACCOUNT, REGION, "app")
            image = find_image(reader, repository, "v1")
        assert image is not None
        pieces = docker_archive(shop.house.database, shop.house.blobs, repository, image, [real_name])
        assert real_name in shop.docker("load", stdin=b"".join(pieces))
        shop.images.append(real_name)
        assert image_id(shop, real_name) == pushed

    def test_a_manifest_list_of_its_own_making(self, shop: Shop) -> None:
        shop.login()
        parts, architectures = [f"{shop.host}/app:{arch}" for arch in ("amd64", "arm64")], ("amd64", "arm64")
        for name in parts:
            shop.make_image(name, name.encode())
            shop.docker("push", name)
        multi = f"{shop.host}/app:multi"
        shop.docker("manifest", "create", "--insecure", multi, *parts)
        for name, architecture in zip(parts, architectures, strict=True):
            shop.docker("manifest", "annotate", "--arch", architecture, multi, name)
        shop.docker("manifest", "push", "--insecure", multi)
        pushed = shop.house.call("GET", "/v2/app/manifests/multi")
        assert pushed.headers["Content-Type"] == DOCKER_LIST
        assert [one["platform"]["architecture"] for one in pushed.json["manifests"]] == list(architectures)
        inspected = json.loads(shop.docker("manifest", "inspect", "--insecure", multi))
        assert inspected["manifests"] == pushed.json["manifests"]


class TestSkopeo:
    def copy(self, shop: Shop, source: str, destination: str, *options: str, fails: bool = False) -> str:
        credentials = f"AWS:{shop.password}"
        tls = ["--src-tls-verify=false"] if source.startswith("docker:") else ["--dest-tls-verify=false"]
        side = "--src-creds" if source.startswith("docker:") else "--dest-creds"
        return shop.run("skopeo", "copy", "-q", *tls, side, credentials, *options, source, destination, fails=fails)

    def layout(self, shop: Shop) -> str:
        """An OCI layout of an image with three layers, made through the registry's own files."""
        shop.house.create("source")
        shop.house.push_image("source", "v1", b"one", b"two" * 100_000, b"")
        place = f"oci:{shop.directory / 'layout'}:v1"
        self.copy(shop, f"docker://{shop.host}/source:v1", place)
        return place

    def test_push_and_pull_without_loss(self, shop: Shop) -> None:
        place = self.layout(shop)
        self.copy(shop, place, f"docker://{shop.host}/app:v2", "--preserve-digests")
        pushed = shop.house.call("GET", "/v2/app/manifests/v2")
        assert pushed.headers["Content-Type"] == OCI_MANIFEST
        assert digest(pushed.data) == self.digest_in(shop.directory / "layout")
        self.copy(shop, f"docker://{shop.host}/app:v2", f"oci:{shop.directory / 'again'}:v2")
        assert digest(pushed.data) == self.digest_in(shop.directory / "again")

    def digest_in(self, layout: Path) -> str:
        return json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]

    def test_docker_format(self, shop: Shop) -> None:
        self.copy(shop, self.layout(shop), f"docker://{shop.host}/app:v2", "--format", "v2s2")
        assert shop.house.call("GET", "/v2/app/manifests/v2").headers["Content-Type"] == DOCKER_MANIFEST

    def test_inspect_tags_and_delete(self, shop: Shop) -> None:
        place = self.layout(shop)
        for tag in ("a", "b"):
            self.copy(shop, place, f"docker://{shop.host}/app:{tag}")
        common = ["--tls-verify=false", "--creds", f"AWS:{shop.password}"]
        inspected = json.loads(shop.run("skopeo", "inspect", *common, f"docker://{shop.host}/app:a"))
        assert inspected["RepoTags"] == ["a", "b"]
        shop.run("skopeo", "delete", *common, f"docker://{shop.host}/app:a")
        answer = shop.house.call("GET", "/v2/app/manifests/a")
        assert error_of(answer)[0] == "MANIFEST_UNKNOWN"

    def multi_arch(self, shop: Shop) -> tuple[bytes, list[bytes]]:
        """An index `source:multi` and its images, through the registry's own files."""
        shop.house.create("source")
        images = [shop.house.push_image("source", arch, arch.encode() * 1000) for arch in ("amd64", "arm64")]
        index = json.loads(index_of(*images))
        for entry, architecture in zip(index["manifests"], ("amd64", "arm64"), strict=True):
            entry["platform"] = {"os": "linux", "architecture": architecture}
        body = json.dumps(index).encode()
        assert shop.house.push_manifest("source", "multi", body, OCI_INDEX).status_code == 201
        return body, images

    def between(self, shop: Shop, source: str, target: str, *options: str) -> None:
        access = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        credentials = ["--src-creds", f"AWS:{shop.password}", "--dest-creds", f"AWS:{shop.password}"]
        where = [f"docker://{shop.host}/{one}" for one in (source, target)]
        shop.run("skopeo", "copy", "-q", *access, *credentials, *options, *where)

    def test_multi_arch_there_and_back_and_deleted(self, shop: Shop) -> None:
        body, images = self.multi_arch(shop)
        place = f"oci:{shop.directory / 'multi'}:v1"
        self.copy(shop, f"docker://{shop.host}/source:multi", place, "--all", "--preserve-digests")
        self.copy(shop, place, f"docker://{shop.host}/app:multi", "--all", "--preserve-digests")
        assert shop.house.call("GET", "/v2/app/manifests/multi").data == body
        for image in images:
            assert shop.house.call("GET", f"/v2/app/manifests/{digest(image)}").data == image
        common = ["--tls-verify=false", "--creds", f"AWS:{shop.password}"]
        shop.run("skopeo", "delete", *common, f"docker://{shop.host}/app:multi")
        assert shop.house.call("GET", "/v2/app/tags/list").json["tags"] == []

    def test_between_repositories(self, shop: Shop) -> None:
        body, _ = self.multi_arch(shop)
        self.between(shop, "source:multi", "app:multi", "--all", "--preserve-digests")
        assert shop.house.call("GET", "/v2/app/manifests/multi").data == body

    def test_artifacts_and_their_subject(self, shop: Shop) -> None:
        shop.house.create("source")
        subject = shop.house.push_image("source", "v1", b"layer")
        more = {"artifactType": "application/x.signature", "subject": descriptor(subject, OCI_MANIFEST)}
        signature = shop.house.push_image("source", "signature", b"signed", **more)
        for tag in ("v1", "signature"):
            self.between(shop, f"source:{tag}", f"app:{tag}", "--preserve-digests")
        found = shop.house.call("GET", f"/v2/app/referrers/{digest(subject)}").json["manifests"]
        assert [(one["digest"], one["artifactType"]) for one in found] == [
            (digest(signature), "application/x.signature")
        ]

    def test_a_list_in_dockers_form_and_back_in_ocis(self, shop: Shop) -> None:
        self.multi_arch(shop)
        self.between(shop, "source:multi", "app:docker", "--all", "--format", "v2s2")
        pushed = shop.house.call("GET", "/v2/app/manifests/docker")
        assert pushed.headers["Content-Type"] == DOCKER_LIST
        assert {one["mediaType"] for one in pushed.json["manifests"]} == {DOCKER_MANIFEST}
        self.between(shop, "app:docker", "app:oci", "--all", "--format", "oci")
        again = shop.house.call("GET", "/v2/app/manifests/oci")
        assert again.headers["Content-Type"] == OCI_INDEX
        assert {one["mediaType"] for one in again.json["manifests"]} == {OCI_MANIFEST}

    def test_a_whole_repository_is_synchronized(self, shop: Shop) -> None:
        body, _ = self.multi_arch(shop)
        access = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        credentials = ["--src-creds", f"AWS:{shop.password}", "--dest-creds", f"AWS:{shop.password}"]
        shop.house.create("copies/source")
        there = f"{shop.host}/copies"
        shop.run("skopeo", "sync", "--all", "--preserve-digests", "--src", "docker", "--dest", "docker", *access,
                 *credentials, f"{shop.host}/source", there)  # fmt: skip
        assert shop.house.call("GET", "/v2/copies/source/manifests/multi").data == body
        tags = [shop.house.call("GET", f"/v2/{name}/tags/list").json["tags"] for name in ("source", "copies/source")]
        assert tags[0] == tags[1] == ["amd64", "arm64", "multi"]

    def test_artifacts_outlive_the_deletion_of_their_subject(self, shop: Shop) -> None:
        subject = shop.house.push_image("app", "v1", b"layer")
        more = {"artifactType": "application/x.signature", "subject": descriptor(subject, OCI_MANIFEST)}
        signature = shop.house.push_image("app", "signature", b"signed", **more)
        common = ["--tls-verify=false", "--creds", f"AWS:{shop.password}"]
        shop.run("skopeo", "delete", *common, f"docker://{shop.host}/app:v1")
        found = shop.house.call("GET", f"/v2/app/referrers/{digest(subject)}").json["manifests"]
        assert [one["digest"] for one in found] == [digest(signature)]
        shop.run("skopeo", "delete", *common, f"docker://{shop.host}/app@{digest(signature)}")
        assert shop.house.call("GET", f"/v2/app/referrers/{digest(subject)}").json["manifests"] == []

    def test_folders_of_ours(self, shop: Shop) -> None:
        """What `homeport images export` writes skopeo reads, what skopeo writes `import` reads."""
        body, _ = self.multi_arch(shop)
        export_layout(self.ours(shop, "source"), "multi", shop.directory / "ours")
        self.copy(
            shop,
            f"oci:{shop.directory / 'ours'}:multi",
            f"docker://{shop.host}/app:back",
            "--all",
            "--preserve-digests",
        )
        assert shop.house.call("GET", "/v2/app/manifests/back").data == body
        theirs = shop.directory / "theirs"
        self.copy(shop, f"docker://{shop.host}/source:multi", f"oci:{theirs}:v7", "--all", "--preserve-digests")
        done = import_layout(self.ours(shop, "app"), "v8", theirs)
        assert (done.manifests, done.bytes) == (3, 0)
        assert shop.house.call("GET", "/v2/app/manifests/v8").data == body

    def ours(self, shop: Shop, repository: str) -> RegistryClient:
        return RegistryClient(f"http://{shop.host}", shop.password, repository)


@pytest.fixture
def podman(shop: Shop) -> Iterator[list[str]]:
    """The command with a store of its own; podman wants the path of that to be short."""
    with tempfile.TemporaryDirectory(prefix="hp-", ignore_cleanup_errors=True) as store:
        command = ["podman", "--root", f"{store}/root", "--runroot", f"{store}/run", "--storage-driver", "vfs"]
        yield [*command, "--cgroup-manager", "cgroupfs"]


def login(shop: Shop, podman: list[str]) -> list[str]:
    """With podman; the options for what comes after it."""
    options = ["--tls-verify=false", "--authfile", str(shop.authfile)]
    shop.run(*podman, "login", *options, "-u", "AWS", "--password-stdin", shop.host, stdin=shop.password.encode())
    return options


def import_image(shop: Shop, podman: list[str], name: str, *options: str) -> None:
    """An image of podman's store with one small layer."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        entry = tarfile.TarInfo(name.rpartition("/")[2].replace(":", "-"))
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    shop.run(*podman, "import", *options, "-", name, stdin=layer.getvalue())


def push_list(shop: Shop, podman: list[str], options: list[str], target: str, *more: str) -> None:
    """A list for two platforms, made and pushed by podman."""
    for architecture in ("amd64", "arm64"):
        import_image(shop, podman, f"localhost/{architecture}:v1", "--arch", architecture)
    shop.run(*podman, "manifest", "create", "localhost/multi:v1", "containers-storage:localhost/amd64:v1")
    shop.run(*podman, "manifest", "add", *options, "localhost/multi:v1", "containers-storage:localhost/arm64:v1")
    shop.run(*podman, "manifest", "push", "--all", *more, *options, "localhost/multi:v1", f"docker://{target}")


def test_podman_pushes_and_pulls(shop: Shop, podman: list[str]) -> None:
    options = login(shop, podman)
    name = f"{shop.host}/app:podman"
    import_image(shop, podman, name)
    shop.run(*podman, "push", *options, name)
    before = shop.run(*podman, "image", "inspect", "-f", "{{.Id}}", name)
    shop.run(*podman, "rmi", name)
    shop.run(*podman, "pull", *options, name)
    assert shop.run(*podman, "image", "inspect", "-f", "{{.Id}}", name) == before


def test_podman_pushes_a_manifest_list_and_pulls_its_part(shop: Shop, podman: list[str]) -> None:
    options, target = login(shop, podman), f"{shop.host}/app:multi"
    push_list(shop, podman, options, target)
    pushed = shop.house.call("GET", "/v2/app/manifests/multi").json
    assert {one["platform"]["architecture"] for one in pushed["manifests"]} == {"amd64", "arm64"}
    shop.run(*podman, "pull", "--arch", "arm64", *options, target)
    assert shop.run(*podman, "image", "inspect", "-f", "{{.Architecture}}", target).strip() == "arm64"


def test_podman_copies_between_repositories_and_sees_what_is_deleted(shop: Shop, podman: list[str]) -> None:
    """A list in Docker's form; its image for another platform, from one repository to another, by tag and by digest.
    podman has no command to delete at a registry: skopeo, of the same libraries, does that for it."""
    options, copied = login(shop, podman), f"{shop.host}/copies:arm64"
    shop.house.create("copies")
    push_list(shop, podman, options, f"{shop.host}/app:multi", "--format", "v2s2")
    assert shop.house.call("GET", "/v2/app/manifests/multi").headers["Content-Type"] == DOCKER_LIST
    shop.run(*podman, "pull", "--arch", "arm64", *options, f"{shop.host}/app:multi")
    shop.run(*podman, "tag", f"{shop.host}/app:multi", copied)
    shop.run(*podman, "push", *options, copied)
    shop.run(*podman, "image", "rm", f"{shop.host}/app:multi", copied, "localhost/arm64:v1")
    by_digest = f"{shop.host}/copies@{digest(shop.house.call('GET', '/v2/copies/manifests/arm64').data)}"
    shop.run(*podman, "pull", *options, by_digest)
    assert shop.run(*podman, "image", "inspect", "-f", "{{.Architecture}}", by_digest).strip() == "arm64"
    listed = shop.run(*podman, "search", "--list-tags", *options, f"{shop.host}/copies")
    assert listed.splitlines()[1].split() == [f"{shop.host}/copies", "arm64"]
    shop.run("skopeo", "delete", *options, f"docker://{copied}")
    assert "manifest unknown" in shop.run(*podman, "pull", *options, copied, fails=True)
    assert shop.house.call("GET", "/v2/app/tags/list").json["tags"] == ["multi"]


def test_layers_in_zstd(shop: Shop, podman: list[str]) -> None:
    options, name = login(shop, podman), f"{shop.host}/app:gzip"
    import_image(shop, podman, name)
    shop.run(*podman, "push", *options, name)
    layout, zstd = f"oci:{shop.directory / 'zstd'}:v1", f"{shop.host}/app:zstd"
    common = ["--authfile", str(shop.authfile), "-q"]
    shop.run("skopeo", "copy", *common, "--src-tls-verify=false", "--dest-compress-format", "zstd",
             f"docker://{name}", layout)  # fmt: skip
    shop.run("skopeo", "copy", *common, "--dest-tls-verify=false", "--preserve-digests", layout, f"docker://{zstd}")
    [layer] = shop.house.call("GET", "/v2/app/manifests/zstd").json["layers"]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+zstd"
    before = shop.run(*podman, "image", "inspect", "-f", "{{.Id}}", name)
    shop.run(*podman, "rmi", name)
    shop.run(*podman, "pull", *options, zstd)
    assert shop.run(*podman, "image", "inspect", "-f", "{{.Id}}", zstd) == before


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("wrong", "authentication required"),
        ("expired", "Your authorization token has expired. Reauthenticate and try again."),
        ("of another region", "Your authorization token is for region eu-west-1, not for us-east-1."),
        ("of another account", "is not authorized to perform: ecr:"),
    ],
)
def test_tokens_that_open_nothing(shop: Shop, podman: list[str], kind: str, said: str) -> None:
    """Each client says why, and nothing is pulled or pushed."""
    shop.house.push_image("app", "v1", b"layer")
    signer, now = shop.house.signer, shop.house.clock.now()
    account = "210987654321" if kind == "of another account" else ACCOUNT
    region = "eu-west-1" if kind == "of another region" else REGION
    token = "wrong" if kind == "wrong" else signer.issue(account, region, f"arn:aws:iam::{account}:root", now)[0]
    if kind == "expired":
        shop.house.clock.advance(12 * 3600)
    image, common = f"{shop.host}/app:v1", ["--tls-verify=false", "--creds", f"AWS:{token}"]
    config = {"auths": {shop.host: {"auth": base64.b64encode(f"AWS:{token}".encode()).decode()}}}
    (shop.directory / "docker").mkdir()
    (shop.directory / "docker" / "config.json").write_text(json.dumps(config))
    assert said in shop.run("skopeo", "inspect", *common, f"docker://{image}", fails=True)
    shop.run("skopeo", "delete", *common, f"docker://{image}", fails=True)
    assert said in shop.run(*podman, "pull", *common, image, fails=True)
    assert said in shop.docker("pull", image, fails=True)
    assert shop.house.call("GET", "/v2/app/tags/list").json["tags"] == ["v1"]
