"""What is installed in an image, read from the package databases that its files hold. Pure: texts in, packages out.

Knows Debian's dpkg, Alpine's apk, RPM's headers, Python's and npm's metadata; not where the files come from, nor what
is wrong with a package. Sources: dpkg(1) and deb-control(5), apk-package(5), RPM's header format, Python's core
metadata, npm's package.json, os-release(5).
"""

from __future__ import annotations

import json
import re
import shlex
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, islice

DPKG_STATUS = "var/lib/dpkg/status"
DPKG_STATUS_DIRECTORY = "var/lib/dpkg/status.d/"
APK_INSTALLED = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
RPM_FOLDERS = ("var/lib/rpm", "usr/lib/sysimage/rpm")
RPM_NAMES = ("rpmdb.sqlite", "Packages.db", "Packages")
"""RPM's forms of its database, the newest first: SQLite, ndb, Berkeley DB."""

RPM_DATABASES = tuple(f"{folder}/{name}" for folder in RPM_FOLDERS for name in RPM_NAMES)
OS_RELEASE = ("etc/os-release", "usr/lib/os-release")

_EXACT = frozenset((DPKG_STATUS, *APK_INSTALLED, *RPM_DATABASES, *OS_RELEASE))
_PYTHON = re.compile(r"(?:.*/)?[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO|egg-info)")
_NPM = re.compile(r"(?:.*/)?node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json")
_DPKG_PART = re.compile(re.escape(DPKG_STATUS_DIRECTORY) + r"[^/]+(?<!\.md5sums)")

_DISTRIBUTIONS = {
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "alpine": "Alpine",
    "wolfi": "Wolfi",
    "chainguard": "Chainguard",
    "rhel": "Red Hat",
    "rocky": "Rocky Linux",
    "almalinux": "AlmaLinux",
    "amzn": "Amazon Linux",
    "fedora": "Fedora",
    "centos": "CentOS",
    "ol": "Oracle Linux",
    "opensuse-leap": "openSUSE",
    "opensuse-tumbleweed": "openSUSE",
    "sles": "SUSE",
    "mageia": "Mageia",
    "photon": "Photon OS",
    "openEuler": "openEuler",
}
"""os-release's ID, and the ecosystem's name in OSV (Amazon Linux, Fedora, CentOS and Oracle Linux are no ecosystems of
OSV's list, but advisories may use them)."""

_PLATFORMS = {"Red Hat": "RHEL", "Alpine": "ALPINE_LINUX"}

PACKAGES_LIMIT = 50_000
"""Of one image; there is none with so many."""

_DATABASE_LIMIT = 128 * 1024**2
_TEXT_LIMIT = 32 * 1024**2
_LINE_LIMIT = 1_000
_DOCUMENT_LIMIT = 1024**2

_MAJOR_ONLY = ("rhel", "rocky", "almalinux", "centos", "ol")
_RPM_TAGS = {1000: "name", 1001: "version", 1002: "release", 1003: "epoch", 1022: "arch", 1044: "source"}
_RPM_MAXIMUM_ENTRIES = 100_000


class UnreadablePackages(ValueError):
    """A package database that is there and cannot be read; the text says which."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """`name` is the ecosystem as OSV calls it; `release` as OSV writes it after the colon ("12", "v3.19"), or ""."""

    name: str
    release: str

    def __str__(self) -> str:
        return f"{self.name}:{self.release}" if self.release else self.name

    @property
    def platform(self) -> str:
        """As Amazon Inspector names it: DEBIAN_12, UBUNTU_22_04 (the names of others than these are unconfirmed)."""
        name = _PLATFORMS.get(self.name, self.name).upper().replace(" ", "_")
        return f"{name}_{self.release.lstrip('v').replace('.', '_')}".strip("_")


@dataclass(frozen=True, slots=True)
class Package:
    """`ecosystem` is OSV's name without a release; `source` and `source_version`: what a distribution built it from,
    which is what the advisories of Debian, Ubuntu and Alpine name. `kind` is the package manager, `layer` the digest of
    the layer that brought it, where known."""

    ecosystem: str
    kind: str
    name: str
    version: str
    path: str
    architecture: str = ""
    source: str = ""
    source_version: str = ""
    release: str = ""
    layer: str = ""

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Under which names, and then with which version, an advisory may mean it."""
        own = (self.name, self.version)
        source = (self.source or self.name, self.source_version or self.version)
        return (own,) if own == source else (own, source)


