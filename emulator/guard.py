"""Who may talk to us at all: the Host header must be ours, and no browser page may reach in (D13).

A web page can make a browser send requests to 127.0.0.1, and a name it controls can resolve there (DNS rebinding).
Clients of AWS and of registries send neither Origin nor cross-site Sec-Fetch headers, and name us by an address,
by localhost, or by a name of AWS's own that a hosts line points here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_AWS_NAME = re.compile(r"(?:[a-z0-9-]+\.)+(?:amazonaws\.com(?:\.cn)?|localhost)")
_OWN_NAMES = frozenset({"localhost", "public.ecr.aws", "host.docker.internal", "homeport"})


class Guard:
    """`allowed_hosts` are further names from the command line."""

    def __init__(self, allowed_hosts: tuple[str, ...] = ()) -> None:
        self._allowed = _OWN_NAMES | frozenset(name.lower() for name in allowed_hosts)

    def refusal(self, environ: Mapping[str, object]) -> str | None:
        """Why this request is refused, or None."""
        host = str(environ.get("HTTP_HOST", ""))
        if not self._is_ours(_name(host)):
            return f"The Host header {host[:100]!r} does not name this emulator; --allow-host adds a name."
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not self._same_origin(str(origin), host):
            return "Requests from web pages of other origins are refused."
        if environ.get("HTTP_SEC_FETCH_SITE") in ("cross-site", "same-site"):
            return "Requests from web pages of other origins are refused."
        return None

    def _is_ours(self, name: str) -> bool:
        """SDKs put `data-` before the name of the endpoint for Cloud Map's discovery, whatever the name is."""
        name = name.removeprefix("data-")
        if name in self._allowed or _AWS_NAME.fullmatch(name):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _same_origin(self, origin: str, host: str) -> bool:
        return urlsplit(origin).netloc.lower() == host.lower() and self._is_ours(_name(host))


def _name(host: str) -> str:
    """The name of `name:port`, `[::1]:port` or `name`, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
