"""Network interfaces that users make: kept and shown, with an address of their subnet; nothing answers there. Pure.

Those of tasks are their ENIs (domain/tasks/task.py). Source: Amazon EC2 user guide, "Elastic network interfaces".
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """Never attached, since instances here have no network of their own: `available` until it is deleted."""

    account: str
    region: str
    id: str  # eni-...
    vpc_id: str
    subnet_id: str
    private_ip: str
    mac_address: str
    description: str = ""
    groups: list[str] = field(default_factory=list)
    source_dest_check: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    client_token: str | None = None
    deleted: bool = False


class WrongAddress(ValueError):
    """No address of the subnet; the text is AWS's."""


def mac_address_of(digits: str) -> str:
    """02:xx:..., as AWS's interfaces have, of ten hexadecimal digits."""
    return ":".join(["02", *(digits[i : i + 2] for i in range(0, 10, 2))])


def checked_address(given: str, cidr: str) -> str:
    """An IPv4 address in a subnet, none of the first four nor the last, which are AWS's."""
    network = ipaddress.IPv4Network(cidr)
    try:
        address = ipaddress.IPv4Address(given)
    except ValueError:
        raise WrongAddress(f"Invalid IPv4 address: {given[:64]}") from None
    if address not in network:
        raise WrongAddress("Address does not fall within the subnet's address range")
    if int(address) - int(network.network_address) < 4 or address == network.broadcast_address:
        raise WrongAddress("Address is in subnet's reserved address range")
    return str(address)
