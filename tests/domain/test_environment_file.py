"""Environment files: what of a line counts, and which file decides."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.domain.task_definitions.unsupported_features import unsupported_features
from emulator.domain.tasks.environment_file import NotAnObject, bucket_and_key, merged, variables
from emulator.domain.tasks.volume_plan import host_paths, is_allowed


def test_lines() -> None:
    text = '# a comment\nA=1\n\nB = two words \nnothing\nC=x=y\n#D=1\nE="quoted"\nA=2\n=nameless\nF=\n'
    assert variables(text) == {"A": "2", "B": "two words", "C": "x=y", "E": '"quoted"', "F": ""}


def test_the_first_file_decides() -> None:
    assert merged([{"A": "1"}, {"A": "2", "B": "2"}]) == {"A": "1", "B": "2"}


def test_objects() -> None:
    assert bucket_and_key("arn:aws:s3:::b/a/c.env") == ("b", "a/c.env")
    for wrong in (
        "arn:aws:s3:::b",
        "b/c.env",
        "arn:aws:s3:::../x.env",
        "arn:aws:s3:::b/../../x.env",
        "arn:aws:s3:::b//c",
    ):
        with pytest.raises(NotAnObject):
            bucket_and_key(wrong)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/srv", True), ("/srv/a", True), ("/srv/../etc", False), ("/srvx", False), ("srv", False), ("/", False)],
)
def test_only_what_lies_in_an_allowed_directory(path: str, allowed: bool) -> None:
    assert is_allowed(path, ["/srv/", "/opt"]) is allowed


@pytest.mark.parametrize(
    ("volume", "shown"),
    [
        ({}, []),
        ({"host": {}}, []),
        ({"host": {"sourcePath": "/srv/a"}}, ["/srv/a"]),
        ({"dockerVolumeConfiguration": {}}, []),
        ({"dockerVolumeConfiguration": {"driverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}}, []),
        ({"dockerVolumeConfiguration": {"driverOpts": {"type": "nfs", "device": ":/x", "o": "addr=10.0.0.1"}}}, []),
        ({"dockerVolumeConfiguration": {"driverOpts": {"type": "none", "o": "bind", "device": "/etc"}}}, ["/etc"]),
        ({"dockerVolumeConfiguration": {"driverOpts": {"type": "tmpfs", "o": "rw,bind", "device": "/etc"}}}, ["/etc"]),
        ({"dockerVolumeConfiguration": {"driverOpts": {"type": "none", "o": "bind", "device": "../etc"}}}, ["/"]),
        ({"dockerVolumeConfiguration": {"driverOpts": {"type": "ext4", "device": "/dev/sda1"}}}, ["/"]),
        ({"dockerVolumeConfiguration": {"driverOpts": {"type": "overlay", "o": "lowerdir=/etc"}}}, ["/"]),
        ({"dockerVolumeConfiguration": {"driver": "persist", "driverOpts": {"mountpoint": "/a", "n": "1"}}}, ["/a"]),
    ],
)
def test_what_of_the_host_a_volume_would_show(volume: dict[str, Any], shown: list[str]) -> None:
    assert host_paths({"name": "v", **volume}) == shown


def test_a_directory_of_a_file_system_is_no_wish_too_many_and_no_network_is() -> None:
    efs = {"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/x"}}
    container = {"name": "c", "disableNetworking": True}
    definition = {"networkMode": "awsvpc", "volumes": [efs], "containerDefinitions": [container]}
    assert [path for path, _ in unsupported_features(definition)] == ["containerDefinitions[0].disableNetworking"]
