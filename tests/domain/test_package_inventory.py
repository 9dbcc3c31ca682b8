"""Package databases of each kind, and what the layers over them hide."""

from __future__ import annotations

import pytest

from emulator.domain.ecr.layer_overlay import LayerFiles, normal, overlay, whiteout
from emulator.domain.ecr.package_inventory import (
    Distribution,
    Package,
    UnreadablePackages,
    distribution,
    inventory,
    is_wanted,
)
from tests.synthetic_layers import DEBIAN, DPKG_STATUS, rpm_header

APK = b"C:Q1abc=\nP:libcrypto3\nV:3.1.4-r1\nA:x86_64\no:openssl\n\nP:busybox\nV:1.36.1-r5\n"


def _of(files: dict[str, bytes], *headers: bytes) -> list[tuple[str, str, str, str]]:
    return [
        (p.ecosystem, p.release, p.name, p.version) for p in inventory(files, {"var/lib/rpm/rpmdb.sqlite": headers})
    ]


def test_dpkg_says_what_is_installed_and_from_which_source() -> None:
    found = inventory({"etc/os-release": DEBIAN, "var/lib/dpkg/status": DPKG_STATUS})
    assert [(p.name, p.version, p.names[-1]) for p in found] == [
        ("zlib1g", "1:1.2.13.dfsg-1", ("zlib", "1:1.2.13.dfsg-1")),
        ("bash", "5.2.15-2+b7", ("bash", "5.2.15-2+b7")),
    ]
    assert {(p.ecosystem, p.release, p.kind) for p in found} == {("Debian", "12", "OS")}


def test_an_image_without_dpkg_may_have_its_status_in_parts() -> None:
    files = {"var/lib/dpkg/status.d/base": b"Package: base-files\nVersion: 12.4\n", "etc/os-release": DEBIAN}
    assert _of(files) == [("Debian", "12", "base-files", "12.4")]
    assert is_wanted("var/lib/dpkg/status.d/base")
    assert not is_wanted("var/lib/dpkg/status.d/base.md5sums")


def test_apk() -> None:
    files = {"lib/apk/db/installed": APK, "etc/os-release": b"ID=alpine\nVERSION_ID=3.19.1\n"}
    assert _of(files) == [
        ("Alpine", "v3.19", "libcrypto3", "3.1.4-r1"),
        ("Alpine", "v3.19", "busybox", "1.36.1-r5"),
    ]
    assert inventory(files)[0].names == (("libcrypto3", "3.1.4-r1"), ("openssl", "3.1.4-r1"))


def test_rpm_headers() -> None:
    header = rpm_header(
        name="openssl-libs",
        version="3.0.7",
        release="24.el9",
        epoch=1,
        arch="x86_64",
        source="openssl-3.0.7-24.el9.src.rpm",
    )
    key = rpm_header(name="gpg-pubkey", version="1", release="1")
    release = {"etc/os-release": b'ID="rocky"\nVERSION_ID="9.3"\n'}
    [package] = inventory(release, {"usr/lib/sysimage/rpm/rpmdb.sqlite": [header, key]})
    assert (package.ecosystem, package.release, package.version) == ("Rocky Linux", "9", "1:3.0.7-24.el9")
    assert (package.source, package.architecture) == ("openssl", "x86_64")


@pytest.mark.parametrize("header", [b"", b"\0" * 7, b"\xff" * 64, rpm_header(name="a", version="1")[:30]])
def test_a_damaged_header_is_said(header: bytes) -> None:
    with pytest.raises(UnreadablePackages):
        inventory({}, {"var/lib/rpm/rpmdb.sqlite": [header]})


def test_python_and_npm() -> None:
    files = {
        "usr/lib/python3/dist-packages/Jinja2-3.1.2.dist-info/METADATA": b"Name: Jinja2\nVersion: 3.1.2\n\nName: no\n",
        "opt/x.egg-info/PKG-INFO": b"Metadata-Version: 1.0\r\nName: zope.interface\r\nVersion: 5.0\r\n\r\nText\r\n",
        "app/node_modules/@babel/core/package.json": b'{"name": "@babel/core", "version": "7.0.0"}',
        "app/node_modules/broken/package.json": b"{",
        "app/node_modules/list/package.json": b"[]",
    }
    assert all(is_wanted(path) for path in files)
    assert _of(files) == [
        ("npm", "", "@babel/core", "7.0.0"),
        ("PyPI", "", "zope-interface", "5.0"),
        ("PyPI", "", "jinja2", "3.1.2"),
    ]


@pytest.mark.parametrize(
    "path", ["app/package.json", "a/node_modules/x/test/package.json", "METADATA", "etc/passwd", "x/y.dist-info/RECORD"]
)
def test_other_files_are_not_wanted(path: str) -> None:
    assert not is_wanted(path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (DEBIAN, Distribution("Debian", "12")),
        (b"ID=ubuntu\nVERSION_ID='22.04'\n", Distribution("Ubuntu", "22.04")),
        (b"ID=wolfi\nVERSION_ID=20230201\n", Distribution("Wolfi", "")),
        (b"ID=debian\n", Distribution("Debian", "")),
        (b'ID="opensuse-leap"\nVERSION_ID="15.5"\n', Distribution("openSUSE", "Leap 15.5")),
        (b'ID="opensuse-tumbleweed"\nVERSION_ID="20240501"\n', Distribution("openSUSE", "Tumbleweed")),
        (b'ID="sles"\nVERSION_ID="15.5"\n', Distribution("SUSE", "Linux Enterprise Server 15 SP5")),
        (b'ID="centos"\nVERSION_ID="7"\n', Distribution("CentOS", "7")),
        (b'ID="unclosed\n', None),
        (b"ID=plan9\n", None),
        (b"", None),
    ],
)
def test_the_distribution(text: bytes, found: Distribution | None) -> None:
    assert distribution({"usr/lib/os-release": text}) == found


class TestOverlay:
    LOWER = LayerFiles({"a/b/x": b"1", "a/c": b"2", "d": b"3"})

    def test_an_upper_file_takes_the_place_of_a_lower_one(self) -> None:
        assert overlay([self.LOWER, LayerFiles({"d": b"4"})]) == {"a/b/x": b"1", "a/c": b"2", "d": b"4"}

    def test_a_whiteout_hides_a_path_and_all_beneath_it(self) -> None:
        assert overlay([self.LOWER, LayerFiles(hidden=frozenset({"a/b", "d"}))]) == {"a/c": b"2"}

    def test_an_opaque_folder_hides_what_was_in_it_but_not_its_own(self) -> None:
        upper = LayerFiles({"a/new": b"5"}, emptied=frozenset({"a"}))
        assert overlay([self.LOWER, upper]) == {"d": b"3", "a/new": b"5"}

    def test_whiteouts_by_name(self) -> None:
        assert whiteout("a/.wh.b") == ("a/b", False)
        assert whiteout(".wh.b") == ("b", False)
        assert whiteout("a/.wh..wh..opq") == ("a", True)
        assert whiteout("a/b.wh.c") is None

    @pytest.mark.parametrize("path", ["./a/b", "/a/b", "../../a/b", "a/./x/../b"])
    def test_paths_stay_in_the_root(self, path: str) -> None:
        assert normal(path) == "a/b"


def test_a_package_is_told_once() -> None:
    package = Package("npm", "NODEPKG", "x", "1.0.0", "/a")
    assert package.names == (("x", "1.0.0"),)
