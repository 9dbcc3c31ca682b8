"""What our registry is called: repositoryUri is pushable as printed (D8).

When AWS's own host name for the registry leads to this machine (one hosts line, `homeport hosts` prints it) and port 80
is ours, it is that name; otherwise `localhost:<port>`, with account and region in the path outside the default ones.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Final

from emulator.clock import monotonic
from emulator.domain.ecr.image import registry_host
from emulator.domain.ecr.public_registry import HOST as PUBLIC_HOST
from emulator.domain.ecr.public_registry import PUBLIC, alias_of

HOSTS_FILE = Path("/etc/hosts")
_REMEMBERED_S = 2.0

REAL_NAMES_PORT: Final = 80


def in_hosts_file(name: str) -> bool:
    """Whether the hosts file leads the name to a loopback address. DNS is not asked: offline that may hang."""
    try:
        lines = HOSTS_FILE.read_text(errors="replace").splitlines()
    except OSError:
        return False
    for line in lines:
        words = line.partition("#")[0].split()
        if name in words[1:]:
            try:
                return ipaddress.ip_address(words[0]).is_loopback
            except ValueError:
                return False
    return False


class RegistryNaming:
    """`port` is where `localhost` answers; `leads_here` tells whether a host name leads to this machine.

    `real_names`: whether a listener answers on port 80, where clients look for a real name. Who opens it says so.
    """

    def __init__(
        self,
        port: int,
        default_account: str,
        default_region: str,
        leads_here: Callable[[str], bool] = in_hosts_file,
    ) -> None:
        self._port = port
        self._default = (default_account, default_region)
        self._leads_here = leads_here
        self._known: dict[str, tuple[float, bool]] = {}
        self.real_names = False

    def host(self, account: str, region: str) -> str:
        """The host that clients log in to."""
        name = registry_host(account, region)
        return name if self.real_names and self._resolves(name) else f"localhost:{self._port}"

    def repository_uri(self, account: str, region: str, repository: str) -> str:
        """What `docker push` takes as printed."""
        if region == PUBLIC:
            return f"{self.public_uri(alias_of(account))}/{repository}"
        host = self.host(account, region)
        if host.startswith("localhost:") and (account, region) != self._default:
            return f"{host}/{account}.{region}/{repository}"
        return f"{host}/{repository}"

    def public_uri(self, alias: str) -> str:
        """An account's public registry, likewise."""
        here = self.real_names and self._resolves(PUBLIC_HOST)
        return f"{PUBLIC_HOST}/{alias}" if here else f"localhost:{self._port}/{PUBLIC_HOST}/{alias}"

    def proxy_endpoint(self, account: str, region: str) -> str:
        """As GetAuthorizationToken names it: the same host as repositoryUri, with its scheme."""
        return f"http://{self.host(account, region)}"

    def _resolves(self, name: str) -> bool:
        looked_at, answer = self._known.get(name, (-_REMEMBERED_S, False))
        now = monotonic()
        if now - looked_at >= _REMEMBERED_S:
            answer = self._leads_here(name)
            self._known[name] = (now, answer)
        return answer