@dataclass(frozen=True, slots=True)
class ImagePackages:
    """What was found in an image, so that it can be judged again without its layers."""

    account: str
    region: str
    repository: str
    digest: str
    packages: tuple[Package, ...]


def is_wanted(path: str) -> bool:
    """Whether a file of an image, its path without a leading slash, tells of packages."""
    if path in _EXACT or _DPKG_PART.fullmatch(path):
        return True
    if path.endswith("/package.json"):
        return _NPM.fullmatch(path) is not None
    return path.endswith(("/METADATA", "/PKG-INFO", ".egg-info")) and _PYTHON.fullmatch(path) is not None


def longest(path: str) -> int:
    """How many bytes a wanted file may have: a database of a distribution many, what one package says of itself few."""
    if path in RPM_DATABASES:
        return _DATABASE_LIMIT
    return _TEXT_LIMIT if path in (DPKG_STATUS, *APK_INSTALLED) else _DOCUMENT_LIMIT


def distribution(files: Mapping[str, bytes]) -> Distribution | None:
    """What os-release says, None without one or for a distribution that OSV has no name for."""
    text = next((_text(files[path]) for path in OS_RELEASE if files.get(path)), "")
    facts = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#") and len(line) < _LINE_LIMIT:
            facts[key.strip()] = _unquoted(value)
    identity, version = facts.get("ID", ""), facts.get("VERSION_ID", "")
    if (name := _DISTRIBUTIONS.get(identity)) is None:
        return None
    if identity == "alpine":
        return Distribution(name, "v" + ".".join(version.split(".")[:2]) if version else "")
    if identity in _MAJOR_ONLY:
        return Distribution(name, version.partition(".")[0])
    if name in ("openSUSE", "SUSE"):
        return Distribution(name, _suse_release(identity, version))
    return Distribution(name, "" if name in ("Wolfi", "Chainguard") else version)


def _suse_release(identity: str, version: str) -> str:
    """`Leap 15.5`, `Tumbleweed`, `Linux Enterprise Server 15 SP5`."""
    if identity == "opensuse-tumbleweed":
        return "Tumbleweed"
    if identity == "opensuse-leap":
        return f"Leap {version}"
    major, dot, pack = version.partition(".")
    return f"Linux Enterprise Server {major} SP{pack}" if dot else f"Linux Enterprise Server {major}"


def inventory(files: Mapping[str, bytes], rpm_headers: Mapping[str, Iterable[bytes]] | None = None) -> list[Package]:
    """The packages that the files tell of, no more than one above the limit. `rpm_headers` are the headers in RPM's
    databases by path, which need readers of their own. Raises UnreadablePackages."""
    system = distribution(files)
    found = chain(
        (package for path, content in sorted(files.items()) for package in _packages(path, content, system)),
        (
            package
            for path, headers in (rpm_headers or {}).items()
            for header in headers
            if (package := _rpm(path, header, system)) is not None
        ),
    )
    # One more than may be, so that who asks sees it.
    return list(dict.fromkeys(islice(found, PACKAGES_LIMIT + 1)))


def rpm_databases(files: Mapping[str, bytes]) -> list[str]:
    """The paths of those that count: in each folder the newest form, since a conversion may leave an old one there."""
    found = []
    for folder in RPM_FOLDERS:
        paths = [f"{folder}/{name}" for name in RPM_NAMES if f"{folder}/{name}" in files]
        found += paths[:1]
    return found


def has_system_packages(files: Mapping[str, bytes]) -> bool:
    """Whether a distribution's own package database is among the files."""
    return any(
        path.startswith(DPKG_STATUS_DIRECTORY) or path in (DPKG_STATUS, *APK_INSTALLED, *RPM_DATABASES)
        for path in files
    )


def _packages(path: str, content: bytes, system: Distribution | None) -> Iterator[Package]:
    if path == DPKG_STATUS or path.startswith(DPKG_STATUS_DIRECTORY):
        yield from _dpkg(path, content, system or Distribution("Debian", ""))
    elif path in APK_INSTALLED:
        yield from _apk(path, content, system or Distribution("Alpine", ""))
    elif path.endswith("/package.json"):
        yield from _npm(path, content)
    elif path.endswith(("/METADATA", "/PKG-INFO", ".egg-info")):
        yield from _python(path, content)


