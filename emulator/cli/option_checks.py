"""What options of `homeport up` argparse cannot judge: said before anything starts, not by a task that fails later.

Only the words are looked at, and whether a folder is there; no engine is asked.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
from pathlib import Path

_ENGINE = re.compile(r"unix:///\S+|(?:tcp|http)://[^\s/]+/?")
_LARGEST_PORT = 65_535
_PREFIXES = range(8, 25)
"""Of a VPC's range here: a sixteenth of the smallest is still a subnet."""


def check(asked: argparse.Namespace) -> None:
    """Raises ValueError, which names the option and what it takes."""
    for option in ("port", "registry_port", "tls_port"):
        if not 0 <= int(getattr(asked, option) or 0) <= _LARGEST_PORT:
            raise ValueError(f"--{option.replace('_', '-')} is a number up to {_LARGEST_PORT}")
    if asked.engine == "docker" and asked.docker_host and not _ENGINE.fullmatch(asked.docker_host):
        raise ValueError(
            f"--docker-host, or DOCKER_HOST, is unix:///PATH or tcp://HOST:PORT, not {asked.docker_host!r}; "
            "ssh:// and TLS are not supported"
        )
    if asked.vpc_cidr is not None and not _is_range(asked.vpc_cidr):
        raise ValueError(
            f"--vpc-cidr is an IPv4 range from /{_PREFIXES[0]} to /{_PREFIXES[-1]}, as in 10.42.0.0/16, "
            f"not {asked.vpc_cidr!r}"
        )
    if asked.s3_folder is not None and not Path(asked.s3_folder).is_dir():
        raise ValueError(f"--s3-folder {asked.s3_folder}: there is no such folder")
    for path in asked.allow_host_path:
        if not path.startswith("/"):
            raise ValueError(f"--allow-host-path is an absolute path, not {path!r}")


def _is_range(text: str) -> bool:
    try:
        return ipaddress.IPv4Network(text).prefixlen in _PREFIXES
    except ValueError:
        return False
