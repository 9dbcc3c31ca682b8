"""A packet filter in the kernel's own words: one nf_tables batch, which takes effect as a whole or not at all. Pure.

It turns allowances into bytes; the pause program hands them to the kernel in its network namespace. Never filtered:
the loopback interface, answers (connection tracking), the pause program's own connections to us, and questions to name
servers, since the engine's resolver asks those from the task's namespace (AWS does not filter its resolver either).
A second table leads Service Connect's client aliases to the proxy.
Source: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from typing import Final

from emulator.domain.networks.packet_filter import Allow

TABLE: Final = "groups"
ALIASES_TABLE: Final = "connect"
RELAY_MARK: Final = 0x686F6D65
"""Set by the pause program on its connections to us; containers cannot set one (it takes NET_ADMIN)."""

_IPV4 = 2
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE, _NEW_SET, _NEW_ELEMENTS = 0, 2, 3, 6, 9, 12
_BATCH_BEGIN, _BATCH_END, _SUBSYSTEM = 0x10, 0x11, 10
_REQUEST, _ACKNOWLEDGE, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_NESTED = 0x8000
_VERDICT, _REGISTER = 0, 1
_DROP, _ACCEPT = 0, 1
_EQUAL, _NOT_EQUAL, _AT_MOST, _AT_LEAST = 0, 1, 3, 5
_NETWORK, _TRANSPORT = 1, 2
_INPUT, _OUTPUT = 1, 3  # hooks: local in, local out
_IN_INTERFACE, _OUT_INTERFACE, _MARK = 4, 5, 3
_LOOPBACK_INDEX = 1
_ESTABLISHED_OR_RELATED = 0x6
_SET_ANONYMOUS_CONSTANT = 0x3
_BEFORE_ROUTING_AGAIN = 0xFFFFFF9C  # priority -100, where addresses are translated
_TO_ANOTHER_DESTINATION = 1
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
_ELEMENTS_A_MESSAGE = 2000


def filter_batch(allows: Sequence[Allow]) -> bytes:
    """Replaces what was there: everything is dropped that is not allowed."""
    messages = [_message(_NEW_TABLE, _text(1, TABLE)), _message(_DELETE_TABLE, _text(1, TABLE), create=False)]
    messages.append(_message(_NEW_TABLE, _text(1, TABLE)))
    for chain, hook, interface in (("input", _INPUT, _IN_INTERFACE), ("output", _OUTPUT, _OUT_INTERFACE)):
        messages += [_chain(chain, hook), _rule(chain, _meta(interface) + _equals(_host_order(_LOOPBACK_INDEX)))]
        messages.append(_rule(chain, _answers()))
    messages.append(_rule("output", _meta(_MARK) + _equals(_host_order(RELAY_MARK))))
    messages += [_rule("output", _protocol(kind) + _port_between(53, 53)) for kind in ("udp", "tcp")]
    sets = 0
    for allow in allows:
        where = b""
        if allow.addresses:
            sets += 1
            messages += _address_set(sets, allow.addresses)
            where = _address(allow.egress) + _in_set(sets)
        elif allow.cidr:
            where = _in_range(allow)
        messages.append(_rule("output" if allow.egress else "input", where + _what(allow)))
    return _batch(messages)


def open_batch() -> bytes:
    """Takes the filter away: everything passes."""
    messages = [_message(_NEW_TABLE, _text(1, TABLE)), _message(_DELETE_TABLE, _text(1, TABLE), create=False)]
    return _batch(messages)


def alias_batch(aliases: Iterable[tuple[str, int]], proxy: tuple[str, int]) -> bytes:
    """Replaces what was there: connections that the task itself makes to one of these (address, port) go to the proxy,
    which can ask the kernel where they were meant to go."""
    table = _text(1, ALIASES_TABLE)
    messages = [_message(_NEW_TABLE, table), _message(_DELETE_TABLE, table, create=False), _message(_NEW_TABLE, table)]
    hook = _nest(4, _number(1, _OUTPUT) + _number(2, _BEFORE_ROUTING_AGAIN))
    messages.append(_message(_NEW_CHAIN, table + _text(3, "output") + hook + _text(7, "nat")))
    address, port = proxy
    there = _put(1, ipaddress.IPv4Address(address).packed) + _put(2, struct.pack(">H", port))
    translate = _expression(
        "nat", _number(1, _TO_ANOTHER_DESTINATION) + _number(2, _IPV4) + _number(3, 1) + _number(5, 2)
    )
    for where, number in aliases:
        match = _load(_NETWORK, 16, 4) + _equals(ipaddress.IPv4Address(where).packed)
        match += _protocol("tcp") + _port_between(number, number)
        messages.append(_message(_NEW_RULE, table + _text(2, "output") + _nest(4, match + there + translate)))
    return _batch(messages)


# -- what a rule matches


def _what(allow: Allow) -> bytes:
    if allow.protocol == "-1":
        return b""
    match = _protocol(allow.protocol)
    if allow.protocol in ("tcp", "udp"):
        return match + _port_between(allow.from_port, allow.to_port)
    if allow.protocol == "icmp":  # type and code
        for offset, number in ((0, allow.from_port), (1, allow.to_port)):
            if number >= 0:
                match += _load(_TRANSPORT, offset, 1) + _equals(bytes([number]))
    return match


def _protocol(name: str) -> bytes:
    return _load(_NETWORK, 9, 1) + _equals(bytes([_PROTOCOLS.get(name) or int(name)]))


def _port_between(first: int, last: int) -> bytes:
    load = _load(_TRANSPORT, 2, 2)
    if first == last:
        return load + _equals(struct.pack(">H", first))
    return load + _compare(_AT_LEAST, struct.pack(">H", first)) + _compare(_AT_MOST, struct.pack(">H", last))


def _address(egress: bool) -> bytes:
    """The other side's."""
    return _load(_NETWORK, 16 if egress else 12, 4)


