"""Layers as they come from outside: read as a stream, within bounds, and scanned by real version rules."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import sys
import tarfile
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from emulator.domain.ecr.advisory import Incomparable
from emulator.registry.blobs import BlobStore
from emulator.registry.image_contents import ScannedImage
from emulator.registry.image_scanner import NO_ADVISORIES, ImageScanner
from emulator.registry.layer_reader import Below, Budget, ImageTooLarge, ScanStopped, UnreadableLayer, read_layer
from emulator.registry.package_versions import compare, cvss_score
from tests.synthetic_layers import (
    DEBIAN,
    DPKG_STATUS,
    advisory,
    put_advisory,
    rpm_database,
    rpm_header,
    tar,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STATUS = "var/lib/dpkg/status"


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "registry")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put_advisory(tmp_path / "advisories", advisory())
    return tmp_path / "advisories"


def put(blobs: BlobStore, data: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    blobs.layout.blob(digest).write_bytes(data)
    return digest


def image(layers: list[str]) -> ScannedImage:
    return ScannedImage(tuple(layers))


def read(blobs: BlobStore, data: bytes, below: set[str] | None = None, budget: Budget | None = None) -> Any:
    with blobs.open(put(blobs, data)) as blob:
        lower = Below()
        lower.add(below or ())
        return read_layer(blob, lower, budget or Budget())


class TestReading:
    def test_only_wanted_files_are_kept(self, blobs: BlobStore) -> None:
        content = {"./etc/passwd": b"x" * 5000, f"./{STATUS}": DPKG_STATUS, "etc/os-release => ../usr/x": b""}
        for compress in (True, False):
            assert read(blobs, tar(content, compress=compress)).files == {STATUS: DPKG_STATUS}

    def test_a_hard_link_is_the_file_it_names(self, blobs: BlobStore) -> None:
        first, second = "n/node_modules/a/package.json", "m/node_modules/a/package.json"
        files = read(blobs, tar({first: b"{}", f"{second} -> {first}": b""})).files
        assert files == {first: b"{}", second: b"{}"}

    def test_what_hides_lower_files(self, blobs: BlobStore) -> None:
        below = {STATUS, "lib/apk/db/installed", "etc/os-release"}
        layer = read(blobs, tar({"lib/.wh.apk": b"", "var/lib/.wh..wh..opq": b"", "etc": b"a file"}), below)
        assert (layer.hidden, layer.emptied) == ({"lib/apk", "etc"}, {"var/lib"})
        assert read(blobs, tar({"other/.wh.x": b""}), below).hidden == set()

    def test_a_bomb_is_given_up(self, blobs: BlobStore) -> None:
        with pytest.raises(ImageTooLarge):
            read(blobs, tar({"zeros": b"\0" * 1_000_000}), budget=Budget(expanded=500_000))
        with pytest.raises(ImageTooLarge):
            read(blobs, tar({STATUS: b"\0" * 1_000_000}), budget=Budget(kept=500_000))
        with pytest.raises(ImageTooLarge):
            read(blobs, tar({f"f{n}": b"" for n in range(10)}), budget=Budget(entries=9))
        with pytest.raises(ImageTooLarge, match="os-release is longer"):
            read(blobs, tar({"etc/os-release": b"ID=" + b"'" * 2_000_000}))

    def test_a_header_may_not_be_long(self, blobs: BlobStore) -> None:
        entry = tarfile.TarInfo("././@LongLink")
        entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 64 * 1024**2
        data = gzip.compress(entry.tobuf(tarfile.GNU_FORMAT) + b"x" * entry.size)
        with pytest.raises(UnreadableLayer, match="header is longer"):
            read(blobs, data)

    @pytest.mark.parametrize("kind", [tarfile.XGLTYPE, tarfile.XHDTYPE])
    def test_headers_without_end(self, blobs: BlobStore, kind: bytes) -> None:
        """Global headers add up, and others lie within each other."""
        archive = b""
        for number in range(2000):
            header = tarfile.TarInfo("pax")
            body = f"15 K{number:04}=aaaa\n".encode()
            header.type, header.size = kind, len(body)
            archive += header.tobuf(tarfile.GNU_FORMAT) + body.ljust(512, b"\0")
            if kind == tarfile.XGLTYPE:
                archive += tarfile.TarInfo("f").tobuf(tarfile.GNU_FORMAT)
        with pytest.raises(UnreadableLayer):
            read(blobs, gzip.compress(archive))

    def test_whiteouts_of_nothing_are_not_kept(self, blobs: BlobStore) -> None:
        layer = read(blobs, tar({f"x/.wh.{number}": b"" for number in range(1000)}), {STATUS})
        assert (layer.hidden, layer.emptied) == (frozenset(), frozenset())

    def test_a_name_that_no_system_could_hold_is_passed_over(self, blobs: BlobStore) -> None:
        assert read(blobs, tar({f"{'a/' * 3000}node_modules/a/package.json": b"{}"})).files == {}

    def test_time_files_and_layers_are_counted(self, blobs: BlobStore) -> None:
        data = tar({STATUS: DPKG_STATUS, "etc/os-release": DEBIAN})
        for budget, text in (
            (Budget(until=0.0), "take longer"),
            (Budget(files=1), "more packages"),
            (Budget(layers=0), "more layers"),
        ):
            with pytest.raises(ImageTooLarge, match=text):
                read(blobs, data, budget=budget)

    @pytest.mark.parametrize("data", [b"", b"no tar at all", b"\x1f\x8bno gzip", tar({STATUS: DPKG_STATUS * 50})[:-60]])
    def test_damage_is_said(self, blobs: BlobStore, data: bytes) -> None:
        with pytest.raises(UnreadableLayer):
            read(blobs, data)


class TestZstd:
    def test_layers_of_one_frame_and_of_several(self, blobs: BlobStore) -> None:
        archive = tar({STATUS: DPKG_STATUS, "big": b"x" * 5_000_000, "etc/os-release": DEBIAN}, compress=False)
        expected = {STATUS: DPKG_STATUS, "etc/os-release": DEBIAN}
        parts = [archive[at : at + 700] for at in range(0, 7000, 700)] + [archive[7000:]]
        for data in (zstd.compress(archive), b"".join(map(zstd.compress, parts))):
            assert read(blobs, data).files == expected

    def test_a_chunked_layer(self, blobs: BlobStore) -> None:
        """zstd:chunked: a frame for each file, then its table of contents and a footer in frames to be skipped. Other
        tools write such a frame first."""
        archive = tar({STATUS: DPKG_STATUS, "etc/os-release": DEBIAN}, compress=False)
        frames = [zstd.compress(archive[at : at + 512]) for at in range(0, len(archive), 512)]
        contents = skipped(zstd.compress(b'{"version":1,"entries":[]}'))
        footer = skipped(struct.pack("<7Q", len(b"".join(frames)) + 8, 34, 26, 1, 0, 0, 0) + b"GNUlInUx", number=14)
        for data in (b"".join([*frames, contents, footer]), b"".join([contents, *frames[:2], footer, *frames[2:]])):
            assert read(blobs, data).files == {STATUS: DPKG_STATUS, "etc/os-release": DEBIAN}

    def test_a_bomb_is_given_up(self, blobs: BlobStore) -> None:
        bomb = zstd.compress(tar({"zeros": b"\0" * 50_000_000}, compress=False))
        assert len(bomb) < 10_000
        with pytest.raises(ImageTooLarge, match="expand to more"):
            read(blobs, bomb, budget=Budget(expanded=5_000_000))

    def test_a_window_larger_than_any_has_need_of(self, blobs: BlobStore) -> None:
        options: dict[int, int] = {
            zstd.CompressionParameter.window_log: 30,
            zstd.CompressionParameter.content_size_flag: 0,
        }
        compressor = zstd.ZstdCompressor(options=options)
        data = compressor.compress(tar({STATUS: DPKG_STATUS}, compress=False)) + compressor.flush()
        with pytest.raises(UnreadableLayer, match="too much memory"):
            read(blobs, data)

    @pytest.mark.parametrize("nothing", [zstd.compress(b""), gzip.compress(b"")], ids=["zstd", "gzip"])
    def test_frames_and_members_of_nothing_take_time_too(self, blobs: BlobStore, nothing: bytes) -> None:
        """They are passed over within one read, which would end only with the layer."""
        closing = threading.Event()
        closing.set()
        with pytest.raises(ScanStopped):
            read(blobs, nothing * 20_000, budget=Budget(closing=closing))
        with pytest.raises(ImageTooLarge, match="take longer"):
            read(blobs, nothing * 20_000, budget=Budget(until=0.0))

    def test_damage_is_said(self, blobs: BlobStore) -> None:
        whole = zstd.compress(tar({STATUS: DPKG_STATUS * 50}, compress=False))
        for data in (
            whole[:-20],
            b"\x28\xb5\x2f\xfd....",
            skipped(b"only"),
            whole[:40] + b"\xff" * 40 + whole[80:],
            skipped(b"cut")[:-1],
        ):
            with pytest.raises(UnreadableLayer):
                read(blobs, data)

    def test_a_scan_of_layers_each_compressed_in_its_own_way(self, blobs: BlobStore, folder: Path) -> None:
        layers = [
            put(blobs, zstd.compress(tar({"etc/os-release": DEBIAN}, compress=False))),
            put(blobs, tar({"usr/share/x": b""})),
            put(blobs, zstd.compress(tar({STATUS: DPKG_STATUS}, compress=False))),
        ]
        result = ImageScanner(blobs, folder).scan(image(layers))
        assert (result.status, len(result.findings)) == ("COMPLETE", 1)
        assert {package.layer for package in result.packages or ()} == {layers[2]}


def skipped(content: bytes, number: int = 0) -> bytes:
    """A frame that decompressors pass over."""
    return struct.pack("<II", 0x184D2A50 + number, len(content)) + content


class TestScans:
    def test_a_debian_image_with_one_vulnerable_package(self, blobs: BlobStore, folder: Path) -> None:
        layers = [put(blobs, tar({"etc/os-release": DEBIAN, STATUS: DPKG_STATUS}))]
        result = ImageScanner(blobs, folder).scan(image(layers))
        assert (result.status, result.description) == ("COMPLETE", "The scan was completed successfully.")
        assert result.source_updated_at == 1714557600.0
        [finding] = result.findings
        assert (finding.name, finding.severity) == ("CVE-2022-37434", "CRITICAL")
        assert dict(finding.attributes) == {
            "package_name": "zlib1g",
            "package_version": "1:1.2.13.dfsg-1",
            "CVSS3_VECTOR": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS3_SCORE": "9.8",
        }

    def test_an_upper_layer_mends_it(self, blobs: BlobStore, folder: Path) -> None:
        newer = DPKG_STATUS.replace(b"1:1.2.13.dfsg-1", b"1:1.2.13.dfsg-2")
        lower = put(blobs, tar({"etc/os-release": DEBIAN, STATUS: DPKG_STATUS}))
        scanner = ImageScanner(blobs, folder)
        assert scanner.scan(image([lower, put(blobs, tar({STATUS: newer}))])).findings == ()
        assert len(scanner.scan(image([lower, put(blobs, tar({"srv/x": b""}))])).findings) == 1

    def test_which_layer_brought_a_package(self, blobs: BlobStore, folder: Path) -> None:
        put_advisory(folder, advisory("DEBIAN-CVE-2024-0001", name="bash", fixed="6"))
        put_advisory(folder, advisory("GHSA-a", "PyPI", "jinja2", "3.1.10", published="2024-05-01T10:00:00Z"))
        bash = b"Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b7\nArchitecture: amd64\n"
        lowest = put(blobs, tar({"etc/os-release": DEBIAN, STATUS: bash}))
        middle = put(blobs, tar({STATUS: DPKG_STATUS}))
        jinja = {"x/Jinja2-3.1.2.dist-info/METADATA": b"Name: Jinja2\nVersion: 3.1.2\n\n"}
        highest = put(blobs, tar({STATUS: DPKG_STATUS + b"\n", **jinja}))
        result = ImageScanner(blobs, folder).scan(image([lowest, middle, highest]))
        assert {one.package.name: one.package.layer for one in result.detections} == {
            "bash": lowest,
            "zlib1g": middle,
            "jinja2": highest,
        }
        assert {one.package.name: one.package.fixed_in for one in result.detections}["bash"] == "6"
        [of_jinja] = [one.vulnerability for one in result.detections if one.package.name == "jinja2"]
        assert (of_jinja.source, of_jinja.published) == ("GHSA", 1714557600.0)
        assert result.platform == "DEBIAN_12"

    def test_again_without_the_layers(self, blobs: BlobStore, folder: Path) -> None:
        scanner = ImageScanner(blobs, folder)
        layer = put(blobs, tar({"etc/os-release": DEBIAN, STATUS: DPKG_STATUS}))
        first = scanner.scan(image([layer]))
        before = scanner.state()
        put_advisory(folder, advisory("DEBIAN-CVE-2024-0001", name="bash", fixed=None))
        assert scanner.state() != before
        blobs.layout.blob(layer).unlink()
        again, unread = scanner.scan_again([(image([layer]), first.packages), (image([layer]), None)])
        assert [one.vulnerability.id for one in again.detections] == ["CVE-2022-37434", "CVE-2024-0001"]
        assert unread.status == "UNSUPPORTED_IMAGE"

    def test_rpm_packages(self, blobs: BlobStore, folder: Path, tmp_path: Path) -> None:
        header = rpm_header(name="openssl-libs", version="3.0.7", release="24.el9", epoch=1, arch="x86_64")
        database = rpm_database(tmp_path, header)
        release = b"ID=rocky\nVERSION_ID=9.3\n"
        layer = put(blobs, tar({"etc/os-release": release, "usr/lib/sysimage/rpm/rpmdb.sqlite": database}))
        put_advisory(folder, advisory("RLSA-2024:1", "Rocky Linux:9", "openssl-libs", "1:3.0.7-25.el9_3"))
        [finding] = ImageScanner(blobs, folder).scan(image([layer])).findings
        assert dict(finding.attributes)["package_version"] == "1:3.0.7-24.el9"

    def test_packages_of_languages(self, blobs: BlobStore, folder: Path) -> None:
        files = {
            "usr/lib/python3/dist-packages/Jinja2-3.1.2.dist-info/METADATA": b"Name: Jinja2\nVersion: 3.1.2\n\n",
            "app/node_modules/lodash/package.json": b'{"name": "lodash", "version": "4.17.9"}',
        }
        put_advisory(folder, advisory("GHSA-a", "PyPI", "jinja2", "3.1.10", severity=[]))
        put_advisory(folder, advisory("GHSA-b", "npm", "lodash", "4.17.10", database_specific={"severity": "LOW"}))
        result = ImageScanner(blobs, folder).scan(image([put(blobs, tar(files))]))
        assert [(one.name, one.severity) for one in result.findings] == [("GHSA-b", "LOW"), ("GHSA-a", "UNDEFINED")]

    def test_too_many_packages(self, blobs: BlobStore, folder: Path) -> None:
        status = b"".join(b"Package: a%d\nVersion: 1\n\n" % number for number in range(50_001))
        result = ImageScanner(blobs, folder).scan(image([put(blobs, tar({"etc/os-release": DEBIAN, STATUS: status}))]))
        assert result.status == "IMAGE_SIZE_EXCEEDED" and "more packages than a scan reads" in result.description

    def test_a_stop_ends_it(self, blobs: BlobStore, folder: Path) -> None:
        scanner = ImageScanner(blobs, folder)
        scanner.close()
        with pytest.raises(ScanStopped):
            scanner.scan(image([put(blobs, tar({STATUS: DPKG_STATUS}))]))

    def test_without_advisories_there_is_no_verdict(self, blobs: BlobStore, tmp_path: Path) -> None:
        layers = [put(blobs, tar({"etc/os-release": DEBIAN, STATUS: DPKG_STATUS}))]
        none = ImageScanner(blobs, None).scan(image(layers))
        assert (none.status, none.description) == ("FAILED", NO_ADVISORIES)
        (tmp_path / "empty").mkdir()
        empty = ImageScanner(blobs, tmp_path / "empty").scan(image(layers))
        assert (empty.status, empty.description) == ("FAILED", "The folder of advisories has none for Debian:12.")
        missing = ImageScanner(blobs, tmp_path / "gone").scan(image(layers))
        assert missing.status == "FAILED" and "is no folder" in missing.description

    def test_what_is_lacking_in_part_is_said(self, blobs: BlobStore, folder: Path) -> None:
        odd = DPKG_STATUS + b"\nPackage: zlib-odd\nStatus: install ok installed\nSource: zlib\nVersion: not a version\n"
        python = {"x/a.dist-info/METADATA": b"Name: a\nVersion: 1\n\n"}
        result = ImageScanner(blobs, folder).scan(
            image([put(blobs, tar({"etc/os-release": DEBIAN, STATUS: odd, **python}))])
        )
        assert result.status == "COMPLETE"
        assert "There are no advisories for PyPI." in result.description
        assert "The versions of 1 packages could not be compared." in result.description

    @pytest.mark.parametrize(
        ("files", "text"),
        [
            ({"bin/x": b""}, "The operating system and/or package manager are not supported."),
            ({STATUS: DPKG_STATUS}, "The operating system is not supported"),
            ({"etc/os-release": b"ID=gentoo\n", STATUS: DPKG_STATUS}, "The operating system is not supported"),
        ],
    )
    def test_images_that_are_not_supported(
        self, blobs: BlobStore, folder: Path, files: dict[str, bytes], text: str
    ) -> None:
        result = ImageScanner(blobs, folder).scan(image([put(blobs, tar(files))]))
        assert result.status == "UNSUPPORTED_IMAGE" and text in result.description

    def test_layers_that_are_not_read(self, blobs: BlobStore, folder: Path) -> None:
        scanner = ImageScanner(blobs, folder)
        assert "is not in this registry" in scanner.scan(image([f"sha256:{'0' * 64}"])).description
        assert scanner.scan(image([put(blobs, b"junk")])).status == "FAILED"

    def test_advisories_in_a_zip_and_one_that_is_none(self, blobs: BlobStore, tmp_path: Path) -> None:
        folder = tmp_path / "zipped"
        folder.mkdir()
        with zipfile.ZipFile(folder / "all.zip", "w") as archive:
            archive.writestr("a.json", json.dumps(advisory()))
        layers = [put(blobs, tar({"etc/os-release": DEBIAN, STATUS: DPKG_STATUS}))]
        assert len(ImageScanner(blobs, folder).scan(image(layers)).findings) == 1
        (folder / "other.json").write_text('{"not": "osv"}')
        result = ImageScanner(blobs, folder).scan(image(layers))
        assert (result.status, result.findings) == ("FAILED", ())
        assert "other.json is no advisory in the OSV format: it has no id" in result.description
        (folder / "other.json").unlink()
        (folder / "bad.zip").write_bytes(b"PK no zip")
        assert "bad.zip" in ImageScanner(blobs, folder).scan(image(layers)).description


class TestVersions:
    @pytest.mark.parametrize(
        ("ecosystem", "lower", "higher"),
        [
            ("Debian", "1.0~rc1-1", "1.0-1"),
            ("Debian", "2.0-1", "1:1.0-1"),
            ("Ubuntu", "3.0.2-0ubuntu1.9", "3.0.2-0ubuntu1.10"),
            ("Alpine", "1.2.3-r9", "1.2.3-r10"),
            ("Rocky Linux", "1:3.0.7-24.el9", "1:3.0.7-25.el9"),
            ("PyPI", "1.0rc1", "1.0"),
            ("npm", "1.2.3-alpha", "1.2.3"),
        ],
    )
    def test_each_ecosystem_counts_its_own_way(self, ecosystem: str, lower: str, higher: str) -> None:
        assert compare(ecosystem, lower, higher) < 0 < compare(ecosystem, higher, lower)
        assert compare(ecosystem, lower, lower) == 0

    @pytest.mark.parametrize("version", ["", "no version!", "1" * 300])
    def test_what_is_no_version(self, version: str) -> None:
        with pytest.raises(Incomparable):
            compare("PyPI", version, "1.0")
        with pytest.raises(Incomparable):
            compare("Elsewhere", "1", "2")

    def test_scores(self) -> None:
        assert cvss_score("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H") == 9.8
        assert cvss_score("CVSS_V3", "nonsense") is None
        assert cvss_score("Ubuntu", "medium") is None


def test_an_empty_archive_brings_nothing(blobs: BlobStore) -> None:
    out = io.BytesIO()
    tarfile.open(fileobj=out, mode="w").close()
    assert read(blobs, out.getvalue()).files == {}
