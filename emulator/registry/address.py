"""Which registry and repository a request means: AWS's host names, or a path on localhost.

`<account>.dkr.ecr.<region>.amazonaws.com` names account and region. On any other host the first part of the path may
(`/v2/<account>.<region>/<name>/...`); without it the default account and region are meant. `public.ecr.aws` is the
public registry, as a host or as the first part of a path: `public.ecr.aws/<alias>/<name>`. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.domain.ecr.public_registry import HOST, PUBLIC, account_of

_HOST = re.compile(r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\..+", re.IGNORECASE)
_PREFIX = re.compile(r"(\d{12})\.([a-z]{2}(?:-[a-z]+)+-\d+)/(.+)")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")

_ROUTES = (
    ("upload", re.compile(r"(?P<name>.+)/blobs/uploads/(?P<item>[^/]+)")),
    ("uploads", re.compile(r"(?P<name>.+)/blobs/uploads/?")),
    ("blob", re.compile(r"(?P<name>.+)/blobs/(?P<item>[^/]+)")),
    ("manifest", re.compile(r"(?P<name>.+)/manifests/(?P<item>[^/]+)")),
    ("tags", re.compile(r"(?P<name>.+)/tags/list")),
    ("referrers", re.compile(r"(?P<name>.+)/referrers/(?P<item>[^/]+)")),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A repository as addressed. `shown` is its name in the client's words, for the locations sent back."""

    account: str
    region: str
    name: str
    shown: str

    @property
    def valid(self) -> bool:
        return bool(self.account) and 2 <= len(self.name) <= 256 and _NAME.fullmatch(self.name) is not None


@dataclass(frozen=True, slots=True)
class Addressing:
    """The account and region that a bare name on localhost means."""

    account: str
    region: str

    def named_by_host(self, host: str) -> tuple[str, str] | None:
        """(account, region) when the host is a registry's at AWS."""
        match = _HOST.fullmatch(host)
        return None if match is None else (match[1], match[2].lower())

    def place(self, host: str, shown: str) -> Place:
        """The repository that a path's name means on a host."""
        public = shown if host.lower() == HOST else shown.removeprefix(f"{HOST}/")
        if host.lower() == HOST or public != shown:
            alias, _, name = public.partition("/")
            return Place(account_of(alias) or "", PUBLIC, name, shown)
        named = self.named_by_host(host)
        if named is not None:
            return Place(*named, shown, shown)
        prefixed = _PREFIX.fullmatch(shown)
        if prefixed is not None:
            return Place(prefixed[1], prefixed[2], prefixed[3], shown)
        return Place(self.account, self.region, shown, shown)


def route(path: str) -> tuple[str, str, str] | None:
    """(kind, name, item) of what stands behind `/v2/`; None when it is nothing of the registry."""
    for kind, pattern in _ROUTES:
        match = pattern.fullmatch(path)
        if match is not None:
            found = match.groupdict()
            return kind, found["name"], found.get("item") or ""
    return None