def _in_range(allow: Allow) -> bytes:
    network = ipaddress.IPv4Network(allow.cidr)
    if network.prefixlen == 0:
        return b""
    mask = _masked(network.netmask.packed) if network.prefixlen < 32 else b""
    return _address(allow.egress) + mask + _equals(network.network_address.packed)


def _answers() -> bytes:
    """What connection tracking knows to belong to a connection that was let through."""
    state = _expression("ct", _number(1, _REGISTER) + _number(2, 0))
    return state + _masked(_host_order(_ESTABLISHED_OR_RELATED)) + _compare(_NOT_EQUAL, bytes(4))


# -- expressions


def _load(base: int, offset: int, size: int) -> bytes:
    return _expression("payload", _number(1, _REGISTER) + _number(2, base) + _number(3, offset) + _number(4, size))


def _meta(key: int) -> bytes:
    return _expression("meta", _number(1, _REGISTER) + _number(2, key))


def _masked(mask: bytes) -> bytes:
    registers = _number(1, _REGISTER) + _number(2, _REGISTER) + _number(3, len(mask))
    return _expression("bitwise", registers + _data(4, mask) + _data(5, bytes(len(mask))))


def _equals(value: bytes) -> bytes:
    return _compare(_EQUAL, value)


def _compare(operator: int, value: bytes) -> bytes:
    return _expression("cmp", _number(1, _REGISTER) + _number(2, operator) + _data(3, value))


def _in_set(number: int) -> bytes:
    lookup = _text(1, _set_name(number)) + _number(2, _REGISTER) + _number(4, number)
    return _expression("lookup", lookup)


def _accept() -> bytes:
    verdict = _nest(2, _nest(2, _number(1, _ACCEPT)))
    return _expression("immediate", _number(1, _VERDICT) + verdict)


def _put(register: int, value: bytes) -> bytes:
    return _expression("immediate", _number(1, register) + _data(2, value))


def _expression(name: str, data: bytes) -> bytes:
    return _nest(1, _text(1, name) + _nest(2, data))


# -- messages


def _chain(name: str, hook: int) -> bytes:
    where = _nest(4, _number(1, hook) + _number(2, 0))
    return _message(_NEW_CHAIN, _text(1, TABLE) + _text(3, name) + where + _number(5, _DROP) + _text(7, "filter"))


def _rule(chain: str, match: bytes) -> bytes:
    return _message(_NEW_RULE, _text(1, TABLE) + _text(2, chain) + _nest(4, match + _accept()))


def _address_set(number: int, addresses: Sequence[str]) -> list[bytes]:
    name = _text(2, _set_name(number))
    key = _number(4, 7) + _number(5, 4)  # of the type that nft calls ipv4_addr
    described = _text(1, TABLE) + name + _number(3, _SET_ANONYMOUS_CONSTANT) + key + _number(10, number)
    messages = [_message(_NEW_SET, described)]
    for at in range(0, len(addresses), _ELEMENTS_A_MESSAGE):
        elements = b"".join(
            _nest(1, _data(1, ipaddress.IPv4Address(each).packed)) for each in addresses[at : at + _ELEMENTS_A_MESSAGE]
        )
        which = _text(1, TABLE) + name + _number(4, number)
        messages.append(_message(_NEW_ELEMENTS, which + _nest(3, elements)))
    return messages


def _set_name(number: int) -> str:
    return f"__set{number}"


def _batch(messages: Iterable[bytes]) -> bytes:
    """The last message is to be acknowledged, so that its reader learns that all went well."""
    *first, last = messages
    size, kind, flags = struct.unpack_from("=IHH", last)
    last = struct.pack("=IHH", size, kind, flags | _ACKNOWLEDGE) + last[8:]
    return b"".join([_frame(_BATCH_BEGIN), *first, last, _frame(_BATCH_END)])


def _frame(kind: int) -> bytes:
    return _with_head(kind, _REQUEST, struct.pack(">BBH", 0, 0, _SUBSYSTEM))


def _message(kind: int, body: bytes, *, create: bool = True) -> bytes:
    flags = _REQUEST | (_CREATE if create else 0) | (_APPEND if kind == _NEW_RULE else 0)
    return _with_head(_SUBSYSTEM << 8 | kind, flags, struct.pack(">BBH", _IPV4, 0, 0) + body)


def _with_head(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body


# -- attributes, padded to four bytes


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _nest(kind: int, value: bytes) -> bytes:
    return _attribute(kind | _NESTED, value)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack(">I", value))


def _data(kind: int, value: bytes) -> bytes:
    return _nest(kind, _attribute(1, value))


def _host_order(value: int) -> bytes:
    return struct.pack("=I", value)
