"""A small web image built from scratch around the host's static busybox: for the demo and for tests, offline.

Decides what is in the image. It reads one file of the host, the busybox binary; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emulator.engine.archive import ArchiveFile, BuiltImage, ImageRecipe, build_image

BUSYBOX_PATHS = (Path("/bin/busybox"), Path("/usr/bin/busybox"))

# fmt: off
APPLETS = (
    "awk", "cat", "chmod", "cp", "date", "dd", "df", "echo", "env", "false", "find", "grep", "head", "hostname",
    "httpd", "id", "ip", "kill", "ls", "mkdir", "mount", "nc", "netstat", "nslookup", "ping", "printf", "ps",
    "pwd", "rm", "sed", "seq", "sh", "sleep", "sort", "stat", "tail", "tee", "test", "touch", "tr", "true",
    "uname", "wc", "wget", "whoami", "yes",
)
# fmt: on

PAGE = "<!doctype html><title>Homeport</title><h1>Hello from a task</h1>\n"

SERVE = """\
#!/bin/sh
# Serves /www until SIGTERM, saying so, with one log line per request.
port="${PORT:-80}"
trap 'echo "shutting down"; kill "$server"; exit 0' TERM INT
echo "listening on port $port"
httpd -f -v -p "$port" -h /www &
server=$!
wait "$server"
"""

_ACCOUNTS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"
_ELF_MACHINES = {62: "x86_64", 183: "aarch64"}


class BusyboxMissing(Exception):
    """No usable busybox on this machine; the message names the package to install."""


def find_busybox(paths: tuple[Path, ...] = BUSYBOX_PATHS) -> Path:
    """The static busybox binary; BusyboxMissing when there is none, or it needs libraries that the image lacks."""
    for path in paths:
        if path.is_file():
            if b"/ld-" in path.read_bytes()[:4096]:
                raise BusyboxMissing(f"{path} is not static: install the Debian package busybox-static")
            return path
    raise BusyboxMissing("no busybox found: install the Debian package busybox-static")


def web_image(
    *,
    page: str = PAGE,
    files: Mapping[str, str] | None = None,
    entry_point: tuple[str, ...] = (),
    command: tuple[str, ...] = ("/bin/serve",),
    environment: tuple[str, ...] = (),
    exposed_ports: tuple[str, ...] = ("80/tcp",),
    user: str = "",
    working_directory: str = "",
    stop_signal: str = "",
    labels: Mapping[str, str] | None = None,
    health_check: Mapping[str, object] | None = None,
) -> BuiltImage:
    """An image with a shell, the usual commands and a web server that shows `page`.

    `files` adds text files (path to content; those under /bin are executable). The same arguments and the same busybox
    give the same image id.
    """
    busybox = find_busybox().read_bytes()
    links = [ArchiveFile(f"bin/{applet}", link_to="busybox") for applet in APPLETS]
    system = [
        ArchiveFile("bin/busybox", busybox, mode=0o755),
        *links,
        ArchiveFile("etc/passwd", _ACCOUNTS.encode()),
        ArchiveFile("etc/group", _GROUPS.encode()),
        ArchiveFile("root/", mode=0o700),
        ArchiveFile("tmp/", mode=0o1777),
        ArchiveFile("var/tmp/", mode=0o1777),
    ]
    own = {"bin/serve": SERVE, "www/index.html": page, **(files or {})}
    content = [ArchiveFile(path, text.encode(), mode=_mode(path)) for path, text in own.items()]
    return build_image(
        ImageRecipe(
            architecture=_architecture(busybox),
            layers=[system, content],
            entry_point=entry_point,
            command=command,
            environment=("PATH=/bin", *environment),
            exposed_ports=exposed_ports,
            user=user,
            working_directory=working_directory,
            stop_signal=stop_signal,
            labels=labels or {},
            health_check=health_check,
        )
    )


def _mode(path: str) -> int:
    return 0o755 if path.lstrip("/").startswith("bin/") else 0o644


def _architecture(elf: bytes) -> str:
    machine = int.from_bytes(elf[18:20], "little")
    if elf[:4] != b"\x7fELF" or machine not in _ELF_MACHINES:
        raise BusyboxMissing("the busybox found is not a Linux program for x86-64 or aarch64")
    return _ELF_MACHINES[machine]