def _dpkg(path: str, content: bytes, system: Distribution) -> Iterator[Package]:
    """Stanzas of fields; what is only configured or half installed is no package. A part of status.d may go without a
    Status."""
    for stanza in _stanzas(content):
        fields = _fields(stanza)
        name, version = fields.get("package"), fields.get("version")
        if not name or not version or fields.get("status", "installed").split()[-1:] != ["installed"]:
            continue
        source, _, rest = fields.get("source", "").partition(" ")
        yield Package(
            system.name, "OS", name, version, f"/{path}", fields.get("architecture", ""),
            source, rest.strip("() "), system.release,
        )  # fmt: skip


def _apk(path: str, content: bytes, system: Distribution) -> Iterator[Package]:
    for stanza in _stanzas(content):
        fields: dict[str, str] = {}
        for line in stanza:
            letter, colon, value = line.partition(":")
            if colon and len(letter) == 1:
                fields.setdefault(letter, value.strip())
        if fields.get("P") and fields.get("V"):
            yield Package(
                system.name, "OS", fields["P"], fields["V"], f"/{path}", fields.get("A", ""),
                fields.get("o", ""), "", system.release,
            )  # fmt: skip


def _rpm(path: str, header: bytes, system: Distribution | None) -> Package | None:
    """One header: two counts, an index of (tag, type, offset, count), and the data. Big-endian."""
    tags = _rpm_tags(header)
    name, version, release = (str(tags.get(one, "")) for one in ("name", "version", "release"))
    if not name or not version or name == "gpg-pubkey":
        return None
    epoch = tags.get("epoch")
    whole = f"{epoch}:{version}-{release}" if epoch else f"{version}-{release}"
    where = system or Distribution("Red Hat", "")
    # foo-bar-1.2-3.el9.src.rpm: the name is what stands before the last two dashes.
    source = str(tags.get("source", "")).rsplit("-", 2)[0]
    architecture = str(tags.get("arch", ""))
    return Package(where.name, "OS", name, whole, f"/{path}", architecture, source, "", where.release)


def _rpm_tags(header: bytes) -> dict[str, str | int]:
    try:
        count, length = struct.unpack_from(">II", header)
        if count > _RPM_MAXIMUM_ENTRIES:
            raise UnreadablePackages("a header of the RPM database says more entries than a package has")
        data = header[8 + 16 * count : 8 + 16 * count + length]
        found: dict[str, str | int] = {}
        for number in range(count):
            tag, kind, offset, _ = struct.unpack_from(">IIII", header, 8 + 16 * number)
            if tag not in _RPM_TAGS or _RPM_TAGS[tag] in found:
                continue
            if kind == 4:
                found[_RPM_TAGS[tag]] = struct.unpack_from(">I", data, offset)[0]
            elif kind == 6:
                found[_RPM_TAGS[tag]] = _text(data[offset : data.index(b"\0", offset)])
        return found
    except (struct.error, ValueError) as error:
        if isinstance(error, UnreadablePackages):
            raise
        raise UnreadablePackages("a header of the RPM database is damaged") from error


def _python(path: str, content: bytes) -> Iterator[Package]:
    fields = _fields(next(_stanzas(content), []))
    name, version = fields.get("name"), fields.get("version")
    if name and version:
        yield Package("PyPI", "PYTHONPKG", python_name(name), version, f"/{path}")


def _npm(path: str, content: bytes) -> Iterator[Package]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return  # a package.json in a package's own tests, say: npm itself could not read it either
    if not isinstance(document, dict):
        return
    name, version = document.get("name"), document.get("version")
    if isinstance(name, str) and isinstance(version, str) and name and version:
        yield Package("npm", "NODEPKG", name, version.removeprefix("v"), f"/{path}")


def python_name(name: str) -> str:
    """As PyPI normalizes names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _stanzas(content: bytes) -> Iterator[list[str]]:
    """Lines up to an empty one, one stanza at a time: a database may be long."""
    lines: list[str] = []
    for line in BytesIO(content):
        if line.strip():
            lines.append(_text(line).rstrip("\r\n"))
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def _fields(stanza: Iterable[str]) -> dict[str, str]:
    """The first of each field, its name in lower case; lines that go on another are left out."""
    fields: dict[str, str] = {}
    for line in stanza:
        if line[:1] in (" ", "\t"):
            continue
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value))
    except ValueError:
        return value.strip()


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
