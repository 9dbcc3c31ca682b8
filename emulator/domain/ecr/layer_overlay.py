"""How the layers of an image lie over each other: which files are still there at the top. Pure.

Knows paths, whiteouts and opaque folders (OCI image specification, "Layer filesystem changeset"); not how a layer is
read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class LayerFiles:
    """What one layer does to the wanted files: those it brings by path, and what it hides of the layers below: single
    paths with all beneath them, and folders whose former content is gone."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    emptied: frozenset[str] = frozenset()


def normal(path: str) -> str:
    """A path as it stands in a tar, without leading "./" and "/"; one that would leave the root stays in it."""
    return posixpath.normpath("/" + path).lstrip("/")


def whiteout(path: str) -> tuple[str, bool] | None:
    """What a whiteout hides, and whether that is only what lies in it; None for another file."""
    folder, _, name = path.rpartition("/")
    if name == _OPAQUE:
        return folder, True
    if name.startswith(_WHITEOUT):
        hidden = name.removeprefix(_WHITEOUT)
        return (f"{folder}/{hidden}" if folder else hidden), False
    return None


def folders_of(path: str) -> Iterator[str]:
    """Every folder that a path lies in, the root as ""."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def overlay(layers: Iterable[LayerFiles]) -> dict[str, bytes]:
    """The wanted files of an image; the lowest layer comes first."""
    seen: dict[str, bytes] = {}
    for layer in layers:
        if layer.hidden or layer.emptied:
            seen = {path: content for path, content in seen.items() if not _is_hidden(path, layer)}
        seen.update(layer.files)
    return seen


def _is_hidden(path: str, layer: LayerFiles) -> bool:
    if path in layer.hidden:
        return True
    return any(folder in layer.hidden or folder in layer.emptied for folder in folders_of(path))
