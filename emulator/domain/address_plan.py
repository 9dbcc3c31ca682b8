"""Which range a VPC's bridge gets, which slice of it a subnet, which address a task. Pure arithmetic.

A VPC is one Docker bridge on this host, so its range must be free on the host; AWS's own 172.31.0.0/16 is tried
first. Subnets are /20 slices, as in AWS's default VPC; the first four and the last address of each are reserved
there, and here (Amazon VPC user guide, subnet sizing).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

DEFAULT_RANGE = "172.31.0.0/16"
SUBNET_PREFIX = 20
RESERVED_FIRST = 4


class RangeExhausted(Exception):
    """No slice or no address is left; the text says of what."""


@dataclass(frozen=True, slots=True)
class VpcRange:
    """The bridge of one VPC. `network` is its Docker network's name."""

    network: str
    account: str
    region: str
    vpc_id: str
    cidr: str


@dataclass(frozen=True, slots=True)
class SubnetSlice:
    """The slice of the VPC's range that a subnet id stands for."""

    network: str
    subnet_id: str
    cidr: str


def ranges_to_try(preferred: str | None) -> Iterator[str]:
    """The range that the user chose, and nothing else; or AWS's own, then quiet corners of 10.0.0.0/8."""
    if preferred is not None:
        yield preferred
        return
    yield DEFAULT_RANGE
    for second in range(215, 255):
        yield f"10.{second}.0.0/16"


def gateway_of(cidr: str) -> str:
    """The bridge's own address: the first of the range."""
    return str(ipaddress.ip_network(cidr)[1])


def next_slice(vpc_cidr: str, taken: Collection[str]) -> str:
    """The first subnet slice that no subnet has; RangeExhausted when all are taken."""
    for slice_ in ipaddress.ip_network(vpc_cidr).subnets(new_prefix=SUBNET_PREFIX):
        if str(slice_) not in taken:
            return str(slice_)
    raise RangeExhausted(f"every subnet slice of {vpc_cidr} is taken")


def next_address(cidr: str, is_taken: Callable[[str], bool], last: str | None) -> str:
    """An address of the slice that is free, the one after `last` first, so that none is reused at once.

    It asks of one address after the other; mostly the first is free, however many are taken.
    """
    network = ipaddress.ip_network(cidr)
    low, high = int(network.network_address) + RESERVED_FIRST, int(network.broadcast_address) - 1
    start = int(ipaddress.ip_address(last)) + 1 if last is not None else low
    span = high - low + 1
    for step in range(span):
        candidate = str(ipaddress.ip_address(low + (start - low + step) % span))
        if not is_taken(candidate):
            return candidate
    raise RangeExhausted(f"every address of {cidr} is in use")
