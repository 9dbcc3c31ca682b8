"""Which name servers an engine would give its containers, as far as this host's files tell.

Tasks with a resolver of ours have them too, behind it, for the time when Homeport is away.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

FILES: Final = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The second one has what systemd's own resolver, at a loopback address, asks; Docker reads it in the same case."""
_MOST: Final = 2
_LINE: Final = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)


def name_servers(files: Sequence[Path] = FILES) -> tuple[str, ...]:
    """IPv4 addresses that lead out of a network namespace; empty when this host has none but its own loopback's."""
    for file in files:
        try:
            found = [address for address in _LINE.findall(file.read_text(errors="replace")) if _leads_out(address)]
        except OSError:
            continue
        if found:
            return tuple(found[:_MOST])
    return ()


def _leads_out(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not address.is_loopback
