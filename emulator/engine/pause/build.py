"""Builds the shipped pause binaries: `python -m emulator.engine.pause.build [directory]`.

Needs the PyPI package `ziglang` in the very version named here, since the bytes depend on the compiler. The result is
the same on every machine; a test builds them anew and compares.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

ZIG_VERSION = "0.17.1"
ARCHITECTURES = ("x86_64", "aarch64")
SOURCES = ("pause.c", "proxy.c", "names.c")
_HEADERS = ("proxy.h", "names.h")
_HOME = Path(__file__).parent
_FLAGS = ("-std=gnu17", "-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror")


def build(architecture: str, directory: Path) -> Path:
    """Compiles one binary into the directory and returns its path. RuntimeError with the compiler's words."""
    installed = importlib.metadata.version("ziglang")
    if installed != ZIG_VERSION:
        raise RuntimeError(f"ziglang {ZIG_VERSION} is needed, {installed} is installed")
    made = directory / f"pause-{architecture}"
    with tempfile.TemporaryDirectory() as work:  # neither the place of the source nor the time may show in the result
        for name in (*SOURCES, *_HEADERS):
            (Path(work) / name).write_bytes((_HOME / name).read_bytes())
        compiler = [sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture}-linux-musl"]
        command = [*compiler, *_FLAGS, *SOURCES, "-o", "pause"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        made.write_bytes((Path(work) / "pause").read_bytes())
    made.chmod(0o755)
    return made


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else _HOME
    for architecture in ARCHITECTURES:
        made = build(architecture, directory)
        print(f"{made}: {made.stat().st_size} bytes")


if __name__ == "__main__":
    main()
