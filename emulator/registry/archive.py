"""An image as a docker-archive stream, for `POST /images/load` where an engine cannot pull from the registry.

Layers are given as they are stored (the engine decompresses them), but those in zstd, which engines before 23 do not
know, plain. The image's id is its config's digest, the same as after a pull. Engines up to 24 read this form only;
memory does not grow with the image.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from functools import partial
from io import FileIO
from typing import Any

from emulator.domain.ecr.image import Image, Repository
from emulator.domain.ecr.image_errors import ImageNotFoundException
from emulator.domain.ecr.manifest import LIST_TYPES, Descriptor, Manifest, parse_manifest
from emulator.registry.blobs import BlobStore
from emulator.registry.repository import find_image, manifest_body
from emulator.registry.zstd_frames import ZstdError, expanded, is_zstd
from emulator.store.database import Database, Reader

_BLOCK = 512
_PIECE_BYTES = 1 << 20
_EXPANDED_LIMIT = 200 * 1024**3
"""More than the storage of any Fargate task."""


class NoSuchPlatform(Exception):
    """A list has no image for the wanted platform."""


class NotLoadable(Exception):
    """An engine cannot hold this: an artifact, an image with layers that are damaged or that registries do not keep."""


def image_for_platform(reader: Reader, repository: Repository, image: Image, os: str, architecture: str) -> Image:
    """The image itself, or the one of a list (also of a nested one) for the platform, e.g. linux and amd64.

    Raises NoSuchPlatform, ImageNotFoundException.
    """
    if image.media_type not in LIST_TYPES:
        return image
    manifest = parse_manifest(manifest_body(reader, image), image.media_type)
    wanted = {"os": os, "architecture": architecture}
    for child in manifest.children:
        nested = child.media_type in LIST_TYPES
        if nested or {name: child.platform.get(name) for name in wanted} == wanted:
            found = find_image(reader, repository, child.digest)
            if found is None:
                raise ImageNotFoundException(repository.account, repository.name, child.digest, None)
            try:
                return image_for_platform(reader, repository, found, os, architecture)
            except NoSuchPlatform:
                continue
    raise NoSuchPlatform(f"{repository.name}@{image.digest} has no image for {os}/{architecture}")


def docker_archive(
    database: Database, blobs: BlobStore, repository: Repository, image: Image, names: Sequence[str]
) -> Iterator[bytes]:
    """The pieces of a tar file. `names` are full references with tags ("…/app:latest") for the loaded image.

    Raises NotLoadable, FileNotFoundError when a blob is collected meanwhile.
    """
    with database.read() as reader:
        manifest = parse_manifest(manifest_body(reader, image), image.media_type)
    config = manifest.config
    if config is None or any(layer.foreign for layer in manifest.layers):
        raise NotLoadable(f"{repository.name}@{image.digest} is no image that an engine can load from here")
    return _stream(blobs, manifest, config, names)


def _stream(blobs: BlobStore, manifest: Manifest, config: Descriptor, names: Sequence[str]) -> Iterator[bytes]:
    for layer in {layer.digest: layer for layer in manifest.layers}.values():
        yield from _blob(blobs, layer.digest, _layer_name(layer))
    yield from _blob(blobs, config.digest, _config_name(config))
    index: list[dict[str, Any]] = [
        {
            "Config": _config_name(config),
            "RepoTags": list(names),
            "Layers": [_layer_name(layer) for layer in manifest.layers],
        }
    ]
    body = json.dumps(index).encode()
    yield _header("manifest.json", len(body))
    yield body + _padding(len(body))
    yield b"\0" * (2 * _BLOCK)


def _layer_name(layer: Descriptor) -> str:
    return f"{layer.digest.partition(':')[2]}/layer.tar"


def _config_name(config: Descriptor) -> str:
    return f"{config.digest.partition(':')[2]}.json"


def _blob(blobs: BlobStore, digest: str, name: str) -> Iterator[bytes]:
    size = blobs.size(digest)
    if size is None:
        raise FileNotFoundError(f"the blob {digest} is not in the registry")
    with blobs.open(digest) as file:
        in_zstd = is_zstd(file.read(4))
        if in_zstd:
            # An entry's size stands before it, and only expanding a layer tells its own.
            size = sum(map(len, _expanded(file, digest)))
        yield _header(name, size)
        if in_zstd:
            yield from _expanded(file, digest)
        else:
            file.seek(0)
            yield from iter(partial(file.read, _PIECE_BYTES), b"")
    yield _padding(size)


def _expanded(file: FileIO, digest: str) -> Iterator[bytes]:
    """The layer's archive. Raises NotLoadable."""
    file.seek(0)
    stream, left = expanded(file), _EXPANDED_LIMIT
    try:
        while piece := stream.read(_PIECE_BYTES):
            left -= len(piece)
            if left < 0:
                raise NotLoadable(f"the layer {digest} expands to more than {_EXPANDED_LIMIT >> 30} GiB")
            yield piece
    except (ZstdError, EOFError) as error:
        raise NotLoadable(f"the layer {digest} is damaged: {error}") from error


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _BLOCK)
