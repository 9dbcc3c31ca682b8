"""`homeport images`: what the registry holds and who uses it; to and from folders in the OCI image layout."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.cli.asking import Unreachable, call, get, query, table, when

_MIB = 1024 * 1024

Run = Callable[[argparse.Namespace], int]


def add(images: argparse.ArgumentParser, endpoint: str) -> None:
    """The verb's arguments, and the verbs under it."""
    images.add_argument("--repository", metavar="NAME", default="", help="of this repository only")
    images.add_argument("--json", action="store_true")
    verbs = images.add_subparsers(metavar="COMMAND")
    for name, run, text, arguments in (
        ("packages", _packages, "list the packages that the last scan found in an image", ("REPO[:TAG]",)),
        ("export", _export, "write images into a folder in the OCI image layout", ("REPO[:TAG]", "DIR")),
        ("import", _import, "push the images of such a folder", ("DIR", "REPO[:TAG]")),
    ):
        made = verbs.add_parser(name, help=text, description=text)
        made.add_argument("--endpoint", default=endpoint, help="the running emulator (default: %(default)s)")
        for argument in arguments:
            made.add_argument(argument.partition("[")[0].lower(), metavar=argument)
        if run is _packages:
            made.add_argument("--json", action="store_true")
        made.set_defaults(run=run)


def images(asked: argparse.Namespace) -> int:
    """The table: one line for each image, newest first in each repository."""
    found = get(asked, f"images?{query(repository=asked.repository)}")
    if asked.json:
        print(json.dumps(found, indent=2))
        return 0
    for one in found["repositories"]:
        rows = [
            [
                " ".join(image["tags"]) or "-", image["digest"].partition(":")[2][:12], _size(image["sizeBytes"]),
                when(image["pushedAt"])[:19], image["status"], _scan(image["scan"]), ", ".join(image["usedBy"]) or "-",
            ]
            for image in one["images"]
        ]  # fmt: skip
        print(one["uri"])
        table("TAGS  DIGEST  SIZE  PUSHED  STATUS  SCAN  USED BY", rows)
        if not rows:
            print("(empty)\n")
    if not found["repositories"]:
        print("no repository of that name" if asked.repository else "no repository yet")
        return 1 if asked.repository else 0
    return 0


def _scan(scan: dict[str, Any] | None) -> str:
    """How many findings of each severity, or why there are none."""
    if scan is None:
        return "-"
    if scan["severityCounts"] is None:
        return str(scan["status"])
    return ", ".join(f"{count} {name}" for name, count in scan["severityCounts"].items()) or "no findings"


def _packages(asked: argparse.Namespace) -> int:
    """One line for each package, those with vulnerabilities first."""
    from emulator.cli.images_client import split_reference
    from emulator.cli.oci_layout import CannotCopy

    try:
        repository, reference = split_reference(asked.repo)
    except CannotCopy as error:
        raise Unreachable(str(error)) from error
    found = get(asked, f"images/packages?{query(repository=repository, reference=reference or '')}")
    if asked.json:
        print(json.dumps(found, indent=2))
        return 0
    scan = found["scan"]
    print(f"{asked.repo}  {found['digest']}")
    print(f"{scan['status']}: {scan['description']}" if scan else "not scanned yet")
    if found["packages"] is None:
        return 1
    rows = [
        [one["name"], one["version"], one["manager"], one["layer"].partition(":")[2][:12],
         ", ".join(one["vulnerabilities"]) or "-"]
        for one in sorted(found["packages"], key=lambda one: not one["vulnerabilities"])
    ]  # fmt: skip
    table("PACKAGE  VERSION  MANAGER  LAYER  VULNERABILITIES", rows)
    return 0


def _size(size: int) -> str:
    return f"{size / _MIB:.1f} MiB" if size >= _MIB else f"{size / 1024:.1f} KiB"


def _export(asked: argparse.Namespace) -> int:
    from emulator.cli.images_client import export_layout

    return _copied(asked, lambda client, tag: export_layout(client, tag, Path(asked.dir)), "exported", "to")


def _import(asked: argparse.Namespace) -> int:
    from emulator.cli.images_client import import_layout

    return _copied(asked, lambda client, tag: import_layout(client, tag, Path(asked.dir)), "imported", "from")


def _copied(asked: argparse.Namespace, copy: Callable[[Any, str | None], Any], verb: str, way: str) -> int:
    from emulator.cli.images_client import RegistryClient, split_reference
    from emulator.cli.oci_layout import CannotCopy

    try:
        repository, reference = split_reference(asked.repo)
        token = call(asked, "registry-token", {"repository": repository})["password"]
        done = copy(RegistryClient(asked.endpoint, token, repository), reference)
    except CannotCopy as error:
        raise Unreachable(str(error)) from error
    what = f"{done.manifests} manifest{'s' * (done.manifests != 1)}, {done.blobs} blob{'s' * (done.blobs != 1)}"
    print(f"{verb} {asked.repo} {way} {asked.dir}: {what}, {_size(done.bytes)} moved")
    return 0
