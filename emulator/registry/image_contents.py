"""What an image holds: the packages of its layers, and which layer brought each; its configuration. Reads; decides what
an image is called that cannot be read. What is wrong with a package is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emulator.domain.ecr.layer_overlay import LayerFiles, folders_of, overlay
from emulator.domain.ecr.package_inventory import (
    OS_RELEASE,
    PACKAGES_LIMIT,
    Distribution,
    Package,
    distribution,
    has_system_packages,
    inventory,
    rpm_databases,
)
from emulator.registry.blobs import BlobStore
from emulator.registry.layer_reader import Below, Budget, ImageTooLarge, UnsupportedLayer, read_layer
from emulator.registry.rpm_database import rpm_headers

_CONFIG_LIMIT = 8 * 1024**2


class UnsupportedImage(Exception):
    """Nothing of the image is of a kind that is read; the text says why."""


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """What a scanner needs of an image: its layers, the lowest first, and its configuration, by digest; and its
    manifest as it was pushed."""

    layers: tuple[str, ...]
    config: str | None = None
    manifest: bytes = b""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """`system` is the distribution, None in an image without one."""

    packages: tuple[Package, ...]
    system: Distribution | None


def contents(blobs: BlobStore, image: ScannedImage, budget: Budget) -> Contents:
    """Raises UnsupportedImage, UnsupportedLayer, UnreadableLayer, ImageTooLarge, UnreadablePackages, ScanStopped."""
    read = _layers(blobs, image.layers, budget)
    files = overlay(read)
    system = distribution(files)
    if has_system_packages(files) and system is None:
        raise UnsupportedImage("The operating system is not supported, or /etc/os-release does not name it.")
    found = _packages(files)
    if not found and not has_system_packages(files):
        raise UnsupportedImage("The operating system and/or package manager are not supported.")
    return Contents(tuple(_with_layers(found, read, image.layers, files)), system)


def configuration(blobs: BlobStore, image: ScannedImage) -> dict[str, Any]:
    """The image's configuration; empty when it is none or not there."""
    if image.config is None:
        return {}
    try:
        with blobs.open(image.config) as blob:
            document = json.loads(blob.read(_CONFIG_LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _layers(blobs: BlobStore, digests: Sequence[str], budget: Budget) -> list[LayerFiles]:
    read: list[LayerFiles] = []
    below = Below()
    for digest in digests:
        try:
            with blobs.open(digest) as blob:
                layer = read_layer(blob, below, budget)
        except FileNotFoundError as error:
            raise UnsupportedLayer(f"the layer {digest} is not in this registry") from error
        read.append(layer)
        below.add(layer.files)
    return read


def _packages(files: Mapping[str, bytes]) -> list[Package]:
    found = inventory(files, {path: rpm_headers(path, files[path]) for path in rpm_databases(files)})
    if len(found) > PACKAGES_LIMIT:
        raise ImageTooLarge("it has more packages than a scan reads")
    return found


def _with_layers(
    packages: Sequence[Package], read: Sequence[LayerFiles], digests: Sequence[str], files: Mapping[str, bytes]
) -> list[Package]:
    """Each package with the layer that brought it: the lowest from which on every state of its database has it."""
    release = {path: files[path] for path in OS_RELEASE if path in files}
    brought: dict[Package, int] = {}
    by_path: dict[str, set[Package]] = {}
    for package in packages:
        by_path.setdefault(package.path.lstrip("/"), set()).add(package)
    for path, present in by_path.items():
        history = _history(path, read)
        brought.update(dict.fromkeys(present, history[-1]))
        for index in reversed(history[:-1]):
            older = {_identity(one) for one in _packages({**release, path: read[index].files[path]})}
            present = {package for package in present if _identity(package) in older}
            if not present:
                break
            brought.update(dict.fromkeys(present, index))
    return [replace(package, layer=digests[brought[package]]) for package in packages]


def _history(path: str, read: Sequence[LayerFiles]) -> list[int]:
    """The layers that bring a file, the lowest first, since it was last hidden."""
    history: list[int] = []
    for index, layer in enumerate(read):
        hides = path in layer.hidden and path not in layer.files
        if hides or any(one in layer.hidden or one in layer.emptied for one in folders_of(path)):
            history = []
        if path in layer.files:
            history.append(index)
    return history


def _identity(package: Package) -> tuple[str, str, str]:
    return package.name, package.version, package.architecture
