"""Builds small images from scratch, in memory: the same files give the same image id, on any machine.

Writes them as a docker-archive (`docker load`) or an OCI layout (skopeo, our own registry). Knows neither an engine nor
what the images are for.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file of the image; its parents are made.

    A symbolic link when `link_to` is given, a directory when `path` ends in /.
    """

    path: str
    content: bytes = b""
    mode: int = 0o644
    link_to: str = ""
    uid: int = 0


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """What an image holds and how it runs. `architecture` is uname's word: x86_64 or aarch64."""

    architecture: str
    layers: Sequence[Sequence[ArchiveFile]]
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()  # "80/tcp"
    user: str = ""
    working_directory: str = ""
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    health_check: Mapping[str, object] | None = None  # as the image specification has it: Test, Interval (ns), ...


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image ready to be written. `id` is the digest of its config, which is Docker's image id."""

    config: bytes
    layers: tuple[bytes, ...]

    @property
    def id(self) -> str:
        return _digest(self.config)

    def docker_archive(self, *references: str) -> bytes:
        """What `docker save` would give; loads as all the references."""
        config_name = f"{self.id.removeprefix('sha256:')}.json"
        layer_names = [f"{_digest(layer).removeprefix('sha256:')}/layer.tar" for layer in self.layers]
        manifest = [{"Config": config_name, "RepoTags": list(references), "Layers": layer_names}]
        members = [ArchiveFile(config_name, self.config)]
        members += [ArchiveFile(name, layer) for name, layer in zip(layer_names, self.layers, strict=True)]
        return _tar([*members, ArchiveFile("manifest.json", _json(manifest))])

    def oci_manifest(self) -> bytes:
        """The OCI image manifest; its layers are uncompressed tars."""
        layer_type = "application/vnd.oci.image.layer.v1.tar"
        return _json(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": _descriptor("application/vnd.oci.image.config.v1+json", self.config),
                "layers": [_descriptor(layer_type, layer) for layer in self.layers],
            }
        )

    def write_oci_layout(self, directory: Path, tag: str = "latest") -> None:
        """An OCI image layout with this one image, as skopeo's `oci:directory:tag` reads it."""
        manifest = self.oci_manifest()
        blobs = directory / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        for blob in (self.config, *self.layers, manifest):
            (blobs / _digest(blob).removeprefix("sha256:")).write_bytes(blob)
        entry = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
        entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
        (directory / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [entry]}))
        (directory / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))


def build_image(recipe: ImageRecipe) -> BuiltImage:
    """The image's bytes. Deterministic: names are sorted, times are the epoch."""
    layers = tuple(_tar(files) for files in recipe.layers)
    run: dict[str, Any] = {
        "Entrypoint": list(recipe.entry_point) or None,
        "Cmd": list(recipe.command) or None,
        "Env": list(recipe.environment),
        "ExposedPorts": {port: {} for port in recipe.exposed_ports},
        "User": recipe.user,
        "WorkingDir": recipe.working_directory,
        "StopSignal": recipe.stop_signal,
        "Labels": dict(recipe.labels),
        "Healthcheck": dict(recipe.health_check) if recipe.health_check else None,
    }
    config = {
        "architecture": _GO_ARCHITECTURES.get(recipe.architecture, recipe.architecture),
        "os": "linux",
        "created": _EPOCH,
        "config": {name: value for name, value in run.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
        "history": [{"created": _EPOCH, "created_by": "homeport"} for _ in layers],
    }
    return BuiltImage(_json(config), layers)


def _tar(files: Sequence[ArchiveFile]) -> bytes:
    whole = {each.path.lstrip("/"): each for each in files}
    for path in list(whole):
        for parent in Path(path).parents:
            if str(parent) != ".":
                whole.setdefault(f"{parent}/", ArchiveFile(f"{parent}/", mode=0o755))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(whole):
            tar.addfile(_member(path, whole[path]), io.BytesIO(whole[path].content))
    return out.getvalue()


def _member(path: str, file: ArchiveFile) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path.rstrip("/"))
    member.uid = member.gid = file.uid
    member.mode = file.mode
    if file.link_to:
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, file.link_to, 0o777
    elif path.endswith("/"):
        member.type = tarfile.DIRTYPE
    else:
        member.size = len(file.content)
    return member


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
