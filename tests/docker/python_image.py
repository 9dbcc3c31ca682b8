"""An image from scratch that holds this machine's own Python, in place of Docker Hub's, which tests cannot pull."""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from emulator.engine.archive import ArchiveFile, ImageRecipe, build_image

UNNEEDED = {
    "__pycache__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "dist-packages", "test", "tests",
    "tkinter", "turtledemo",
}  # fmt: skip


@functools.cache
def python_archive(reference: str, run: str) -> bytes:
    """A docker-archive that loads as `reference`. Everything lies where it lies here, and is found as `python`."""
    recipe = ImageRecipe(
        platform.machine(),
        [[*python_files(), ArchiveFile("tmp/", mode=0o1777)]],
        environment=python_environment(),
        labels={"run": run},
    )
    return build_image(recipe).docker_archive(reference)


def python_environment() -> tuple[str, ...]:
    return ("PATH=/bin", f"PYTHONHOME={sys.base_prefix}")


@functools.cache
def python_files() -> list[ArchiveFile]:
    """The interpreter, its library and the shared libraries of both."""
    python = Path(os.path.realpath(sys.executable))
    library = Path(sysconfig.get_path("stdlib"))
    files = {str(path): path for path in (python, *_library(library))}
    for path in (python, *(library / "lib-dynload").glob("*.so")):
        files.update(linked_libraries(path))
    content = [ArchiveFile(name, path.read_bytes(), mode=0o755) for name, path in files.items()]
    return [*content, ArchiveFile("bin/python", link_to=str(python))]


def _library(directory: Path) -> Iterator[Path]:
    for parent, directories, names in os.walk(directory):
        directories[:] = [name for name in directories if name not in UNNEEDED and not name.startswith("config-")]
        yield from (Path(parent) / name for name in names if name.endswith((".py", ".so")))


def linked_libraries(binary: Path) -> dict[str, Path]:
    """The shared libraries that the loader gives it, and the loader."""
    said = subprocess.run(["ldd", str(binary)], stdout=subprocess.PIPE, text=True, check=False).stdout
    return {name: Path(os.path.realpath(name)) for name in re.findall(r"(/\S+) \(0x", said)}
