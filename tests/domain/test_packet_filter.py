"""What the groups of an interface let through."""

from __future__ import annotations

from emulator.domain.networks.packet_filter import OPEN_EGRESS, Allow, allowances, lets_in
from emulator.domain.networks.security_group import ALL, Rule, SecurityGroup, open_egress


def group(group_id: str, *rules: Rule) -> SecurityGroup:
    return SecurityGroup("1", "r", group_id, group_id, "vpc", "", list(rules))


def test_rules_of_all_groups_add_up_without_doubles() -> None:
    http = Rule("sgr-1", False, "tcp", 80, 80, cidr_ipv4="10.0.0.0/8")
    groups = {"a": group("a", http, open_egress("sgr-2")), "b": group("b", http)}
    assert allowances(["a", "b"], groups, {}) == (Allow(False, "tcp", 80, 80, cidr="10.0.0.0/8"), OPEN_EGRESS)


def test_a_rule_for_a_group_means_the_addresses_in_it() -> None:
    rule = Rule("sgr-1", False, ALL, group_id="b")
    groups = {"a": group("a", rule), "b": group("b")}
    assert allowances(["a"], groups, {"b": {"10.0.0.5", "10.0.0.4"}}) == (
        Allow(False, ALL, addresses=("10.0.0.4", "10.0.0.5")),
    )
    assert allowances(["a"], groups, {}) == ()


def test_ipv6_lets_nothing_through_and_an_unknown_group_is_as_new() -> None:
    six = Rule("sgr-1", False, ALL, cidr_ipv6="::/0")
    assert allowances(["a"], {"a": group("a", six)}, {}) == ()
    assert allowances(["sg-12345678"], {}, {}) == (OPEN_EGRESS,)


def test_who_is_let_in() -> None:
    http = Allow(False, "tcp", 80, 81, cidr="10.0.0.0/8")
    assert lets_in([http], "tcp", 81, "10.1.2.3")
    assert not lets_in([http], "tcp", 82, "10.1.2.3")
    assert not lets_in([http], "udp", 80, "10.1.2.3")
    assert not lets_in([http], "tcp", 80, "172.31.0.1")
    assert lets_in([Allow(False, ALL, addresses=("172.31.0.1",))], "udp", 5, "172.31.0.1")
    assert not lets_in([Allow(False, ALL, addresses=("172.31.0.1",)), OPEN_EGRESS], "udp", 5, "172.31.0.2")
