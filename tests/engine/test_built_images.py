"""Images built from scratch: the same everywhere, and what the shipped pause program is."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from emulator.demo.image import BusyboxMissing, find_busybox, web_image
from emulator.domain.service_connect.proxy import ProxiedAlias
from emulator.engine.base import EngineError, NetworkAttachment
from emulator.engine.pause import (
    SocketRelay,
    TcpRelay,
    connect_command,
    pause_archive,
    pause_image,
    pause_reference,
    pause_spec,
)


def members(archive: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: member for member in tar.getmembers()}


def test_the_same_recipe_gives_the_same_bytes() -> None:
    assert web_image().docker_archive("a:1") == web_image().docker_archive("a:1")
    assert web_image().id != web_image(page="another").id


def test_the_web_image_holds_a_shell_and_its_page() -> None:
    system, content = web_image(files={"bin/run": "#!/bin/sh\n"}, labels={"a": "b"}).layers
    assert members(system)["bin/sh"].linkname == "busybox"
    assert members(system)["bin/busybox"].mode == 0o755
    assert members(system)["tmp"].mode == 0o1777
    assert members(content)["bin/run"].mode == 0o755
    assert members(content)["www/index.html"].mode == 0o644
    assert all(member.mtime == 0 and member.uid == 0 for member in members(system).values())


def test_an_oci_layout_is_complete(tmp_path: Path) -> None:
    image = web_image()
    image.write_oci_layout(tmp_path, "v1")
    index = json.loads((tmp_path / "index.json").read_text())
    (entry,) = index["manifests"]
    assert entry["annotations"] == {"org.opencontainers.image.ref.name": "v1"}
    manifest = json.loads((tmp_path / "blobs" / entry["digest"].replace(":", "/")).read_text())
    assert manifest["config"]["digest"] == image.id
    for descriptor in (entry, manifest["config"], *manifest["layers"]):
        blob = (tmp_path / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
        assert len(blob) == descriptor["size"]
        assert f"sha256:{hashlib.sha256(blob).hexdigest()}" == descriptor["digest"]


def test_without_busybox_the_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(BusyboxMissing, match="busybox-static"):
        find_busybox((tmp_path / "busybox",))
    (tmp_path / "busybox").write_bytes(b"\x7fELF" + b"/lib64/ld-linux-x86-64.so.2")
    with pytest.raises(BusyboxMissing, match="not static"):
        find_busybox((tmp_path / "busybox",))


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_pause_image_is_small_and_named_by_its_content(architecture: str) -> None:
    image = pause_image(architecture)
    assert pause_reference(architecture) == f"homeport/pause:{image.id[7:19]}"
    assert len(pause_archive(architecture)) < 120_000
    assert members(image.layers[0]).keys() == {"pause", "homeport"}


def test_no_pause_program_for_another_architecture() -> None:
    with pytest.raises(EngineError, match="riscv64"):
        pause_image("riscv64")


def test_a_pause_container_has_no_more_rights_than_it_needs() -> None:
    network = NetworkAttachment("vpc", "10.0.0.9")
    plain = pause_spec("p", "i", {}, network=network)
    assert (plain.capabilities_drop, plain.capabilities_add, plain.read_only_root) == (("ALL",), (), True)
    assert (plain.environment, plain.mounts, plain.privileged) == ((), (), False)
    by_socket = pause_spec("p", "i", {}, network=network, relay=SocketRelay("/data/run"))
    assert by_socket.capabilities_add == ("NET_ADMIN", "NET_BIND_SERVICE")
    assert by_socket.environment == (("HOMEPORT_RELAY", "unix:/homeport/relay.sock"),)
    (mount,) = by_socket.mounts
    assert (mount.kind, mount.source, mount.target, mount.read_only) == ("bind", "/data/run", "/homeport", True)
    by_tcp = pause_spec("p", "i", {}, network=network, relay=TcpRelay("fd00::1", 4566))
    assert (by_tcp.environment, by_tcp.mounts) == ((("HOMEPORT_RELAY", "tcp:[fd00::1]:4566"),), ())


def test_a_task_of_service_connect_is_told_its_aliases_in_words_that_the_kernel_takes() -> None:
    targets = tuple((f"10.0.{n // 250}.{n % 250 + 1}", 8080) for n in range(10_000))
    alias = ProxiedAlias("api.shop", "127.255.0.1", 80, "grpc", 300, targets)
    command = connect_command([alias, ProxiedAlias("db", "127.255.0.2", 5432, "tcp", 0)])
    assert command[:2] == ("/pause", "connect")
    assert max(map(len, command)) <= 100_000
    rules, text = command[2 : command.index("--")], "".join(command[command.index("--") + 1 :])
    assert bytes.fromhex("".join(rules)).count(bytes([127, 255, 0, 1])) == 1
    first, second = text.splitlines()
    assert first.startswith("127.255.0.1 80 http 300 api.shop 10.0.0.1:8080 10.0.0.2:8080")
    assert second == "127.255.0.2 5432 tcp 0 db"
    assert pause_spec("p", "i", {}, proxies=True).capabilities_add == ("NET_ADMIN",)
    assert pause_spec("p", "i", {}, proxies=True).environment == (("HOMEPORT_CONNECT", "1"),)
