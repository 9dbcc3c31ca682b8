"""Specs in the words of the Docker API, and its answers in ours: no engine needed."""

from __future__ import annotations

import pytest

from emulator.domain.engines import NO_SWARM, SwarmMembership
from emulator.engine.base import (
    ContainerCreateFailed,
    ContainerSpec,
    Device,
    EngineError,
    EngineUnavailable,
    HealthCheck,
    ImageNotFound,
    ImagePullFailed,
    Mount,
    NetworkAttachment,
    NetworkConflict,
    PortPublish,
    Ulimit,
)
from emulator.engine.docker.calls import EngineAddress
from emulator.engine.docker.events import engine_event
from emulator.engine.docker.images import pull_error
from emulator.engine.docker.networks import refuse_routed
from emulator.engine.docker.spec import create_body
from emulator.engine.docker.state import container_state, epoch_seconds, published_ports, swarm_membership
from emulator.engine.image_reference import same_reference, split_reference

ROUTES = """Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def body(**members: object) -> dict[str, object]:
    return create_body(ContainerSpec("n", "i", {"l": "v"}, **members), (1, 41))


def host(**members: object) -> dict[str, object]:
    return body(**members)["HostConfig"]


def test_what_is_not_set_is_left_to_the_image_and_the_engine() -> None:
    plain = body()
    assert not {"Entrypoint", "Cmd", "User", "WorkingDir", "Hostname", "Healthcheck", "StopSignal"} & set(plain)
    assert not {"NetworkMode", "Memory", "NanoCpus", "PidsLimit", "ShmSize"} & set(plain["HostConfig"])
    assert body(entry_point=(), command=())["Entrypoint"] == []


def test_network_address_and_mac_before_and_after_api_1_44() -> None:
    spec = ContainerSpec("n", "i", {}, network=NetworkAttachment("vpc", "10.0.0.9", "02:00:00:00:00:01", ("web",)))
    old, new = create_body(spec, (1, 41)), create_body(spec, (1, 44))
    endpoint = {
        "IPAMConfig": {"IPv4Address": "10.0.0.9"},
        "MacAddress": "02:00:00:00:00:01",
        "Aliases": ["web"],
    }
    assert new["NetworkingConfig"] == {"EndpointsConfig": {"vpc": endpoint}}
    assert new["HostConfig"]["NetworkMode"] == "vpc"
    assert old["MacAddress"] == "02:00:00:00:00:01"
    assert "MacAddress" not in new
    assert host(join_network_of="abc")["NetworkMode"] == "container:abc"


def test_ports_are_exposed_and_bound() -> None:
    ports = (PortPublish(80), PortPublish(53, "udp", "0.0.0.0", 5353))
    assert body(ports=ports)["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert host(ports=ports)["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}],
        "53/udp": [{"HostIp": "0.0.0.0", "HostPort": "5353"}],
    }


def test_a_directory_of_a_volume_since_api_1_45() -> None:
    spec = ContainerSpec("n", "i", {}, mounts=(Mount("volume", "/v", "data", subpath="a/b", options=("nocopy",)),))
    (mount,) = create_body(spec, (1, 45))["HostConfig"]["Mounts"]
    assert mount["VolumeOptions"] == {"Subpath": "a/b", "NoCopy": True}
    with pytest.raises(ContainerCreateFailed, match="Docker Engine 26 or newer only"):
        create_body(spec, (1, 44))


def test_mounts_of_each_kind() -> None:
    made = host(
        mounts=(
            Mount("bind", "/b", "/host", read_only=True, options=("rshared",)),
            Mount("volume", "/v", "data", options=("nocopy",)),
            Mount("tmpfs", "/t", size_mib=64, options=("noexec",)),
        )
    )
    bind, volume = made["Mounts"]
    assert bind == {
        "Type": "bind",
        "Source": "/host",
        "Target": "/b",
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rshared"},
    }
    assert volume["VolumeOptions"] == {"NoCopy": True}
    assert made["Tmpfs"] == {"/t": "size=64m,noexec"}
    with pytest.raises(ContainerCreateFailed, match="'sync' of /b"):
        host(mounts=(Mount("bind", "/b", "/host", options=("sync",)),))


def test_limits_devices_and_health() -> None:
    made = host(ulimits=(Ulimit("nofile", 1, 2),), devices=(Device("/dev/x", "/dev/y", "r"),), pids_limit=9)
    assert made["Ulimits"] == [{"Name": "nofile", "Soft": 1, "Hard": 2}]
    assert made["Devices"] == [{"PathOnHost": "/dev/x", "PathInContainer": "/dev/y", "CgroupPermissions": "r"}]
    assert made["PidsLimit"] == 9
    check = body(health_check=HealthCheck(("CMD", "x"), 1.5, 2, 3, 4))["Healthcheck"]
    assert check == {
        "Test": ["CMD", "x"],
        "Interval": 1_500_000_000,
        "Timeout": 2_000_000_000,
        "Retries": 3,
        "StartPeriod": 4_000_000_000,
    }
    assert body(health_check=HealthCheck(("NONE",)))["Healthcheck"] == {"Test": ["NONE"]}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0001-01-01T00:00:00Z", 0.0),
        ("", 0.0),
        (None, 0.0),
        ("2023-11-14T22:13:20Z", 1_700_000_000.0),
        ("2023-11-14T22:13:20.123456789Z", 1_700_000_000.123456789),
        ("2023-11-14T23:13:20.5+01:00", 1_700_000_000.5),
    ],
)
def test_docker_times(text: str | None, seconds: float) -> None:
    assert epoch_seconds(text) == pytest.approx(seconds, abs=1e-6)


def test_a_program_that_finished_before_it_started_took_no_time() -> None:
    state = {"Status": "exited", "ExitCode": 0}
    times = {"StartedAt": "2023-11-14T22:13:20.2Z", "FinishedAt": "2023-11-14T22:13:20.1Z"}
    seen = container_state({"Id": "a", "Name": "/n", "Config": {}, "State": state | times}, offset_s=10.0)
    assert seen.started_at == seen.finished_at == pytest.approx(1_700_000_010.2)


def test_published_ports_leave_out_the_merely_exposed() -> None:
    ports = published_ports({"80/tcp": None, "53/udp": [{"HostIp": "::", "HostPort": "5353"}]})
    assert ports == (PortPublish(53, "udp", "::", 5353),)


def test_events_of_probes_are_nobodys_business() -> None:
    assert engine_event({"Action": "exec_start: true", "Actor": {"ID": "a"}}) is None
    health = {"Action": "health_status: unhealthy", "Actor": {"ID": "a"}, "timeNano": 5_000_000_000}
    event = engine_event(health, offset_s=1.0)
    assert (event.action, event.detail, event.at) == ("health_status", "unhealthy", 6.0)
    dead = engine_event({"Action": "die", "Actor": {"ID": "a", "Attributes": {"exitCode": "137"}}})
    assert dead.detail == "137"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("manifest for x:1 not found: manifest unknown: manifest unknown", ImageNotFound),
        ("repository x not found: name unknown", ImageNotFound),
        ("pull access denied for x, repository does not exist or may require 'docker login'", ImagePullFailed),
        ("Get https://r/v2/: dial tcp: lookup r: no such host", ImagePullFailed),
        ("no space left on device", ImagePullFailed),
    ],
)
def test_why_a_pull_failed(text: str, kind: type[EngineError]) -> None:
    error = pull_error(text, 404)
    assert type(error) is kind
    assert error.api_text == f"API error (404): {text}"


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("web", ("web", "latest")),
        ("web:1", ("web", "1")),
        ("localhost:4566/web", ("localhost:4566/web", "latest")),
        ("localhost:4566/a/web:1", ("localhost:4566/a/web", "1")),
        ("host/web@sha256:ab", ("host/web", "sha256:ab")),
        ("host/web:1@sha256:ab", ("host/web", "sha256:ab")),
    ],
)
def test_references(reference: str, parts: tuple[str, str]) -> None:
    assert split_reference(reference) == parts
    assert same_reference(same_reference(reference)) == same_reference(reference)


def test_a_range_that_the_host_routes_is_refused() -> None:
    with pytest.raises(NetworkConflict, match=r"10\.0\.0\.0/16 collides with 10\.0\.0\.0/24.*eth0"):
        refuse_routed("10.0.0.0/16", ROUTES)
    refuse_routed("10.1.0.0/16", ROUTES)  # default routes, whole or in halves, exclude nothing
    with pytest.raises(EngineError):
        refuse_routed("not-a-range", ROUTES)


def test_engine_addresses() -> None:
    assert EngineAddress.parse("unix:///run/user/1000/podman.sock").unix_path == "/run/user/1000/podman.sock"
    assert EngineAddress.parse("tcp://10.0.0.5:2376").port == 2376
    with pytest.raises(EngineUnavailable, match="ssh://box"):
        EngineAddress.parse("ssh://box")


def test_a_nodes_place_in_its_swarm() -> None:
    """As Docker 20.10 tells a manager, a worker, and one outside."""
    managers = [{"NodeID": "m", "Addr": "10.213.7.1:2377"}]
    manager = {"NodeID": "m", "LocalNodeState": "active", "ControlAvailable": True, "RemoteManagers": managers}
    worker = {"NodeID": "w", "LocalNodeState": "active", "ControlAvailable": False, "RemoteManagers": managers}
    assert swarm_membership(manager) == SwarmMembership("m", True, ("m",))
    assert swarm_membership(worker) == SwarmMembership("w", False, ("m",))
    assert swarm_membership({"NodeID": "", "LocalNodeState": "inactive", "RemoteManagers": None}) == NO_SWARM
    assert swarm_membership({"NodeID": "w", "LocalNodeState": "pending", "RemoteManagers": managers}) == NO_SWARM
