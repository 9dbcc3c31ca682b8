"""One call of an operation, as its function sees it.

A function of services/ is `def create_cluster(call: Call, request: CreateClusterRequest) -> CreateClusterResponse`.
It reads and writes through `call.tx`, raises errors named as AWS names them, and never touches an engine, a thread
or a socket. `request` and the answer are dicts with AWS's member names; times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar, cast

from emulator.domain.iam.policy_conditions import Context
from emulator.ids import Ids
from emulator.store.database import Reader, Transaction

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed the request. `arn` is the principal (`arn:aws:iam::123456789012:root` without IAM users)."""

    arn: str
    account: str
    access_key: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: `items`, and `next_token` as the wire wants it (None on the last page)."""

    items: list[Any]
    next_token: str | None


class Parts:
    """Things that a few operations need beside the database, found by their type (blob store, token signer, ...)."""

    def __init__(self, *parts: object) -> None:
        self._by_type: dict[type, object] = {}
        for part in parts:
            self.add(part)

    def add(self, part: object) -> None:
        for kind in type(part).__mro__[:-1]:
            self._by_type.setdefault(kind, part)

    def get(self, kind: type[P]) -> P:
        return cast(P, self._by_type[kind])


@dataclass(frozen=True, slots=True)
class Facts:
    """The settings that operations depend on."""

    endpoint: str  # e.g. http://localhost:4566
    strict: bool = False  # refuse unknown subnets, roles, ... (D12)
    default_account: str = "123456789012"
    default_region: str = "us-east-1"
    allow_privileged: bool = False
    allow_host_network: bool = False
    allow_host_paths: tuple[str, ...] = ()
    s3_folder: bool = False
    engine_kind: str = "docker"
    registry_strict_ecr: bool = False  # the registry answers as ECR where ECR departs from the OCI specification

    def stream_url(self, session_id: str) -> str:
        """Where a session's data channel is."""
        return f"{self.endpoint.replace('http', 'ws', 1)}/v1/data-channel/{session_id}?role=publish_subscribe"

    enforce_iam: bool = False  # callers may do only what policies allow
    enforce_security_groups: bool = False

    @property
    def roles_must_exist(self) -> bool:
        """A role that nobody created is refused: strictly, and where policies are enforced, since it has none."""
        return self.strict or self.enforce_iam


@dataclass(slots=True)
class Call:
    service: str
    operation: str
    account: str
    region: str
    partition: str
    caller: Caller
    request_id: str
    now: float
    ids: Ids
    facts: Facts
    parts: Parts
    reader: Reader
    paging: Paging | None = None
    conditions: Context = field(default_factory=dict)  # IAM's keys that describe the request
    warnings: list[str] = field(default_factory=list)

    @property
    def tx(self) -> Transaction:
        """The write transaction. Operations named Describe*, List*, Get*, BatchGet*, ... have only `reader`."""
        if not isinstance(self.reader, Transaction):
            raise RuntimeError(f"{self.operation} only reads; mark its function with @writes")
        return self.reader

    def arn(self, resource: str, service: str | None = None) -> str:
        return f"arn:{self.partition}:{service or self.service}:{self.region}:{self.account}:{resource}"

    def warn(self, text: str) -> None:
        """Said in the log and in a response header: something was adopted, or stored but is not acted on (D11, D12)."""
        if text not in self.warnings:
            self.warnings.append(text)

    def page(
        self,
        request: Mapping[str, Any],
        items: Iterable[R],
        key: Callable[[R], str],
    ) -> Page:
        """Cuts what comes in order to the page that the request's token and size ask for; no more of it is read.

        `key` gives each item's unique, sortable position; the token remembers the last one shown, so a list that
        changes between two pages skips and repeats nothing. A token of another operation is refused.
        """
        assert self.paging is not None, f"{self.operation} has no paginator in botocore or the overlay"
        return self.paging.cut(request, items, key)

    def after(self, request: Mapping[str, Any]) -> str | None:
        """The position after which this page begins, for those who page in SQL."""
        assert self.paging is not None
        return self.paging.after(request)


@dataclass(frozen=True, slots=True)
class Paging:
    """How one operation pages; made from botocore's paginators plus the overlay."""

    operation: str
    input_token: str
    limit_key: str | None
    default_size: int
    maximum_size: int | None
    invalid_token: Callable[[], Exception]
    too_small: Callable[[int], Exception]
    encode: Callable[[str, str], str]
    decode: Callable[[str, str], str | None]

    def size(self, request: Mapping[str, Any]) -> int:
        """Where the model states no lower bound (ECS), a size below 1 is refused here."""
        asked = request.get(self.limit_key) if self.limit_key else None
        size = self.default_size if asked is None else int(asked)
        if size < 1:
            raise self.too_small(size)
        return min(size, self.maximum_size) if self.maximum_size else size

    def after(self, request: Mapping[str, Any]) -> str | None:
        token = request.get(self.input_token)
        if not token:
            return None
        position = self.decode(self.operation, str(token))
        if position is None:
            raise self.invalid_token()
        return position

    def cut(self, request: Mapping[str, Any], items: Iterable[R], key: Callable[[R], str]) -> Page:
        after, size = self.after(request), self.size(request)
        rest = list(islice((item for item in items if after is None or key(item) > after), size + 1))
        more = len(rest) > size
        token = self.encode(self.operation, key(rest[size - 1])) if more else None
        return Page(rest[:size], token)


F = TypeVar("F", bound=Callable[..., Any])


def writes(function: F) -> F:
    """Marks an operation whose name sounds like reading but which writes."""
    function.__dict__["writes"] = True
    return function


def stores(what: str) -> Callable[[F], F]:
    """Marks an operation that keeps what it is told but has no effect yet; the coverage table says so (D11)."""

    def mark(function: F) -> F:
        function.__dict__["stores"] = what
        return function

    return mark


def slow(function: F) -> F:
    """Marks an operation that opens its own transactions (`call.parts.get(Database)`) since it handles large data."""
    function.__dict__["slow"] = True
    return function
