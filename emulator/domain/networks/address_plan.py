"""Which range a VPC's bridge gets, which slice of it a subnet, which address a task. Pure arithmetic.

A VPC is one Docker bridge on this host, so its range must be free on the host: its own range is tried first, then
quiet ones, in which every subnet keeps its place. The first four and the last address of each subnet are reserved on
AWS, and here (Amazon VPC user guide, subnet sizing). Public addresses are loopback addresses of this host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

DEFAULT_RANGE = "172.31.0.0/16"
PUBLIC = "public"
"""Stands for a network's name in the allocation of a public address."""
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


def ranges_to_try(own: str, preferred: str | None, others: Collection[str]) -> Iterator[str]:
    """The range that the user chose, and nothing else; or the VPC's own, then quiet corners of 10.0.0.0/8.

    `others` are the ranges of other VPCs, which it must not touch.
    """
    if preferred is not None:
        candidates = [preferred]
    else:
        prefix = ipaddress.ip_network(own).prefixlen
        candidates = [own, *(f"10.{second}.0.0/{prefix}" for second in range(215, 255))]
    taken = [ipaddress.ip_network(other) for other in others]
    for candidate in candidates:
        if not any(ipaddress.ip_network(candidate).overlaps(other) for other in taken):
            yield candidate


def public_range(instance: str) -> str:
    """Where the public addresses of an emulator's tasks come from: `127.64.0.0/16` to `127.127.0.0/16`.

    Emulators on one host differ by what their `instance` begins with; the engine has the last word.
    """
    return f"127.{64 + int(instance[:8] or '0', 16) % 64}.0.0/16"


def moved(cidr: str, own: str, actual: str) -> str | None:
    """A subnet's slice in the range that its VPC really has; None when it does not fit there."""
    subnet, declared, here = (ipaddress.IPv4Network(each) for each in (cidr, own, actual))
    offset = int(subnet.network_address) - int(declared.network_address)
    first = int(here.network_address) + offset
    if not subnet.subnet_of(declared) or first + subnet.num_addresses - 1 > int(here.broadcast_address):
        return None
    return str(ipaddress.IPv4Network((first, subnet.prefixlen)))


def gateway_of(cidr: str) -> str:
    """The bridge's own address: the first of the range."""
    return str(ipaddress.ip_network(cidr)[1])


def engine_range(cidr: str) -> str:
    """The end of an overlay's range, from which its engines take addresses for themselves: a /24, or its last quarter.

    One slice of a large range at most is touched by it, the last.
    """
    whole = ipaddress.ip_network(cidr)
    return str(list(whole.subnets(new_prefix=max(24, whole.prefixlen + 2)))[-1])


def overlap(one: str, other: str) -> bool:
    return ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))


def next_slice(vpc_cidr: str, taken: Collection[str]) -> str:
    """The first slice that touches no subnet; RangeExhausted when there is none.

    A /20 as in AWS's default VPC, or a sixteenth of a smaller range.
    """
    whole = ipaddress.ip_network(vpc_cidr)
    others = [ipaddress.ip_network(cidr) for cidr in taken]
    for slice_ in whole.subnets(new_prefix=max(SUBNET_PREFIX, min(whole.prefixlen + 4, 28))):
        if not any(slice_.overlaps(other) for other in others):
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
