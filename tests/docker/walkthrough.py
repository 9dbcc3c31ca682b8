"""Runs an example's README as its reader would: `bash` blocks in order, each `text` block is what the last one said."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import docker.errors

from tests.docker.homeport import IMAGE, ROOT, Homeport, engine

BLOCK = re.compile(r"^```(bash|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
VARYING = {"TASK": "[0-9a-f]{32}", "REQUEST": "[0-9a-f-]{36}", "SUFFIX": "[A-Za-z0-9]{6}"}
"""Words that stand for what every run makes anew."""


def follow(
    homeport: Homeport, example: str, within_s: float = 540, directory: Path | None = None, **replaced: str
) -> int:
    """How many `text` blocks were compared. `replaced` are words of the README that differ here; `directory` is a copy
    of the example."""
    directory = directory or ROOT / "examples" / example
    try:
        return _follow(homeport, directory, within_s, replaced)
    finally:
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine().remove_image(f"localhost:{homeport.port}/{example}:latest")


def _follow(homeport: Homeport, directory: Path, within_s: float, replaced: Mapping[str, str]) -> int:
    said, compared = "", 0
    for kind, text in BLOCK.findall((directory / "README.md").read_text()):
        if kind == "bash":
            here = text.replace("localhost:4566", f"localhost:{homeport.port}").replace("busybox:latest", IMAGE)
            for word, other in replaced.items():
                here = here.replace(word, other)
            verb = f'homeport() {{ PYTHONPATH={ROOT} {sys.executable} -m emulator "$@"; }}'
            said = homeport.shell(f"set -e; cd {directory}; {verb}; {here}", within_s=within_s)
        else:
            expected = re.escape(text.strip())
            for word, pattern in VARYING.items():
                expected = re.sub(rf"\b{word}\b", pattern, expected)
            lines = text.strip().count("\n") + 1
            assert re.fullmatch(expected, "\n".join(said.splitlines()[-lines:])), said
            compared += 1
    return compared
